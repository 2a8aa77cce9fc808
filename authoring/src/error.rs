//! Why something could not be made of a module's sources.

use std::path::{Path, PathBuf};

use minion_host::sandbox::MAX_MODULE;

/// What stands in an author's way, in the words of whoever found it.
#[derive(Debug, thiserror::Error)]
pub enum AuthoringError {
    /// The WIT is missing or wrong.
    #[error("the WIT in \"{}\" cannot be used: {reason}", .folder.display())]
    Wit {
        /// Where it is.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The WIT is right, and still there can be no bindings for it.
    #[error("there can be no bindings for this WIT: {0}")]
    Bindings(String),
    /// A generator has a fault, which this WIT brings out.
    #[error(
        "there can be no bindings for this WIT: the generator {name} broke{unusual}: {message}; rename what that \
         names or leave it out of the world, or write the module in another language"
    )]
    Generator {
        /// Which one.
        name: &'static str,
        /// What it said.
        message: String,
        /// What the WIT has that it may lack, each in brackets, with a space before it.
        unusual: String,
    },
    /// The file is not what a compiler for WebAssembly makes.
    #[error("this is not WebAssembly: {0}; give the file that the compiler made")]
    NotWasm(String),
    /// The file is larger than any module may be.
    #[error("it has more than {} MiB, and no module may; build it for release and stripped", MAX_MODULE >> 20)]
    TooLarge,
    /// The module does not fit its WIT.
    #[error("no component can be made of this module: {0}")]
    Component(String),
    /// A library that does the work has a fault, which this input brings out.
    #[error("{what} broke: {message}")]
    Broke {
        /// What does the work.
        what: &'static str,
        /// What it said.
        message: String,
    },
    /// The work takes more than any honest input needs.
    #[error("{what} was stopped after {limit}; make what it was given smaller")]
    TooMuch {
        /// What does the work.
        what: &'static str,
        /// How much it had taken.
        limit: String,
    },
    /// There is no thread to work on.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// A file cannot be written.
    #[error("cannot write \"{}\": {cause}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
}

impl AuthoringError {
    pub(super) fn wit(folder: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Wit { folder: folder.to_owned(), reason: reason.to_string() }
    }
}
