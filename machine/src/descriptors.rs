//! How many file descriptors this process may have.

use std::sync::OnceLock;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};

/// As many as are ever counted with, where there is no limit.
const PLENTY: u64 = 1 << 20;

/// The soft limit of a process that has raised it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// That with which it was started.
    pub started_with: rlim_t,
    /// How many there may be now.
    pub limit: u64,
}

/// How many there may be at this moment.
pub fn limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(PLENTY, |(soft, _)| soft.min(PLENTY))
}

/// Raises the soft limit as far as it goes, the first time that it is asked for.
pub fn raise() -> Raised {
    static OURS: OnceLock<Raised> = OnceLock::new();
    *OURS.get_or_init(|| {
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
            return Raised { started_with: RLIM_INFINITY, limit: PLENTY };
        };
        let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        if !raised {
            tracing::warn!(soft, hard, "the limit of open files cannot be raised");
        }
        let limit = if raised { hard } else { soft };
        Raised { started_with: soft, limit: limit.min(PLENTY) }
    })
}

impl Raised {
    /// Gives this process the limit that it was started with: for a program, before it begins.
    ///
    /// Makes system calls only, and allocates nothing.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn put_back(self) -> nix::Result<()> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, self.started_with, hard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes_and_put_back() {
        let ours = raise();
        let Raised { started_with, limit: raised } = ours;
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("answers");
        assert_eq!((soft, raised, limit()), (hard, hard.min(PLENTY), hard.min(PLENTY)));
        ours.put_back().expect("lowered");
        assert_eq!(limit(), started_with.min(PLENTY));
        assert_eq!(raise().limit, raised, "asked for once");
    }
}
