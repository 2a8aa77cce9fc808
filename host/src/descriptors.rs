//! How many file descriptors this process may have, and how many of them are not for guests.

use machine::descriptors::{Raised, raise};

/// Descriptors that are kept for the minion itself: its link, its ledger, its modules, its doors.
const RESERVE: u64 = 256;

/// The limits of this process on descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors(Raised);

impl Descriptors {
    /// Those of this process. The first call raises the soft limit as far as it goes.
    pub(crate) fn of_process() -> Self {
        Self(raise())
    }

    /// How many there are.
    pub(crate) fn limit(self) -> u64 {
        self.0.limit
    }

    /// How many guests may have, all together.
    pub(crate) fn for_guests(self) -> u64 {
        self.limit() - RESERVE.min(self.limit() / 8 * 3)
    }

    /// How many of them are open.
    pub(crate) fn open() -> Option<u64> {
        // The folder that is read is one of them.
        Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
    }

    /// Gives this process the limit that it was started with, before a program begins: some cannot do with descriptors of more
    /// than three digits.
    ///
    /// Makes system calls only, and allocates nothing.
    pub(crate) fn put_back(self) -> nix::Result<()> {
        self.0.put_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept_however_few_there_are() {
        let few = |limit| Descriptors(Raised { started_with: limit, limit }).for_guests();
        assert_eq!([few(20_000), few(512), few(256), few(64)], [19_744, 320, 160, 40]);
    }

    #[test]
    fn those_that_are_open_can_be_counted() {
        assert!(Descriptors::open().expect("can be counted") >= 3);
    }
}
