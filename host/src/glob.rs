//! The globs of `minion.toml` on the names of modules, operators and methods: those of `globset`, in which `*` stands for `/`
//! as well, so that `service.*` means every method of a module, whichever way it is written.
//!
//! There are two smaller languages, each where this one does not fit: [`policy::wildcard`](::policy::wildcard) for what grants
//! hold, and the names of minions in the targets of an overlord.

use globset::{Glob, GlobMatcher};

/// A text in the configuration that was to be a glob, and cannot be read as one.
#[derive(Debug, thiserror::Error)]
#[error("\"{glob}\" in [{table}] is not a glob: {reason}")]
pub struct BadGlob {
    glob: String,
    /// Where it stands in the file: what reads it may know no line.
    table: &'static str,
    reason: String,
}

/// Compiles a glob that stands in this table.
pub(crate) fn compile(glob: &str, table: &'static str) -> Result<GlobMatcher, BadGlob> {
    match Glob::new(glob) {
        Ok(compiled) => Ok(compiled.compile_matcher()),
        Err(error) => Err(BadGlob { glob: glob.to_owned(), table, reason: error.kind().to_string() }),
    }
}
