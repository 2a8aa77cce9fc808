//! How many file descriptors this process may have, and how many of them are not for guests.

use std::sync::OnceLock;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};

/// Descriptors that are kept for the minion itself: its link, its ledger, its modules, its doors.
const RESERVE: u64 = 256;
/// As many as are ever counted with, where there is no limit.
const PLENTY: u64 = 1 << 20;

/// The limits of this process on descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// The soft limit with which the process was started: programs get it back, since some cannot do with
    /// descriptors of more than three digits.
    started_with: rlim_t,
    /// The limit now.
    limit: u64,
}

impl Descriptors {
    /// Those of this process. The first call raises the soft limit as far as it goes.
    pub(crate) fn of_process() -> Self {
        static OURS: OnceLock<Descriptors> = OnceLock::new();
        *OURS.get_or_init(Self::raise)
    }

    /// How many there are.
    pub(crate) fn limit(self) -> u64 {
        self.limit
    }

    /// How many guests may have, all together.
    pub(crate) fn for_guests(self) -> u64 {
        self.limit - RESERVE.min(self.limit / 8 * 3)
    }

    /// How many of them are open.
    pub(crate) fn open() -> Option<u64> {
        // The folder that is read is one of them.
        Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
    }

    /// Gives this process the limit that it was started with: for a program, before it begins.
    ///
    /// Makes system calls only, and allocates nothing.
    pub(crate) fn put_back(self) -> nix::Result<()> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, self.started_with, hard)
    }

    fn raise() -> Self {
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return Self { started_with: RLIM_INFINITY, limit: PLENTY };
        };
        let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        if !raised {
            tracing::warn!(soft, hard, "the limit of open files cannot be raised");
        }
        let limit = if raised { hard } else { soft };
        Self { started_with: soft, limit: limit.min(PLENTY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept_however_few_there_are() {
        let few = |limit| Descriptors { started_with: limit, limit }.for_guests();
        assert_eq!([few(20_000), few(512), few(256), few(64)], [19_744, 320, 160, 40]);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let limit = Descriptors::of_process().limit();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("answers");
        assert_eq!((soft, limit), (hard, hard.min(PLENTY)));
        assert!(Descriptors::open().expect("can be counted") >= 3);
    }
}
