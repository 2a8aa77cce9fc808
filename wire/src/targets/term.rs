//! The parts that an expression is made of.

use std::ops::Range;

use crate::name::MinionName;
use regex::Regex;

use super::fact::FactTest;
use super::glob::Glob;

/// One part of an expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// What cannot be divided.
    Term(Term),
    /// All minions that the part does not match.
    Complement(Box<Node>),
    /// The minions that every part matches.
    Intersection(Vec<Node>),
    /// The minions that any part matches.
    Union(Vec<Node>),
}

impl Node {
    /// How many minions it can mean at most, whoever is enrolled; `None` where it does not say that.
    pub(super) fn at_most(&self) -> Option<usize> {
        match self {
            Node::Term(Term { kind: TermKind::Name(_), .. }) => Some(1),
            Node::Term(_) | Node::Complement(_) => None,
            Node::Intersection(parts) => parts.iter().filter_map(Node::at_most).min(),
            Node::Union(parts) => parts.iter().map(Node::at_most).sum(),
        }
    }
}

/// A term of an expression.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// What it matches.
    pub(super) kind: TermKind,
    /// The place of the term in the expression, in bytes.
    pub(super) place: Range<usize>,
}

/// What a term matches.
#[derive(Clone, Debug)]
pub(super) enum TermKind {
    /// The minion of this name.
    Name(MinionName),
    /// Minions whose name the glob matches.
    Glob(Glob),
    /// Minions whose whole name the expression matches.
    Regex(Regex),
    /// Members of a group.
    Group(GroupTerm),
    /// Minions whose facts pass.
    Fact(FactTest),
}

/// A group, and which of its members are meant.
#[derive(Clone, Debug)]
pub(super) struct GroupTerm {
    /// The group's name.
    pub(super) name: String,
    /// Which members are meant; all where there is none.
    pub(super) only: Option<Box<Node>>,
    /// Where the group is named in the expression, in bytes.
    pub(super) place: Range<usize>,
}
