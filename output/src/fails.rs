//! Which errors can end a command, and what each of them comes to.

use std::error::Error;
use std::fmt::Display;
use std::io;

use machine::configuration::ConfigError;
use wire::identity::IdentityError;
use wire::message::enroll::BadToken;
use wire::message::module::MethodError;
use wire::name::BadName;
use wire::signing::{KeyError, SignatureTooLarge};
use wire::value::arguments::ArgumentError;
use wire::value::given::GivenError;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::screen::Unprinted;

/// An error that can end a command of either program.
pub trait Fails: Error {
    /// Which of the kinds in `docs/json.md` it is of.
    fn kind(&self) -> &'static str {
        if self.exit() == Exit::Usage { "usage" } else { "failed" }
    }

    /// What the program exits with.
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    /// The id of the job that was made all the same.
    fn job(&self) -> Option<String> {
        None
    }
}

impl<E: Fails> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { kind: error.kind(), exit: error.exit(), message: chain(&error), job: error.job() }
    }
}

impl Exit {
    /// How a command ended that came to this and then printed what it had found out.
    ///
    /// A failure stays what it is where the reader of stdout was gone by then. Where all was well, nobody has read to
    /// the end that it was, and the command ends as [`Exit::ClosedPipe`].
    pub fn after_printing<E: Fails, F: From<E>>(self, printed: Result<(), E>) -> Result<Self, F> {
        match printed {
            Err(error) if error.exit() == Exit::ClosedPipe && self != Exit::Ok => Ok(self),
            printed => Ok(printed.map(|()| self)?),
        }
    }
}

/// Says what was tried when something failed.
pub trait Context<T> {
    /// The same with this in front of the message.
    fn context(self, tried: impl Display) -> Result<T, Failure>;

    /// The same, where what was tried is put into words only then.
    fn with_context<D: Display>(self, tried: impl FnOnce() -> D) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, tried: impl Display) -> Result<T, Failure> {
        self.with_context(|| tried)
    }

    fn with_context<D: Display>(self, tried: impl FnOnce() -> D) -> Result<T, Failure> {
        self.map_err(|error| {
            let failure = error.into();
            Failure { message: format!("{}: {}", tried(), failure.message), ..failure }
        })
    }
}

/// An error with its causes in one line, each once.
fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}

impl Fails for io::Error {}

impl Fails for Unprinted {
    fn exit(&self) -> Exit {
        if self.is_unread() { Exit::ClosedPipe } else { Exit::Failed }
    }
}

impl Fails for ConfigError {}
impl Fails for IdentityError {}
impl Fails for BadToken {}
impl Fails for SignatureTooLarge {}

impl Fails for KeyError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::NotAKey(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

impl Fails for GivenError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Fails for ArgumentError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Fails for MethodError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Fails for BadName {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn ended(exit: Exit, error: ErrorKind) -> Result<Exit, Failure> {
        exit.after_printing(Err(Unprinted::from(io::Error::from(error))))
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

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("cannot read \"a\": {0}")]
        Told(#[source] io::Error),
        #[error("cannot start")]
        Untold(#[source] io::Error),
    }

    impl Fails for Sample {}

    #[test]
    fn each_cause_is_told_once() {
        let cause = || io::Error::other("it is gone");
        assert_eq!(Failure::from(Sample::Told(cause())).message, "cannot read \"a\": it is gone");
        assert_eq!(Failure::from(Sample::Untold(cause())).message, "cannot start: it is gone");
    }

    #[test]
    fn what_was_tried_stands_in_front_and_the_kind_stays() {
        let bad: Result<wire::name::ModuleName, _> = "a b".parse();
        let failure = bad.context("give it a name").expect_err("none");
        assert_eq!((failure.kind, failure.exit), ("usage", Exit::Usage));
        assert!(failure.message.starts_with("give it a name: \"a b\" is not"), "{}", failure.message);
        let failed: Result<(), _> = Err(io::Error::other("no"));
        let failure = failed.with_context(|| "cannot").expect_err("failed");
        assert_eq!(
            (failure.kind, failure.exit, failure.message.as_str()),
            ("failed", Exit::Failed, "cannot: no")
        );
    }
}
