//! What a guest may do with the folders that it is granted, by whichever version of WASI it does it.

use std::fs::File;
use std::io;

use super::looks::Look;
use super::{CAPABILITY, Handle};
use crate::policy::{FileMode, Grants, Symlinks};
use crate::sandbox::run::guest::Guest;

/// Why the host does not do what a guest asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No grant covers it.
    NotPermitted,
    /// The job is a dry run.
    ReadOnly,
    /// The job has all the descriptors that it may have.
    NoDescriptor,
    /// The job has all of the host's memory that it may have.
    NoMemory,
    /// Something else is being changed by way of the other version of WASI.
    Busy,
}

/// What kind of thing is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of bytes.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

impl Kind {
    /// The kind of a thing that is held or open.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let kind = file.metadata()?.file_type();
        Ok(match () {
            () if kind.is_file() => Self::File,
            () if kind.is_dir() => Self::Folder,
            () if kind.is_symlink() => Self::Link,
            () => Self::Other,
        })
    }
}

impl Guest {
    /// Whether something may get another name; `kind` is what there is under its present name, and `leads_elsewhere`
    /// says of a folder whether links in it would.
    pub(super) fn may_rename(
        &self,
        folders: [&Handle; 2],
        kind: Option<Kind>,
        leads_elsewhere: bool,
        words: &str,
    ) -> Result<(), Refusal> {
        if kind == Some(Kind::Link) || leads_elsewhere { self.may_link(folders, words) } else { Ok(()) }
    }

    /// Whether links may be made in all of these folders.
    pub(super) fn may_link<const N: usize>(&self, folders: [&Handle; N], words: &str) -> Result<(), Refusal> {
        let open = folders.map(|folder| self.files.open.get(&folder.rep()));
        let may = open.iter().all(|open| open.is_some_and(|open| open.symlinks == Symlinks::Allowed));
        if may { Ok(()) } else { Err(self.refuse_change(words)) }
    }

    /// In a dry run, records a change and refuses it.
    pub(super) fn may_change(&self, words: &str) -> Result<(), Refusal> {
        self.unless_dry(&CAPABILITY, || words.to_owned()).map_err(|_| Refusal::ReadOnly)
    }

    /// Tells the audit log of an attempt that no grant covers, and returns the refusal.
    pub(super) fn refuse(&self, words: &str) -> Refusal {
        self.job.denied(&CAPABILITY, words);
        Refusal::NotPermitted
    }

    /// Like [`Guest::refuse`], for a change: also names the level that lets the module write in more folders.
    pub(super) fn refuse_change(&self, words: &str) -> Refusal {
        let has = &self.job.policy.grants.files;
        let is_more = |grants: &Grants| {
            let mut writable = grants.files.iter().filter(|grant| grant.mode == FileMode::ReadWrite);
            writable.any(|grant| !has.contains(grant))
        };
        self.job.denied_unless(&CAPABILITY, words, is_more);
        Refusal::NotPermitted
    }

    /// Tells the audit log of an attempt that WASI itself refused.
    pub(super) fn refused(&self, look: Look, words: &str) {
        match look {
            Look::Written => self.refuse_change(words),
            Look::Itself | Look::Followed => self.refuse(words),
        };
    }

    /// The path by which the guest knows the thing at `path` below one of its folders.
    pub(super) fn path(&self, folder: &Handle, path: &str) -> String {
        let folder = self.files.open.get(&folder.rep()).map_or("", |open| open.path.as_str());
        format!("{}/{path}", folder.trim_end_matches('/'))
    }
}
