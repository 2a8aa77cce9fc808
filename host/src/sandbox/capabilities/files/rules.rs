//! What a guest may do with the folders that it is granted, by whichever version of WASI it does it.

use super::kind::Kind;
use super::refusal::Refusal;
use super::{CAPABILITY, Handle};
use crate::policy::{FileMode, Grants, Symlinks};
use crate::sandbox::run::guest::Guest;

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

    /// The path by which the guest knows the thing at `path` below one of its folders.
    pub(super) fn path(&self, folder: &Handle, path: &str) -> String {
        let folder = self.files.open.get(&folder.rep()).map_or("", |open| open.path.as_str());
        format!("{}/{path}", folder.trim_end_matches('/'))
    }
}
