//! Whether what daemons take stays flat.

use super::vitals::Vitals;

/// One thing that must not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Resident memory, in bytes. Allowed: a fifth and 8 MiB, for caches that fill and for the allocator.
    Resident,
    /// Open file handles. Allowed: 16, for the ledger opens more files as it grows.
    Handles,
    /// Child processes. Allowed: none.
    Children,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 3] = [Measure::Resident, Measure::Handles, Measure::Children];

    /// The word for it in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Resident => "resident",
            Measure::Handles => "handles",
            Measure::Children => "children",
        }
    }

    fn of(self, vitals: &Vitals) -> u64 {
        match self {
            Measure::Resident => vitals.resident,
            Measure::Handles => vitals.handles,
            Measure::Children => vitals.children,
        }
    }

    fn allowed(self, before: u64) -> u64 {
        match self {
            Measure::Resident => before / 5 + (8 << 20),
            Measure::Handles => 16,
            Measure::Children => 0,
        }
    }
}

/// How one thing grew from the first half of a run to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// What.
    pub measure: Measure,
    /// The most of it in the first half, without the first fifth of the run, which is the warm-up.
    pub before: u64,
    /// The most of it in the second half.
    pub after: u64,
    /// By how much it may grow.
    pub allowed: u64,
}

impl Growth {
    /// Whether it is within what is allowed.
    pub fn is_flat(&self) -> bool {
        self.after <= self.before + self.allowed
    }
}

/// Judges the samples of one daemon, taken at equal distances from the start of a run to its end.
pub(super) fn judge(samples: &[Vitals]) -> Vec<Growth> {
    let last = samples.len().saturating_sub(1);
    let (warm, half) = (last.div_ceil(5), last / 2);
    let most = |measure: Measure, from: usize, to: usize| {
        samples.get(from..=to).unwrap_or_default().iter().map(|vitals| measure.of(vitals)).max()
    };
    let growth = |measure: Measure| {
        let before = most(measure, warm, half)?;
        let after = most(measure, half + 1, last)?;
        Some(Growth { measure, before, after, allowed: measure.allowed(before) })
    };
    Measure::ALL.into_iter().filter_map(growth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn growing(resident: impl Fn(u64) -> u64) -> Vec<Vitals> {
        (0..=20).map(|at| Vitals { resident: resident(at), handles: 30, children: 0 }).collect()
    }

    fn flat(samples: &[Vitals]) -> bool {
        let growth = judge(samples);
        assert_eq!(growth.len(), 3);
        growth.iter().all(Growth::is_flat)
    }

    #[test]
    fn growth_in_the_warm_up_does_not_count() {
        assert!(flat(&growing(|at| if at < 4 { 20 * MIB + at * 10 * MIB } else { 60 * MIB })));
    }

    #[test]
    fn steady_growth_is_not_flat() {
        assert!(!flat(&growing(|at| 40 * MIB + at * 3 * MIB)));
    }

    #[test]
    fn growth_within_the_allowance_is_flat() {
        assert!(flat(&growing(|at| 40 * MIB + at * MIB)));
    }

    #[test]
    fn one_child_that_stays_is_too_many() {
        let mut samples = growing(|_| 40 * MIB);
        samples[20].children = 1;
        assert!(!flat(&samples));
    }

    #[test]
    fn a_high_moment_in_the_first_half_is_a_level_that_the_second_may_reach() {
        assert!(flat(&growing(|at| if at == 7 || at == 15 { 100 * MIB } else { 40 * MIB })));
    }

    #[test]
    fn nothing_can_be_said_without_samples() {
        assert!(judge(&[]).is_empty());
    }
}
