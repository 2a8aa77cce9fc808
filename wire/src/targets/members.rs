//! Which of the candidates match, by their places in the sorted list.

/// Whether a candidate matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does not match.
    No,
    /// Nobody knows: it depends on facts that the minion never told.
    Unknown,
    /// It matches.
    Yes,
}

impl From<bool> for Truth {
    fn from(matches: bool) -> Self {
        if matches { Truth::Yes } else { Truth::No }
    }
}

/// A set of candidates, of some of which it is not known whether they belong to it.
///
/// Each candidate has two bits: whether it may belong to the set, and whether it certainly does, which no
/// candidate does that may not. So union and intersection of sets are those of the bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Members(Vec<u8>);

const MAY: u8 = 0b10;
const DOES: u8 = 0b11;

impl Members {
    /// None of `count` candidates.
    pub(super) fn none(count: usize) -> Self {
        Self(vec![0; count])
    }

    /// All of `count` candidates.
    pub(super) fn all(count: usize) -> Self {
        Self(vec![DOES; count])
    }

    /// Whether the candidate at this place belongs to the set.
    pub(super) fn truth(&self, index: usize) -> Truth {
        match self.0.get(index) {
            Some(&DOES) => Truth::Yes,
            Some(&MAY) => Truth::Unknown,
            _ => Truth::No,
        }
    }

    /// Adds the candidate at this place, as far as it is known to belong to the set.
    pub(super) fn insert(&mut self, index: usize, truth: Truth) {
        self.0[index] |= match truth {
            Truth::No => 0,
            Truth::Unknown => MAY,
            Truth::Yes => DOES,
        };
    }

    /// Takes the candidate at this place out.
    pub(super) fn remove(&mut self, index: usize) {
        self.0[index] = 0;
    }

    /// Adds the candidates of the other set.
    pub(super) fn add(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own |= other);
    }

    /// Keeps only candidates that are in the other set too.
    pub(super) fn keep(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own &= other);
    }

    /// Takes the candidates of the other set out.
    pub(super) fn subtract(&mut self, others: &Members) {
        self.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own &= complement(*other));
    }

    /// The places of the candidates of which this is true, in order.
    pub(super) fn which(&self, truth: Truth) -> impl Iterator<Item = usize> {
        (0..self.0.len()).filter(move |index| self.truth(*index) == truth)
    }
}

/// The bits of a candidate in the complement: one that may belong to the set does not certainly belong to the
/// complement, and the other way round.
fn complement(bits: u8) -> u8 {
    match bits {
        MAY => MAY,
        bits => !bits & DOES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of three candidates, one of each truth, beside one in which all have `truth`.
    fn sets(truth: Truth) -> (Members, Members) {
        let mut members = (Members::none(3), Members::none(3));
        for (index, own) in [Truth::No, Truth::Unknown, Truth::Yes].into_iter().enumerate() {
            members.0.insert(index, own);
            members.1.insert(index, truth);
        }
        members
    }

    fn truths(members: &Members) -> [Truth; 3] {
        [0, 1, 2].map(|index| members.truth(index))
    }

    #[test]
    fn what_is_not_known_stays_so_unless_the_other_side_decides() {
        use Truth::{No, Unknown, Yes};
        for (other, union, intersection, difference) in [
            (No, [No, Unknown, Yes], [No, No, No], [No, Unknown, Yes]),
            (Unknown, [Unknown, Unknown, Yes], [No, Unknown, Unknown], [No, Unknown, Unknown]),
            (Yes, [Yes, Yes, Yes], [No, Unknown, Yes], [No, No, No]),
        ] {
            let (mut members, others) = sets(other);
            members.add(&others);
            assert_eq!(truths(&members), union, "or {other:?}");
            let (mut members, others) = sets(other);
            members.keep(&others);
            assert_eq!(truths(&members), intersection, "and {other:?}");
            let (mut members, others) = sets(other);
            members.subtract(&others);
            assert_eq!(truths(&members), difference, "and not {other:?}");
        }
    }
}
