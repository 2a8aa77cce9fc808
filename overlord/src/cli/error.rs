//! What ends a command early, as one line for people.

use std::path::PathBuf;

use output::{Exit, Fails, Unprinted};
use wire::message::job::JobId;
use wire::message::module::MethodError;
use wire::name::{BadName, MinionName, ModuleName};
use wire::signing::mandate::BadCertificate;
use wire::signing::{KeyError, PublicKey};
use wire::value::given::GivenError;

use crate::client::{ClientError, ModuleFileError};
use crate::daemon::DaemonError;
use crate::dev::DevError;
use crate::dial_address::BadDialAddress;
use crate::folder::FolderError;

/// Why a command could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The overlord could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The job was accepted, and then the overlord was lost.
    #[error("{cause}; the job goes on: come back with `overlord job wait {job}`")]
    Detached {
        /// What was lost.
        cause: ClientError,
        /// The job.
        job: JobId,
    },
    /// The overlord has no more to say of a job that is not over.
    #[error("the overlord stopped before the job was over: come back with `overlord job wait {0}`")]
    Unfinished(JobId),
    /// The token could not be read from standard input.
    #[error("cannot read the token: {0}")]
    Token(std::io::Error),
    /// No token can name this address.
    #[error("--address \"{address}\" is {source}")]
    TokenAddress {
        /// What was given.
        address: String,
        /// What is wrong with it.
        source: BadDialAddress,
    },
    /// A token for one name is for one host.
    #[error(
        "\"{name}\" is the name of one host, so --uses must be 1: write a glob for several, such as '{name}*'"
    )]
    UsesOfName {
        /// The name.
        name: MinionName,
    },
    /// The time to wait was over before the overlord had answered.
    #[error(
        "the overlord had not answered within --wait: `overlord job list` shows whether it took the call"
    )]
    NotAnswered,
    /// The overlord was lost while a module was changed.
    #[error(
        "{cause}; minions may be changed already: see `overlord module show {module}`, then do this again, \
         which goes on where it was"
    )]
    ChangeLost {
        /// What was lost.
        cause: ClientError,
        /// The module.
        module: ModuleName,
    },
    /// The overlord was lost before a module's file was there.
    #[error("{cause}; nothing has reached a minion: do this again, which goes on where it was")]
    UploadLost {
        /// What was lost.
        cause: ClientError,
    },
    /// A file that was named cannot be read.
    #[error("cannot read \"{}\": {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that was named is no certificate of a key.
    #[error("\"{}\": {source}; make one with `overlord key certify`", .path.display())]
    KeyCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadCertificate,
    },
    /// A certificate is for another key, or for another operator.
    #[error(
        "\"{}\" is not for the key of this context: have `overlord key certify --authority FILE {operator} {key}` make one",
        .path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The operator of the context.
        operator: String,
        /// The key of the context.
        key: PublicKey,
    },
    /// A module's file cannot be brought.
    #[error(transparent)]
    ModuleFile(#[from] ModuleFileError),
    /// The overlord's folder is not in order.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The daemon could not run.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The trial set-up could not run.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// A command whose work lies in another crate, like `overlord audit verify`, failed there; its error says why.
    #[error("{0}")]
    Brought(Box<dyn std::error::Error + Send + Sync>),
    /// A signing key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An argument that cannot be read, or does not fit into a call.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// No targeted minion has the module.
    #[error("no targeted minion has a module \"{0}\": see `overlord module list`")]
    NoModule(ModuleName),
    /// The module has no such method.
    #[error(transparent)]
    Method(#[from] MethodError),
    /// A name without the form of one.
    #[error(transparent)]
    Name(#[from] BadName),
    /// Options that do not go together in a way that the parser cannot see.
    #[error("{0}")]
    Usage(&'static str),
    /// Nothing can be written to stdout.
    #[error(transparent)]
    Output(#[from] Unprinted),
    /// The system gives this process no runtime or no signals.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl Fails for CliError {
    fn job(&self) -> Option<String> {
        match self {
            CliError::Detached { job, .. } | CliError::Unfinished(job) => Some(job.to_string()),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            CliError::Client(error) => error.kind(),
            CliError::Detached { .. }
            | CliError::Unfinished(_)
            | CliError::ChangeLost { .. }
            | CliError::UploadLost { .. } => "lost",
            CliError::NotAnswered => "not-answered",
            CliError::NoModule(_) | CliError::Folder(FolderError::NoContext(_)) => "not-found",
            _ if self.exit() == Exit::Usage => "usage",
            _ => "failed",
        }
    }

    fn exit(&self) -> Exit {
        match self {
            CliError::Client(ClientError::Refusal(refusal)) => Exit::of_refusal(refusal.kind),
            // Too large to be sent, by the user's own doing.
            CliError::Client(ClientError::Frame(_) | ClientError::Unsigned(_)) => Exit::Usage,
            CliError::Client(_)
            | CliError::Detached { .. }
            | CliError::Unfinished(_)
            | CliError::ChangeLost { .. }
            | CliError::UploadLost { .. } => Exit::Unreachable,
            CliError::Usage(_)
            | CliError::Token(_)
            | CliError::Folder(FolderError::NoContext(_))
            | CliError::TokenAddress { .. }
            | CliError::UsesOfName { .. }
            | CliError::ModuleFile(_)
            | CliError::Unreadable { .. }
            | CliError::KeyCertificate { .. }
            | CliError::OtherKey { .. }
            | CliError::Given(_)
            | CliError::NoModule(_)
            | CliError::Method(_)
            | CliError::Name(_) => Exit::Usage,
            CliError::Key(error) => error.exit(),
            CliError::Output(error) => error.exit(),
            CliError::NotAnswered
            | CliError::Folder(_)
            | CliError::Daemon(_)
            | CliError::Dev(_)
            | CliError::Brought(_)
            | CliError::Runtime(_) => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::message::operator::{Refusal, RefusalKind};

    use super::*;

    fn refused(kind: RefusalKind) -> u8 {
        CliError::Client(Refusal::new(kind, "no").into()).exit().code()
    }

    #[test]
    fn exit_codes_tell_what_to_do_next() {
        assert_eq!(refused(RefusalKind::BadRequest), 2);
        assert_eq!(refused(RefusalKind::NeedsConfirmation), 2);
        assert_eq!(refused(RefusalKind::NotFound), 2);
        assert_eq!(refused(RefusalKind::NoMatch), 3);
        assert_eq!(refused(RefusalKind::Denied), 4);
        let gone = ClientError::Unreachable { address: "a:1".into(), cause: "gone".into() };
        assert_eq!(CliError::Client(gone).exit().code(), 4);
        let missing = CliError::Client(ClientError::NotInitialised("/d".into()));
        assert_eq!(missing.exit().code(), 4);
    }
}
