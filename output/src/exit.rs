//! How a command ended, and the exit code that says so.

use std::process::ExitCode;

use wire::message::operator::RefusalKind;

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As it should: for a call, every outcome is `ok`.
    Ok,
    /// Some outcome is not `ok`, or something on this host did not work.
    Failed,
    /// The command line or the request is wrong: bad arguments, unknown method, unknown job.
    Usage,
    /// No minion matches.
    NoMatch,
    /// The overlord is not reachable, or refuses the operator.
    Unreachable,
    /// Interrupted by the user.
    Interrupted,
    /// The reader of stdout has gone, and nothing that is not as it should be was known by then.
    ClosedPipe,
    /// What the command under `overlord dev --exec` exited with.
    Command(u8),
}

impl Exit {
    /// The number for it.
    pub fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NoMatch => 3,
            Exit::Unreachable => 4,
            Exit::Interrupted => 130,
            // As of a program that its pipe ended.
            Exit::ClosedPipe => 141,
            Exit::Command(code) => code,
        }
    }

    /// `Ok` where all went well.
    pub fn of(all_well: bool) -> Self {
        if all_well { Exit::Ok } else { Exit::Failed }
    }

    /// What a refused request comes to.
    pub fn of_refusal(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::BadRequest | RefusalKind::NotFound | RefusalKind::NeedsConfirmation => Exit::Usage,
            RefusalKind::NoMatch => Exit::NoMatch,
            RefusalKind::Busy => Exit::Failed,
            RefusalKind::Denied | RefusalKind::Unavailable => Exit::Unreachable,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
