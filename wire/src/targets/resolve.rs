//! From an expression to the minions that it means.

use crate::message::operator::Target;
use crate::name::MinionName;

use super::error::TargetError;
use super::expression::Expression;
use super::lookup::Lookup;
use super::members::{Members, Truth};
use super::resolver::{Resolver, Unheard, Unmatched};

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

/// What a target means at one moment. Minions are in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The minions that match.
    pub minions: Vec<MinionName>,
    /// The minions of which it is open whether they match, since a negated test depends on facts that they never
    /// told.
    pub undecided: Vec<MinionName>,
    /// Further minions that would match if facts that they never told were such.
    pub unheard: Vec<MinionName>,
    /// The terms that match no minion.
    pub unmatched: Vec<Unmatched>,
    /// How many minions matched before the exclusion took some out.
    pub before_exclusion: usize,
    /// Where none matched: how many the expression would match without its complements.
    pub before_complement: usize,
}

impl Expression {
    /// Whether it matches one minion. Fails on a group that is unknown or contains itself.
    ///
    /// For many minions [`resolve`] is cheaper: it looks at each group once.
    pub fn matches(&self, name: &MinionName, lookup: &impl Lookup) -> Result<Truth, TargetError> {
        let mut resolver = Resolver::new(std::slice::from_ref(name), lookup, Unheard::Unknown);
        Ok(resolver.members(self, false)?.truth(0))
    }

    /// Which of the names, which are in order, it certainly matches: not those of which it is not known, since they told
    /// no facts, or not one that is tested.
    ///
    /// # Errors
    /// As for [`Expression::matches`], and where it costs too much to look at.
    pub fn certain(&self, names: &[MinionName], lookup: &impl Lookup) -> Result<Vec<bool>, TargetError> {
        let members = Resolver::new(names, lookup, Unheard::AlsoOfOne).members(self, false)?;
        Ok((0..names.len()).map(|index| members.truth(index) == Truth::Yes).collect())
    }
}

/// Which of the candidates a target means.
///
/// # Errors
/// [`TargetError`], for an expression that cannot be parsed, costs too much to look at, or has a group in it that
/// is unknown or contains itself.
pub fn resolve(target: &Target, candidates: &Roster, lookup: &impl Lookup) -> Result<Matched, TargetError> {
    let expression = Expression::parse(&target.expression)?;
    let exclude = target.exclude.as_deref().map(Expression::parse).transpose()?;
    let names = candidates.names();
    let mut resolver = Resolver::new(names, lookup, Unheard::Fails).noting();
    let (before, members) = look(&mut resolver, &expression, exclude.as_ref())?;
    let named = |members: &Members, truth| -> Vec<MinionName> {
        members.which(truth).map(|index| names[index].clone()).collect()
    };
    let mut matched = Matched {
        minions: named(&members, Truth::Yes),
        undecided: named(&members, Truth::Unknown),
        before_exclusion: before.which(Truth::Yes).count(),
        ..Matched::default()
    };
    if resolver.guessed {
        let mut resolver = Resolver::new(names, lookup, Unheard::Unknown);
        let (_, may) = look(&mut resolver, &expression, exclude.as_ref())?;
        let unheard = may.which(Truth::Unknown).filter(|index| members.truth(*index) == Truth::No);
        matched.unheard = unheard.map(|index| names[index].clone()).collect();
    }
    if matched.before_exclusion == 0 {
        let mut resolver = Resolver::new(names, lookup, Unheard::Fails);
        matched.before_complement = resolver.affirmed(&expression)?.which(Truth::Yes).count();
    }
    matched.unmatched = resolver.into_unmatched();
    Ok(matched)
}

/// The candidates that match the expression, and those of them that are not excluded.
fn look<L: Lookup>(
    resolver: &mut Resolver<'_, L>,
    expression: &Expression,
    exclude: Option<&Expression>,
) -> Result<(Members, Members), TargetError> {
    let before = resolver.members(expression, false)?;
    let mut members = before.clone();
    if let Some(exclude) = exclude {
        members.subtract(&resolver.members(exclude, true)?);
    }
    Ok((before, members))
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests;
