//! Why a trial set-up could not run.

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::client::ClientError;
use crate::folder::FolderError;

/// Why `overlord dev` could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// There is no minion program where this one is.
    #[error("no minion program at \"{}\": build it with `cargo build`", .0.display())]
    NoMinionProgram(PathBuf),
    /// The folder of modules holds none.
    #[error("no modules in \"{}\": build them with `cargo modules` in a checkout, or name a folder with --modules", .0.display())]
    NoModules(PathBuf),
    /// The system does not let us do something that has nothing to do with overlords.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The overlord's folder could not be made.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The overlord cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A daemon ended by itself.
    #[error("{name} ended early ({status}); {}", shown(.log))]
    Died {
        /// Which one.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it logged.
        log: String,
    },
    /// A newcomer was not let in.
    #[error("{name} could not join ({status}); {}", shown(.log))]
    NotJoined {
        /// Which one.
        name: String,
        /// How `minion join` ended.
        status: ExitStatus,
        /// What it said.
        log: String,
    },
    /// A minion cannot run any of its modules.
    #[error("{name} can use none of its modules: {reason}")]
    NothingLoaded {
        /// Which one.
        name: String,
        /// Why the first of them does not load.
        reason: String,
    },
    /// Something took too long.
    #[error("{what} took too long; {}", shown(.log))]
    Slow {
        /// What was awaited.
        what: String,
        /// The last lines that were logged by who was awaited.
        log: String,
    },
}

impl DevError {
    /// What the error of the system is to a trial set-up that could not do this.
    pub fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| DevError::System { what, source }
    }
}

fn shown(text: &str) -> String {
    if text.is_empty() { "it logged nothing".to_owned() } else { format!("its log ends:\n{text}") }
}
