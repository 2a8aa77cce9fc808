//! What a guest looks at in a granted folder, of which only some may be granted.

use std::io;

use nix::errno::Errno;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, OpenMode};
use wasmtime_wasi::runtime::spawn_blocking;

use super::public;
use super::rules::{Kind, Refusal};
use super::view::{Hidden, View};
use super::walk::{Aim, Blocked, End, Found, walk};
use super::{CAPABILITY, Handle};
use crate::policy::{FileGrant, FileMode, Grants, Shown};
use crate::sandbox::guest::Guest;

/// What a guest wants to do with what is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Look at it itself, be it a link or not.
    Itself,
    /// See what is there, or where a link leads.
    Followed,
    /// Write there, or where a link leads.
    Written,
}

impl Look {
    /// A look that follows links where this says so.
    pub(super) fn of(follows: bool) -> Self {
        if follows { Look::Followed } else { Look::Itself }
    }
}

/// A way that a guest may go, as far as that can be told from the name.
#[derive(Clone)]
pub(super) struct Way {
    /// The folder that it begins in.
    pub(super) folder: Dir,
    view: View,
    path: String,
    follows: bool,
    aim: Aim,
}

impl Way {
    /// Goes there, on a thread that may wait.
    pub(super) async fn walked(&self) -> Result<End, Blocked> {
        let way = self.clone();
        spawn_blocking(move || way.walk()).await
    }

    /// The same on this thread.
    pub(super) fn walk(&self) -> Result<End, Blocked> {
        walk(&self.folder.dir, &self.path, self.follows, self.aim, &self.view)
    }
}

/// Something that a guest wants to look at.
pub(super) struct Looking {
    way: Result<Way, Blocked>,
    /// The guest's path of it.
    path: String,
    look: Look,
}

impl Looking {
    /// Goes there.
    pub(super) async fn walked(&mut self) -> Result<End, Blocked> {
        let nowhere = Err(Blocked::from(Errno::ENOENT));
        std::mem::replace(&mut self.way, nowhere)?.walked().await
    }

    /// What is there, where the guest may look at it.
    pub(super) async fn kind(mut self) -> Option<Kind> {
        match self.walked().await {
            Ok(End::Found(found)) => Some(found.kind),
            _ => None,
        }
    }
}

impl Found {
    /// It as WASI's own functions want what they tell of.
    pub(super) fn descriptor(self) -> Descriptor {
        Descriptor::File(WasiFile::new(self.file, FsPerms::ReadOnly, OpenMode::empty(), false))
    }
}

impl Guest {
    /// The way to what is at a path. The outer error ends the guest.
    pub(super) fn way(
        &self,
        folder: &Handle,
        path: &str,
        follows: bool,
        aim: Aim,
    ) -> wasmtime::Result<Result<Way, Blocked>> {
        let Descriptor::Dir(dir) = self.table.get(folder)? else {
            return Ok(Err(Errno::ENOTDIR.into()));
        };
        let view = self.view(folder);
        if view.only.as_ref().is_some_and(|grant| !grant.shows(path)) {
            return Ok(Err(Hidden::NotNamed.into()));
        }
        Ok(Ok(Way { folder: dir.clone(), view, path: path.to_owned(), follows, aim }))
    }

    /// What is at a path that is to be looked at: the way there, or why there is none, and the guest's name of it.
    pub(super) fn looking(&self, folder: &Handle, path: &str, look: Look) -> wasmtime::Result<Looking> {
        let way = self.way(folder, path, look == Look::Followed, Aim::Look)?;
        Ok(Looking { way, path: self.path(folder, path), look })
    }

    /// What was found at the end of a way, or else what the guest is answered. What may not be seen goes to the audit log.
    pub(super) fn seen<E: From<Refusal> + From<io::Error>>(
        &self,
        Looking { path, look, .. }: &Looking,
        walked: Result<End, Blocked>,
    ) -> Result<Found, E> {
        match walked {
            Ok(End::Found(found)) => Ok(found),
            Ok(End::Missing(_)) => Err(io::Error::from(Errno::ENOENT).into()),
            Err(Blocked::Failed(error)) => Err(error.into()),
            Err(Blocked::Hidden(hidden)) => Err(self.hidden(path, *look, hidden).into()),
        }
    }

    /// Tells the audit log of something that a grant does not show, by the guest's path of it.
    pub(super) fn hidden(&self, full: &str, look: Look, hidden: Hidden) -> Refusal {
        self.job.denied_unless(&CAPABILITY, format!("look at {full}"), |grants| {
            let mode = if look == Look::Written { FileMode::ReadWrite } else { FileMode::ReadOnly };
            let is_public = hidden != Hidden::NotPublic;
            let fits = |grant: &FileGrant| gives_all(grant, mode) || (is_public && mode == grant.mode);
            grants.files.iter().any(|grant| fits(grant) && grant.covers(full))
        });
        Refusal::NotPermitted
    }

    /// The same of something that a guest may look at and not read, in the words for the audit log.
    pub(super) fn not_public(&self, full: &str, words: &str) -> Refusal {
        self.job.denied_unless(&CAPABILITY, words, |grants| {
            grants.files.iter().any(|grant| gives_all(grant, FileMode::ReadOnly) && grant.covers(full))
        });
        Refusal::NotPermitted
    }

    /// Whether an open folder may be listed.
    pub(super) async fn may_list(&mut self, folder: &Handle) -> Result<(), Refusal> {
        let view = self.view(folder);
        if view.only.as_ref().is_some_and(|grant| !grant.shows("")) {
            return Err(self.hidden(&self.path(folder, ""), Look::Itself, Hidden::NotNamed));
        }
        let Ok(Descriptor::Dir(dir)) = self.table.get(folder) else { return Ok(()) };
        if !view.public {
            return Ok(());
        }
        let dir = dir.dir.clone();
        let asked = spawn_blocking(move || {
            Ok::<_, io::Error>(public::is_reachable(&dir)? && public::may_be_read(&dir)?)
        });
        if asked.await.unwrap_or(false) {
            return Ok(());
        }
        let full = self.path(folder, "");
        Err(self.not_public(&full, &format!("list {full}")))
    }

    /// How much is shown of an open folder.
    pub(super) fn view(&self, folder: &Handle) -> View {
        self.files.open.get(&folder.rep()).map_or_else(View::default, |open| open.view.clone())
    }

    /// Notes that the guest has looked for its folders, where it has those of none of the levels that it suggests. A path
    /// outside of all its folders it gives up by itself, and nobody hears of it.
    pub(super) fn note_folders(&self) {
        let has = &self.job.policy.grants.files;
        let is_there = |grants: &Grants| {
            !grants.files.is_empty() && grants.files.iter().all(|grant| has.contains(grant))
        };
        if !self.job.remedies.suggests(is_there) {
            self.job.remedies.denied(|grants| !grants.files.is_empty());
        }
    }
}

/// Whether a grant gives what the permissions of the host do not make public.
fn gives_all(grant: &FileGrant, mode: FileMode) -> bool {
    grant.shown == Shown::All && (mode == FileMode::ReadOnly || grant.mode == FileMode::ReadWrite)
}
