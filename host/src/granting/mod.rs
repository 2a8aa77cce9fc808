//! Granting what a module suggests: what is to be written into `minion.toml`, and what is taken out of it again.
//!
//! A table of a policy is written as a block that says by itself what wrote it, so that it is known again, and is known
//! not to be what was written where somebody changed it since. Whatever else is in the file stays as it is, byte for byte.

mod block;
mod document;
mod file;
mod folder;
mod lines;
mod policy;
#[cfg(test)]
mod tests;

pub(crate) use self::file::{LockedFile, read};
pub(crate) use self::folder::{FolderGrantError, FolderGrants};
pub(crate) use self::lines::of_level;
pub(crate) use self::policy::{Change, GrantError, Policy, Suggested, listed};
