//! Why something could not be made of a module's sources.

use std::path::{Path, PathBuf};

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
    /// The file is not what a compiler for WebAssembly makes.
    #[error("this is not WebAssembly: {0}; give the file that the compiler made")]
    NotWasm(String),
    /// The module does not fit its WIT.
    #[error("no component can be made of this module: {0}")]
    Component(String),
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
