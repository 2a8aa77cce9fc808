//! What is wrong with a target expression, and where.

use std::ops::Range;

use crate::message::operator::{Refusal, RefusalKind};

/// The most characters of an expression that a message shows around the place.
const MAX_EXCERPT: usize = 70;

/// The error for a target expression that cannot be resolved, with the place in it that is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("target \"{excerpt}\", column {column}: {problem}")]
pub struct TargetError {
    excerpt: String,
    column: usize,
    place: Range<usize>,
    problem: Problem,
}

/// What is wrong at one place of a target expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Problem {
    #[error("it is empty: write a name, a pattern such as \"web*\", or \"*\" for all")]
    Empty,
    #[error("a term is missing here: a name, a pattern, @group, ~regex or a fact test")]
    TermMissing,
    #[error("\"{0}\" does not belong here: join terms by \",\" (or) and \"&\" (and)")]
    Unexpected(char),
    #[error("this \"{0}\" is never closed")]
    Unclosed(char),
    #[error("this \")\" was never opened")]
    Unopened,
    #[error("{0}")]
    BadName(String),
    #[error("\"[…]\" holds letters and digits, one by one or as ranges such as \"0-9\"")]
    BadClass,
    #[error("a group's name is missing after \"@\"")]
    GroupMissing,
    #[error(
        "there is no group \"{0}\": this version has no groups yet, use names, patterns or labels (role=web)"
    )]
    UnknownGroup(String),
    #[error("group \"{group}\" contains itself{}", by_way_of(.by))]
    Cycle { group: String, by: Vec<String> },
    #[error("group \"{group}\" cannot be followed: {error}")]
    InGroup { group: String, error: Box<TargetError> },
    #[error("not a regular expression: {0}")]
    BadRegex(String),
    #[error("a fact's name has letters, digits, \"-\", \"_\" and \".\"")]
    BadFact,
    #[error("there is no operator \"{0}\": use =, !=, <, <=, >, >=, ^= (starts with) or *= (contains)")]
    UnknownOperator(String),
    #[error("a value is missing here: \"\" is an empty one, and one with blanks or commas goes in quotes")]
    ValueMissing,
    #[error(
        "it takes too many comparisons: use fewer fact tests and patterns, or patterns with a literal beginning"
    )]
    TooMuch,
    #[error("more than {limit} {what}")]
    TooMany { limit: usize, what: &'static str },
}

fn by_way_of(groups: &[String]) -> String {
    if groups.is_empty() { String::new() } else { format!(" by way of {}", groups.join(", ")) }
}

impl TargetError {
    /// The error that the bytes `place` of `expression` are to blame for `problem`, or where there are none, the
    /// character that begins there.
    pub(super) fn new(expression: &str, place: Range<usize>, problem: Problem) -> Self {
        let before = expression.get(..place.start).map_or(0, |before| before.chars().count());
        let length = expression.get(place).map_or(1, |at| at.chars().count()).clamp(1, MAX_EXCERPT / 2);
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let first = before.saturating_sub(MAX_EXCERPT / 2);
        let mut excerpt: String = expression.chars().skip(first).take(MAX_EXCERPT).map(shown).collect();
        if expression.chars().nth(first + MAX_EXCERPT).is_some() {
            excerpt.push('…');
        }
        let mut start = before - first;
        if first > 0 {
            excerpt.insert(0, '…');
            start += 1;
        }
        TargetError { excerpt, column: before + 1, place: start..start + length, problem }
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Where it begins, counted in characters from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Two lines for a terminal: the expression, and below it the place and what is wrong there.
    pub fn pointed(&self) -> String {
        let (blank, mark) = (" ".repeat(self.place.start), "^".repeat(self.place.len()));
        format!("{}\n{blank}{mark} {}", self.excerpt, self.problem)
    }
}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Self {
        Refusal::new(RefusalKind::BadRequest, error.to_string())
    }
}
