//! How a command ended, and the exit code that says so.

use std::process::ExitCode;

use wire::message::operator::RefusalKind;

use crate::fails::Fails;
use crate::failure::Failure;

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

    /// The same after what the command found out was printed: also where its reader had gone by then, unless all of it
    /// was well, which nobody has read to its end.
    pub fn after_printing<E: Fails, F: From<E>>(self, printed: Result<(), E>) -> Result<Self, F> {
        match printed {
            Err(error) if error.exit() == Exit::ClosedPipe && self != Exit::Ok => Ok(self),
            printed => Ok(printed.map(|()| self)?),
        }
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

/// The end of a program: says why its command came to nothing, where it did, unless nobody reads what it prints.
pub fn end(program: &str, ended: Result<Exit, Failure>) -> ExitCode {
    let exit = ended.unwrap_or_else(|failure| {
        if failure.exit != Exit::ClosedPipe {
            failure.say(program);
        }
        failure.exit
    });
    exit.into()
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::screen::Unprinted;

    fn ended(exit: Exit, error: ErrorKind) -> Result<Exit, Failure> {
        exit.after_printing(Err(Unprinted::from(Error::from(error))))
    }

    #[test]
    fn a_closed_pipe_hides_no_failure_and_is_a_quiet_end_of_all_else() {
        assert_eq!(ended(Exit::Failed, ErrorKind::BrokenPipe), Ok(Exit::Failed));
        let unread = ended(Exit::Ok, ErrorKind::BrokenPipe).expect_err("nobody has read it");
        assert_eq!((unread.exit, unread.exit.code()), (Exit::ClosedPipe, 141));
        let full = ended(Exit::Failed, ErrorKind::StorageFull).expect_err("not written");
        assert_eq!(full.exit, Exit::Failed);
        assert!(full.message.starts_with("cannot write to stdout: "), "{}", full.message);
    }
}
