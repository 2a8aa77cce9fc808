//! Some of the candidates, by their place in the sorted list.

/// A set of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Members(Vec<bool>);

impl Members {
    /// None of `count` candidates.
    pub(super) fn none(count: usize) -> Self {
        Self(vec![false; count])
    }

    /// All of `count` candidates.
    pub(super) fn all(count: usize) -> Self {
        Self(vec![true; count])
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }

    pub(super) fn insert(&mut self, index: usize) {
        self.0[index] = true;
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.0[index] = false;
    }

    /// Adds the others.
    pub(super) fn add(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own |= other);
    }

    /// Keeps only those that are among the others too.
    pub(super) fn keep(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own &= other);
    }

    /// Takes the others out.
    pub(super) fn subtract(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own &= !other);
    }

    /// Where they stand, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, member)| **member).map(|(index, _)| index)
    }
}
