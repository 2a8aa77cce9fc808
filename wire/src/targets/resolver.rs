//! Matching one expression against a list of candidates.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use crate::name::{MinionName, as_counted};

use super::error::{Problem, TargetError};
use super::expression::Expression;
use super::fact::FactTest;
use super::lookup::Lookup;
use super::members::{Members, Truth};
use super::term::{GroupTerm, Node, Term, TermKind};

/// How much a comparison of each kind costs, in about the time that a glob takes.
const GLOB: u64 = 1;
const REGEX: u64 = 5;
const FACT: u64 = 20;

/// How much one expression may cost: two thousand globs without a literal beginning over ten thousand minions.
const MAX_EFFORT: u64 = 20_000_000;

/// How deep groups may be members of groups.
const MAX_GROUP_DEPTH: usize = 32;

/// How a test that nothing negates ends for a minion whose facts were never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unheard {
    /// It does not pass.
    Fails,
    /// Nobody knows, as with tests that are negated.
    Unknown,
    /// Nobody knows, and neither where it told other facts but not the one that is tested.
    AlsoOfOne,
}

/// A term that matches no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The term as it was written.
    pub term: String,
    /// What kind of term it is.
    pub kind: UnmatchedKind,
    /// Whether it was meant to take minions out.
    pub negated: bool,
}

/// What kind of term matches no candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnmatchedKind {
    /// A name.
    Name(MinionName),
    /// A test of a fact at this path, and whether any candidate has it.
    Fact {
        /// The path of the fact: names with dots between them.
        path: String,
        /// Whether some candidate has told it.
        told: bool,
    },
    /// Anything else.
    Other,
}

/// One match of an expression against a list of candidates, in which each group is followed once.
pub(super) struct Resolver<'a, L> {
    /// The candidates, in order: those of a roster, or a single one.
    names: &'a [MinionName],
    lookup: &'a L,
    unheard: Unheard,
    followed: HashMap<(String, bool), Rc<Members>>,
    following: Vec<String>,
    effort: u64,
    /// The terms that match nobody, without those within groups; `None` where nobody wants to know them.
    unmatched: Option<Vec<Unmatched>>,
    /// These terms again, each with whether it is negated.
    seen: HashSet<(String, bool)>,
    /// Whether a test ended as it did only because facts were never told.
    pub(super) guessed: bool,
}

/// The place of a term in a target.
#[derive(Clone, Copy)]
struct TermPlace<'t> {
    /// The expression around it.
    text: &'t str,
    /// Whether what the term matches is, or may be, taken out.
    negated: bool,
}

impl<'a, L: Lookup> Resolver<'a, L> {
    /// A match against these candidates, which are in order.
    pub(super) fn new(names: &'a [MinionName], lookup: &'a L, unheard: Unheard) -> Self {
        let (followed, following, seen) = (HashMap::new(), Vec::new(), HashSet::new());
        Self { names, lookup, unheard, followed, following, effort: 0, unmatched: None, seen, guessed: false }
    }

    /// The same match, which also notes the terms that match nobody.
    pub(super) fn noting(self) -> Self {
        Self { unmatched: Some(Vec::new()), ..self }
    }

    /// The terms that were noted.
    pub(super) fn into_unmatched(self) -> Vec<Unmatched> {
        self.unmatched.unwrap_or_default()
    }

    /// The candidates that the expression matches, which are to be taken out where it is negated.
    pub(super) fn members(&mut self, expression: &Expression, negated: bool) -> Result<Members, TargetError> {
        self.evaluate(TermPlace { text: expression.as_str(), negated }, expression.root())
    }

    /// What an intersection matches without those of its parts that are complements; nobody where it has no
    /// others.
    pub(super) fn affirmed(&mut self, expression: &Expression) -> Result<Members, TargetError> {
        let Node::Intersection(parts) = expression.root() else { return Ok(Members::none(self.names.len())) };
        let rest: Vec<&Node> = parts.iter().filter(|part| !matches!(part, Node::Complement(_))).collect();
        if rest.is_empty() {
            return Ok(Members::none(self.names.len()));
        }
        let mut members = Members::all(self.names.len());
        for part in rest {
            members.keep(&self.evaluate(TermPlace { text: expression.as_str(), negated: false }, part)?);
        }
        Ok(members)
    }

    fn evaluate(&mut self, place: TermPlace<'_>, node: &Node) -> Result<Members, TargetError> {
        let mut members = Members::none(self.names.len());
        self.add(place, node, &mut members)?;
        Ok(members)
    }

    /// Adds what the node matches, so that a union of ten thousand names needs one set.
    fn add(&mut self, place: TermPlace<'_>, node: &Node, members: &mut Members) -> Result<(), TargetError> {
        match node {
            Node::Term(term) => self.add_term(place, term, members)?,
            Node::Complement(_) | Node::Intersection(_) => {
                let parts =
                    if let Node::Intersection(parts) = node { parts } else { std::slice::from_ref(node) };
                members.add(&self.intersection(place, parts)?);
            }
            Node::Union(parts) => {
                for part in parts {
                    self.add(place, part, members)?;
                }
            }
        }
        Ok(())
    }

    fn add_term(
        &mut self,
        place: TermPlace<'_>,
        term: &Term,
        members: &mut Members,
    ) -> Result<(), TargetError> {
        let matched = match &term.kind {
            TermKind::Name(name) => match self.names.binary_search(name) {
                Ok(index) => {
                    members.insert(index, Truth::Yes);
                    true
                }
                Err(_) => false,
            },
            TermKind::Glob(glob) => {
                let names = self.beginning(&glob.prefix());
                self.add_where(place, names, GLOB, members, |name| glob.matches(name.as_str()).into())?
            }
            TermKind::Regex(regex) => {
                let names = 0..self.names.len();
                self.add_where(place, names, REGEX, members, |name| regex.is_match(name.as_str()).into())?
            }
            TermKind::Fact(test) => self.add_facts(place, test, members)?,
            TermKind::Group(group) => self.add_group(place, group, members)?,
        };
        if !matched {
            self.note(place, term);
        }
        Ok(())
    }

    fn add_facts(
        &mut self,
        place: TermPlace<'_>,
        test: &FactTest,
        members: &mut Members,
    ) -> Result<bool, TargetError> {
        let (names, lookup) = (0..self.names.len(), self.lookup);
        let unknown = place.negated || test.is_negated() || self.unheard != Unheard::Fails;
        let of_one = self.unheard == Unheard::AlsoOfOne;
        let mut guessed = false;
        let passes = |name: &MinionName| match lookup.facts(name) {
            Some(facts) if of_one && !test.is_told(&facts) => Truth::Unknown,
            Some(facts) => test.holds(&facts).into(),
            None => {
                guessed = true;
                if unknown { Truth::Unknown } else { Truth::No }
            }
        };
        let matched = self.add_where(place, names, FACT, members, passes)?;
        self.guessed |= guessed;
        Ok(matched)
    }

    fn add_group(
        &mut self,
        place: TermPlace<'_>,
        term: &GroupTerm,
        members: &mut Members,
    ) -> Result<bool, TargetError> {
        let mut group = self.group(place, term)?;
        if let Some(only) = &term.only {
            Rc::make_mut(&mut group).keep(&self.evaluate(place, only)?);
        }
        members.add(&group);
        Ok(group.which(Truth::Yes).next().is_some())
    }

    /// The candidates that every part matches; complements are taken out and never built.
    fn intersection(&mut self, place: TermPlace<'_>, parts: &[Node]) -> Result<Members, TargetError> {
        let mut members = Members::all(self.names.len());
        let negated = TermPlace { negated: true, ..place };
        for part in parts {
            match part {
                Node::Complement(inner) => match &**inner {
                    Node::Term(term @ Term { kind: TermKind::Name(name), .. }) => {
                        match self.names.binary_search(name) {
                            Ok(index) => members.remove(index),
                            Err(_) => self.note(negated, term),
                        }
                    }
                    inner => members.subtract(&self.evaluate(negated, inner)?),
                },
                part => members.keep(&self.evaluate(place, part)?),
            }
        }
        Ok(members)
    }

    /// Adds those of `names` that match, each comparison at its price. Returns whether any certainly does.
    fn add_where(
        &mut self,
        place: TermPlace<'_>,
        names: Range<usize>,
        price: u64,
        members: &mut Members,
        mut matches: impl FnMut(&MinionName) -> Truth,
    ) -> Result<bool, TargetError> {
        let mut matched = false;
        for index in names.clone().filter(|index| members.truth(*index) != Truth::Yes).collect::<Vec<_>>() {
            self.effort += price;
            let truth = matches(&self.names[index]);
            matched |= truth == Truth::Yes;
            members.insert(index, truth);
        }
        if !matched && self.unmatched.is_some() {
            // Of those that were members before, the first one that it matches too is enough.
            let mut before = names.filter(|index| members.truth(*index) == Truth::Yes);
            matched = before.any(|index| {
                self.effort += price;
                matches(&self.names[index]) == Truth::Yes
            });
        }
        if self.effort > MAX_EFFORT {
            return Err(TargetError::new(place.text, 0..0, Problem::TooMuch));
        }
        Ok(matched)
    }

    /// Notes a term that matches nobody. What is wrong with a group's own members does not concern an operator who
    /// uses it.
    fn note(&mut self, place: TermPlace<'_>, term: &Term) {
        let Some(unmatched) = self.unmatched.as_mut().filter(|_| self.following.is_empty()) else { return };
        let kind = match &term.kind {
            TermKind::Name(name) => UnmatchedKind::Name(name.clone()),
            TermKind::Fact(test) => {
                let has =
                    |name: &MinionName| self.lookup.facts(name).is_some_and(|facts| test.is_told(&facts));
                self.effort += FACT * self.names.len() as u64;
                UnmatchedKind::Fact { path: test.path().to_owned(), told: self.names.iter().any(has) }
            }
            TermKind::Group(GroupTerm { only: Some(only), .. }) => {
                // A name that nobody has was noted by itself.
                if let Node::Term(Term { kind: TermKind::Name(name), .. }) = &**only
                    && self.names.binary_search(name).is_err()
                {
                    return;
                }
                UnmatchedKind::Other
            }
            TermKind::Glob(_) | TermKind::Regex(_) | TermKind::Group(_) => UnmatchedKind::Other,
        };
        let written = match &kind {
            UnmatchedKind::Name(name) => name.as_str(),
            _ => place.text.get(term.place.clone()).unwrap_or_default(),
        };
        if self.seen.insert((written.to_owned(), place.negated)) {
            unmatched.push(Unmatched { term: written.to_owned(), kind, negated: place.negated });
        }
    }

    /// The places of the names that begin with this prefix, together with some others where it ends in a number:
    /// `web1` and `web10` do not stand side by side.
    fn beginning(&self, prefix: &str) -> Range<usize> {
        let prefix = prefix.trim_end_matches(|c: char| c.is_ascii_digit());
        let first = self.names.partition_point(|name| as_counted(name.as_str(), prefix).is_lt());
        let count = self.names[first..].partition_point(|name| name.as_str().starts_with(prefix));
        first..first + count
    }

    /// All members of a group.
    fn group(&mut self, place: TermPlace<'_>, term: &GroupTerm) -> Result<Rc<Members>, TargetError> {
        let error = |problem| Err(TargetError::new(place.text, term.place.clone(), problem));
        let key = (term.name.clone(), place.negated);
        if let Some(members) = self.followed.get(&key) {
            return Ok(Rc::clone(members));
        }
        if let Some(start) = self.following.iter().position(|name| *name == term.name) {
            let by = self.following[start + 1..].to_vec();
            return error(Problem::Cycle { group: term.name.clone(), by });
        }
        if self.following.len() == MAX_GROUP_DEPTH {
            return error(Problem::TooMany { limit: MAX_GROUP_DEPTH, what: "groups within groups" });
        }
        let Some(expression) = self.lookup.group(&term.name) else {
            return error(Problem::UnknownGroup(term.name.clone()));
        };
        self.following.push(term.name.clone());
        let members = self.members(&expression, place.negated);
        self.following.pop();
        match members {
            Ok(members) => {
                let members = Rc::new(members);
                self.followed.insert(key, Rc::clone(&members));
                Ok(members)
            }
            // The innermost group is the one to mend: those around it are left out of the message.
            Err(inner) => error(match inner.problem() {
                Problem::InGroup { .. } => inner.problem().clone(),
                _ => Problem::InGroup { group: term.name.clone(), error: Box::new(inner) },
            }),
        }
    }
}
