//! The minions that an expression can match.

use wire::name::MinionName;

/// Names of minions in order, each once, so that names are found and globs narrowed down by bisection.
///
/// Kept while the names stay the same, it makes a look-up cheap: nothing is sorted again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(Vec<MinionName>);

impl Roster {
    /// The roster of these names.
    pub fn new(mut names: Vec<MinionName>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// The names, in order.
    pub fn names(&self) -> &[MinionName] {
        &self.0
    }
}

impl FromIterator<MinionName> for Roster {
    fn from_iter<I: IntoIterator<Item = MinionName>>(names: I) -> Self {
        Self::new(names.into_iter().collect())
    }
}
