//! What a guest looks at in a granted folder, of which it may see only some: the way there, and what is answered.

use std::io;

use nix::errno::Errno;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as WasiFile, OpenMode};
use wasmtime_wasi::runtime::spawn_blocking;

use super::kind::Kind;
use super::look::Look;
use super::public;
use super::refusal::Refusal;
use super::view::{Hidden, View};
use super::walk::{Aim, Blocked, End, Found, walk};
use super::{CAPABILITY, Handle};
use crate::policy::{FileGrant, FileMode, Grants, Shown};
use crate::sandbox::run::guest::Guest;

/// A way that a guest may go, as far as that can be told from its name.
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
    /// Goes the way, on a thread that may block.
    pub(super) async fn walked(&self) -> Result<End, Blocked> {
        let way = self.clone();
        spawn_blocking(move || way.walk()).await
    }

    /// Goes the way on this thread. Blocks.
    pub(super) fn walk(&self) -> Result<End, Blocked> {
        walk(&self.folder.dir, &self.path, self.follows, self.aim, &self.view)
    }
}

/// Something that a guest wants to look at, and the way there.
pub(super) struct Looking {
    way: Result<Way, Blocked>,
    /// The path by which the guest knows it.
    path: String,
    look: Look,
}

impl Looking {
    /// Goes the way to it.
    pub(super) async fn walked(&mut self) -> Result<End, Blocked> {
        let nowhere = Err(Blocked::from(Errno::ENOENT));
        std::mem::replace(&mut self.way, nowhere)?.walked().await
    }
}

impl Found {
    /// The thing in the form in which WASI's own functions take what they describe.
    pub(super) fn descriptor(self) -> Descriptor {
        Descriptor::File(WasiFile::new(self.file, FsPerms::ReadOnly, OpenMode::empty(), false))
    }
}

impl Guest {
    /// Tells the audit log of an attempt that WASI itself refused.
    pub(super) fn refused(&self, look: Look, words: &str) {
        match look {
            Look::Written => self.refuse_change(words),
            Look::Itself | Look::Followed => self.refuse(words),
        };
    }

    /// The way to the thing at a path. The outer error ends the guest.
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

    /// The way to a thing that is to be looked at, or why there is none, and the path by which the guest knows it.
    pub(super) fn looking(&self, folder: &Handle, path: &str, look: Look) -> wasmtime::Result<Looking> {
        let way = self.way(folder, path, look == Look::Followed, Aim::Look)?;
        Ok(Looking { way, path: self.path(folder, path), look })
    }

    /// What was found at the end of a way, or else what the guest is answered. An attempt on what the guest may
    /// not see goes to the audit log.
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

    /// What was found of something that is to be changed, `None` where nothing has the name, or else what the guest
    /// is answered. What a look cannot tell is not changed: the rules on links and folders go by what it tells.
    pub(super) fn to_change<E: From<Refusal> + From<io::Error>>(
        &self,
        looking: &Looking,
        walked: Result<End, Blocked>,
        words: &str,
    ) -> Result<Option<Found>, E> {
        match walked {
            Ok(End::Missing(_)) => Ok(None),
            Err(Blocked::Failed(error)) if error.raw_os_error() == Some(Errno::EPERM as i32) => {
                Err(self.refuse_change(words).into())
            }
            walked => self.seen(looking, walked).map(Some),
        }
    }

    /// The same for something whose times are to be set, which must exist and be neither a pipe nor a device.
    pub(super) fn to_set_times<E: From<Refusal> + From<io::Error>>(
        &self,
        looking: &Looking,
        walked: Result<End, Blocked>,
        words: &str,
    ) -> Result<Found, E> {
        match self.to_change::<E>(looking, walked, words)? {
            Some(Found { kind: Kind::Other, .. }) => Err(self.refuse_change(words).into()),
            Some(found) => Ok(found),
            None => Err(io::Error::from(Errno::ENOENT).into()),
        }
    }

    /// Whether the grant of a folder lets the guest change what is in it.
    pub(super) fn may_write_in(&self, folder: &Handle, words: &str) -> Result<(), Refusal> {
        match self.table.get(folder) {
            Ok(Descriptor::Dir(dir)) if dir.perms.write_not_permitted() => Err(self.refuse_change(words)),
            _ => Ok(()),
        }
    }

    /// Tells the audit log of an attempt on something that a grant does not show. `full` is the path by which the
    /// guest knows it.
    pub(super) fn hidden(&self, full: &str, look: Look, hidden: Hidden) -> Refusal {
        self.job.denied_unless(&CAPABILITY, format!("look at {full}"), |grants| {
            let mode = if look == Look::Written { FileMode::ReadWrite } else { FileMode::ReadOnly };
            let is_public = hidden != Hidden::NotPublic;
            let fits = |grant: &FileGrant| gives_all(grant, mode) || (is_public && mode == grant.mode);
            grants.files.iter().any(|grant| fits(grant) && grant.covers(full))
        });
        Refusal::NotPermitted
    }

    /// Tells the audit log of an attempt on something that a guest may look at and not read.
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

    /// Takes note that the guest has asked for its folders, where it has been granted none of those in the levels
    /// that it suggests. A guest gives up on a path outside of all its folders by itself, so nobody would hear of
    /// that otherwise.
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

/// Whether a grant also gives what the permissions of the host do not make public.
fn gives_all(grant: &FileGrant, mode: FileMode) -> bool {
    grant.shown == Shown::All && (mode == FileMode::ReadOnly || grant.mode == FileMode::ReadWrite)
}
