//! The grammar of target expressions.
//!
//! ```text
//! union        = intersection, { ( "," | ";" ), intersection }
//! intersection = factor, { "&", factor }
//! factor       = "!", factor | "(", union, ")" | term
//! term         = name | glob | "@", group, [ ":", ( name | glob ) ] | "~", regex | fact, operator, value
//! ```

use std::ops::Range;

use crate::name::MinionName;
use comparison::Operator;
use regex::RegexBuilder;

use super::error::{Problem, TargetError};
use super::fact::FactTest;
use super::glob::Glob;
use super::term::{GroupTerm, Node, Term, TermKind};

/// The longest expression, in bytes: ten thousand names and more.
const MAX_TEXT: usize = 1 << 20;

/// How deep parentheses and complements may nest.
const MAX_DEPTH: usize = 64;

/// The most regular expressions in one expression, and the size that each may compile to: they are the one
/// kind of term that can cost much more than it takes to write.
const MAX_REGEXES: usize = 64;
const MAX_REGEX_SIZE: usize = 1 << 20;

/// The most dots in the name of a fact.
const MAX_FACT_DOTS: usize = 15;

/// Reads one expression.
pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    regexes: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, regexes: 0 }
    }

    /// Reads the whole text.
    pub(super) fn parse(mut self) -> Result<Node, TargetError> {
        if self.text.len() > MAX_TEXT {
            return Err(self.error_at(0, Problem::TooMany { limit: MAX_TEXT, what: "bytes" }));
        }
        if self.peek().is_none() {
            return Err(self.error_at(0, Problem::Empty));
        }
        let node = self.union()?;
        match self.peek() {
            None => Ok(node),
            Some(')') => Err(self.error_here(Problem::Unopened)),
            Some(other) => Err(self.error_here(Problem::Unexpected(other))),
        }
    }

    fn union(&mut self) -> Result<Node, TargetError> {
        let mut parts = vec![self.intersection()?];
        while matches!(self.peek(), Some(',' | ';')) {
            self.at += 1;
            parts.push(self.intersection()?);
        }
        Ok(single(parts).unwrap_or_else(Node::Union))
    }

    fn intersection(&mut self) -> Result<Node, TargetError> {
        let mut parts = vec![self.factor()?];
        while self.peek() == Some('&') {
            self.at += 1;
            parts.push(self.factor()?);
        }
        Ok(single(parts).unwrap_or_else(Node::Intersection))
    }

    fn factor(&mut self) -> Result<Node, TargetError> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some('!') => Ok(Node::Complement(Box::new(self.nested(Self::factor)?))),
            Some('(') => {
                let inner = self.nested(Self::union)?;
                match self.peek() {
                    Some(')') => {
                        self.at += 1;
                        Ok(inner)
                    }
                    None => Err(self.error_at(start, Problem::Unclosed('('))),
                    Some(other) => Err(self.error_here(Problem::Unexpected(other))),
                }
            }
            Some('@') => self.group(),
            Some('~') => self.regex(),
            None | Some(',' | ';' | '&' | ')') => Err(self.error_here(Problem::TermMissing)),
            Some(_) => self.name_or_fact(),
        }
    }

    /// Goes past one character and one level down.
    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Node, TargetError>,
    ) -> Result<Node, TargetError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error_here(Problem::TooMany { limit: MAX_DEPTH, what: "levels" }));
        }
        self.at += 1;
        self.depth += 1;
        let node = inner(self);
        self.depth -= 1;
        node
    }

    fn group(&mut self) -> Result<Node, TargetError> {
        let start = self.at;
        self.at += 1;
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).to_owned();
        let place = start..self.at;
        if name.is_empty() {
            return Err(self.error(place, Problem::GroupMissing));
        }
        let mut only = None;
        if self.rest().starts_with(':') {
            self.at += 1;
            let word = self.word()?;
            if word.is_empty() {
                return Err(self.error_here(Problem::TermMissing));
            }
            only = Some(Box::new(self.name(word)?));
        }
        Ok(term(TermKind::Group(GroupTerm { name, only, place }), start..self.at))
    }

    /// Reads to the first separator that is not within brackets of the expression itself.
    fn regex(&mut self) -> Result<Node, TargetError> {
        let start = self.at;
        self.at += 1;
        let (mut open, mut class, mut escaped) = (0_usize, false, false);
        let source = self.take_while(|c| {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                ']' => class = false,
                _ if class => {}
                '[' => class = true,
                ',' | ';' | '&' | ')' if open == 0 => return false,
                '(' | '{' => open += 1,
                ')' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            true
        });
        let place = start..start + 1 + source.trim_end().len();
        let source = source.trim();
        if source.is_empty() {
            return Err(self.error(place, Problem::TermMissing));
        }
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            let problem = Problem::TooMany { limit: MAX_REGEXES, what: "regular expressions" };
            return Err(self.error(place, problem));
        }
        let whole = RegexBuilder::new(&format!("^(?:{source})$"))
            .case_insensitive(true)
            .size_limit(MAX_REGEX_SIZE)
            .dfa_size_limit(MAX_REGEX_SIZE)
            .build();
        whole.map(|regex| term(TermKind::Regex(regex), place.clone())).map_err(|error| {
            let text = error.to_string();
            // A syntax error is a drawing of several lines whose last one says it.
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.error(place, Problem::BadRegex(reason.to_owned()))
        })
    }

    fn name_or_fact(&mut self) -> Result<Node, TargetError> {
        let begin = self.at;
        let word = self.word()?;
        if word.is_empty() {
            let other = self.rest().chars().next().unwrap_or_default();
            return Err(self.error_here(Problem::Unexpected(other)));
        }
        let end = self.at;
        self.peek();
        let start = self.at;
        let operator = self.take_while(|c| "=!<>^*~$".contains(c));
        if !operator.contains(['=', '<', '>']) {
            self.at = end;
            return self.name(word);
        }
        let place = start..self.at;
        let Some(operator) = Operator::of(operator) else {
            let problem = Problem::UnknownOperator(operator.to_owned());
            return Err(self.error(place, problem));
        };
        let path = &self.text[word.clone()];
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !path.chars().all(plain) || path.matches('.').count() > MAX_FACT_DOTS {
            return Err(self.error(word, Problem::BadFact));
        }
        let value = self.value()?;
        Ok(term(TermKind::Fact(FactTest::new(path, operator, value)), begin..self.at))
    }

    /// What a fact is compared with: up to the next separator or blank, or in quotes.
    fn value(&mut self) -> Result<&'t str, TargetError> {
        if self.peek() == Some('"') {
            let start = self.at;
            self.at += 1;
            let value = self.take_while(|c| c != '"');
            if !self.rest().starts_with('"') {
                return Err(self.error_at(start, Problem::Unclosed('"')));
            }
            self.at += 1;
            return Ok(value);
        }
        let value = self.take_while(|c| !c.is_whitespace() && !",;&()\"".contains(c));
        if value.is_empty() {
            return Err(self.error_here(Problem::ValueMissing));
        }
        Ok(value)
    }

    /// Reads what may be a name, a glob or the name of a fact, and returns where it stands.
    fn word(&mut self) -> Result<Range<usize>, TargetError> {
        let start = self.at;
        while let Some(next) = self.rest().chars().next() {
            match next {
                // The operator "contains".
                '*' if self.rest().starts_with("*=") => break,
                '*' | '?' | '-' | '_' | '.' => self.at += 1,
                '[' => match self.rest().find(']') {
                    Some(end) => self.at += end + 1,
                    None => return Err(self.error_here(Problem::Unclosed('['))),
                },
                _ if next.is_ascii_alphanumeric() => self.at += 1,
                _ => break,
            }
        }
        Ok(start..self.at)
    }

    /// The term of a word that is a name or a glob.
    fn name(&self, place: Range<usize>) -> Result<Node, TargetError> {
        let word = self.text[place.clone()].to_ascii_lowercase();
        if word.contains(['*', '?', '[']) {
            if word.contains('_') {
                let message = "a minion's name has no \"_\" in it".to_owned();
                return Err(self.error(place, Problem::BadName(message)));
            }
            let glob = Glob::new(&word).ok_or_else(|| self.error(place.clone(), Problem::BadClass))?;
            return Ok(term(TermKind::Glob(glob), place));
        }
        let name: Result<MinionName, _> = word.parse();
        match name {
            Ok(name) => Ok(term(TermKind::Name(name), place)),
            Err(error) => Err(self.error(place, Problem::BadName(error.to_string()))),
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The next character after blanks, which it goes past.
    fn peek(&mut self) -> Option<char> {
        self.take_while(char::is_whitespace);
        self.rest().chars().next()
    }

    fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn error(&self, place: Range<usize>, problem: Problem) -> TargetError {
        TargetError::new(self.text, place, problem)
    }

    /// An error at the next character.
    fn error_here(&self, problem: Problem) -> TargetError {
        self.error_at(self.at, problem)
    }

    /// An error at the character that begins here.
    fn error_at(&self, at: usize, problem: Problem) -> TargetError {
        self.error(at..at, problem)
    }
}

fn term(kind: TermKind, place: Range<usize>) -> Node {
    Node::Term(Term { kind, place })
}

/// The only part, or all of them where there are several.
fn single(mut parts: Vec<Node>) -> Result<Node, Vec<Node>> {
    match parts.pop() {
        Some(only) if parts.is_empty() => Ok(only),
        last => {
            parts.extend(last);
            Err(parts)
        }
    }
}

#[cfg(test)]
mod tests;
