//! `wasi:filesystem` of WASI 0.2.

use std::sync::Arc;

use tokio::sync::OwnedRwLockWriteGuard;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, ErrorCode, HostDescriptor as _, MetadataHashValue,
    NewTimestamp, OpenFlags, PathFlags,
};

use super::answer::told;
use super::kind::Kind;
use super::look::Look;
use super::opening::How;
use super::refusal::Refusal;
use super::streams::{reading, writing};
use super::walk::Found;
use super::{Handle, folders};
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// The interface that tells a guest its folders, as WASI's own linking names it.
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";
/// The interface of files and folders, as WASI's own linking names it.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

/// Makes a function that changes what is at one path go through [`Guest::change`].
macro_rules! change {
    ($types:ident, $name:literal, $function:ident, $words:literal, ($($more:ident: $ty:ty),*)) => {
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, Guest>, (folder, $($more,)* path): (Handle, $($ty,)* String)| {
                Box::new(async move {
                    let guest = store.data_mut();
                    let words = format!(concat!($words, " {}"), guest.path(&folder, &path));
                    let _changing = match guest.change(&words) {
                        Ok(changing) => changing,
                        Err(refusal) => return Ok((Err(refusal.into()),)),
                    };
                    let changed = guest.filesystem().$function(folder, $($more,)* path).await;
                    Ok((guest.answer(changed, Look::Written, &words)?,))
                })
            },
        )?;
    };
}

/// Makes a function that waits, of one of those below.
macro_rules! waiting {
    ($types:ident, $name:literal, $function:ident, $asked:ty) => {
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, Guest>, asked: $asked| {
                Box::new(async move { Ok((store.data_mut().$function(asked).await?,)) })
            },
        )?;
    };
}

/// Puts these functions in front of WASI's own.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    folders::link(linker, PREOPENS)?;
    let mut types = linker.instance(TYPES)?;
    waiting!(types, "open-at", open, Open);
    change!(types, "create-directory-at", create_directory_at, "make the folder", ());
    change!(types, "remove-directory-at", remove_directory_at, "remove the folder", ());
    change!(types, "unlink-file-at", unlink_file_at, "remove", ());
    waiting!(types, "rename-at", rename, Rename);
    waiting!(types, "link-at", link, Link);
    waiting!(types, "symlink-at", symlink, Symlink);
    waiting!(types, "set-times-at", set_times, SetTimes);
    link_looks(&mut types)?;
    link_streams(&mut types)?;
    types.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, Guest>, handle| {
            let guest = store.data_mut();
            guest.files.open.remove(&handle);
            guest.filesystem().drop(Resource::new_own(handle))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The functions that look at a path without opening it.
fn link_looks(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    macro_rules! look {
        ($name:literal, $function:ident, ($($flags:ident: $ty:ty),*), $look:expr) => {
            types.func_wrap_async(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, Guest>, (folder, $($flags,)* path): (Handle, $($ty,)* String)| {
                    Box::new(async move {
                        let guest = store.data_mut();
                        let found = match guest.find(&folder, &path, $look).await? {
                            Ok(found) => found,
                            Err(code) => return Ok((Err(code),)),
                        };
                        Ok((guest.$function(found).await?,))
                    })
                },
            )?;
        };
    }
    look!("stat-at", stat_of, (flags: PathFlags), Look::of(flags.contains(PathFlags::SYMLINK_FOLLOW)));
    look!("metadata-hash-at", hash_of, (flags: PathFlags), Look::of(flags.contains(PathFlags::SYMLINK_FOLLOW)));
    look!("readlink-at", target_of, (), Look::Itself);
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Guest>, (folder,): (Handle,)| {
            Box::new(async move {
                let guest = store.data_mut();
                if let Err(refusal) = guest.may_list(&folder).await {
                    return Ok((Err(refusal.into()),));
                }
                Ok((told(guest.filesystem().read_directory(folder).await)?,))
            })
        },
    )
}

/// The functions that make a stream of an open file.
fn link_streams(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    macro_rules! stream {
        ($name:literal, $function:ident, ($($offset:ident: $ty:ty),*), $around:ident) => {
            types.func_wrap(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, Guest>, (file, $($offset,)*): (Handle, $($ty,)*)| {
                    let guest = store.data_mut();
                    let descriptor = guest.descriptor(&file);
                    let stream = guest.filesystem().$function(file, $($offset),*);
                    Ok((guest.stream(stream, |stream| $around(stream, descriptor))?,))
                },
            )?;
        };
    }
    stream!("read-via-stream", read_via_stream, (offset: u64), reading);
    stream!("write-via-stream", write_via_stream, (offset: u64), writing);
    stream!("append-via-stream", append_via_stream, (), writing);
    Ok(())
}

/// The parameters of `open-at`.
type Open = (Handle, PathFlags, String, OpenFlags, DescriptorFlags);
/// The parameters of `rename-at`.
type Rename = (Handle, String, Handle, String);
/// The parameters of `link-at`.
type Link = (Handle, PathFlags, String, Handle, String);
/// The parameters of `symlink-at`.
type Symlink = (Handle, String, String);
/// The parameters of `set-times-at`.
type SetTimes = (Handle, PathFlags, String, NewTimestamp, NewTimestamp);
/// What a guest is answered. The outer error ends the guest.
type Answer<T> = super::answer::Answer<T, ErrorCode>;

impl Guest {
    /// Opens a file or folder, and remembers the path by which the guest knows it.
    async fn open(&mut self, (folder, follow, path, open, flags): Open) -> Answer<Handle> {
        let follows = follow.contains(PathFlags::SYMLINK_FOLLOW);
        let mut opening = self.opening(&folder, &path, How { follows, open, flags })?;
        let Ok(_opening) = self.files.changing.clone().try_read_owned() else {
            return Ok(Err(Refusal::Busy.into()));
        };
        let walked = opening.walked().await;
        let allowed = match self.may_open(&opening, walked) {
            Ok(allowed) => allowed,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let opened = allowed.opened().await;
        Ok(self.opened(&opening, opened)?.map_err(ErrorCode::from))
    }

    /// Finds the thing at a path.
    async fn find(&mut self, folder: &Handle, path: &str, look: Look) -> Answer<Found> {
        let mut looking = self.looking(folder, path, look)?;
        let walked = looking.walked().await;
        Ok(self.seen(&looking, walked))
    }

    /// What WASI tells of a thing that was found.
    async fn stat_of(&mut self, found: Found) -> Answer<DescriptorStat> {
        let held = self.table.push(found.descriptor())?;
        let said = self.filesystem().stat(Resource::new_borrow(held.rep())).await;
        self.table.delete(held)?;
        told(said)
    }

    /// The value by which WASI knows a thing again.
    async fn hash_of(&mut self, found: Found) -> Answer<MetadataHashValue> {
        let held = self.table.push(found.descriptor())?;
        let said = self.filesystem().metadata_hash(Resource::new_borrow(held.rep())).await;
        self.table.delete(held)?;
        told(said)
    }

    /// Where a link leads that was found.
    async fn target_of(&mut self, found: Found) -> Answer<String> {
        Ok(found.target().map_err(ErrorCode::from))
    }

    /// The hold on the descriptor of an open file.
    pub(super) fn descriptor(&self, file: &Handle) -> Option<Arc<Hold>> {
        self.files.open.get(&file.rep())?.descriptor.clone()
    }

    /// Wraps a stream that was made.
    fn stream<S: Send + 'static>(
        &mut self,
        made: FsResult<Resource<S>>,
        around: impl FnOnce(S) -> S,
    ) -> Answer<Resource<S>> {
        match made {
            Ok(stream) => {
                let stream = self.table.delete(stream)?;
                Ok(Ok(self.table.push(around(stream))?))
            }
            Err(error) => Ok(Err(error.downcast()?)),
        }
    }

    /// Moves a file or folder.
    async fn rename(&mut self, (from, old, to, new): Rename) -> Answer<()> {
        let words = format!("rename {} to {}", self.path(&from, &old), self.path(&to, &new));
        let _changing = match self.change(&words) {
            Ok(changing) => changing,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let kind = match self.kind(&from, &old, &words).await? {
            Ok(kind) => kind,
            Err(code) => return Ok(Err(code)),
        };
        let leads_elsewhere = match kind {
            Some(Kind::Folder) => self.places([(&from, &old), (&to, &new)])?.leads_elsewhere().await,
            _ => Ok(false),
        };
        let leads_elsewhere = match leads_elsewhere {
            Ok(leads_elsewhere) => leads_elsewhere,
            Err(blocked) => return Ok(Err(self.untold(blocked, &words))),
        };
        if let Err(refusal) = self.may_rename([&from, &to], kind, leads_elsewhere, &words) {
            return Ok(Err(refusal.into()));
        }
        let renamed = self.filesystem().rename_at(from, old, to, new).await;
        self.answer(renamed, Look::Written, &words)
    }

    /// Gives a file a second name.
    async fn link(&mut self, (from, follow, old, to, new): Link) -> Answer<()> {
        let words = format!("link {} to {}", self.path(&to, &new), self.path(&from, &old));
        let _changing = match self.change(&words) {
            Ok(changing) => changing,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let kind = match self.kind(&from, &old, &words).await? {
            Ok(kind) => kind,
            Err(code) => return Ok(Err(code)),
        };
        if kind == Some(Kind::Link)
            && let Err(refusal) = self.may_link([&from, &to], &words)
        {
            return Ok(Err(refusal.into()));
        }
        let linked = self.filesystem().link_at(from, follow, old, to, new).await;
        self.answer(linked, Look::Written, &words)
    }

    /// Makes a symbolic link.
    async fn symlink(&mut self, (folder, target, path): Symlink) -> Answer<()> {
        let words = format!("make the link {}", self.path(&folder, &path));
        let changing = self.change(&words);
        let _changing = match changing.and_then(|held| self.may_link([&folder], &words).map(|()| held)) {
            Ok(changing) => changing,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let made = self.filesystem().symlink_at(folder, target, path).await;
        self.answer(made, Look::Written, &words)
    }

    /// What kind of thing has a name that is to be changed. Between the look and the change it may be replaced, but not
    /// by a link that the guest makes.
    async fn kind(&mut self, folder: &Handle, path: &str, words: &str) -> Answer<Option<Kind>> {
        if let Err(refusal) = self.may_write_in(folder, words) {
            return Ok(Err(refusal.into()));
        }
        let mut looking = self.looking(folder, path.trim_end_matches('/'), Look::Itself)?;
        let walked = looking.walked().await;
        let found = self.to_change(&looking, walked, words);
        Ok(found.map(|found: Option<Found>| found.map(|found| found.kind)))
    }

    /// Sets when a file was last read and changed.
    async fn set_times(&mut self, (folder, follow, path, accessed, changed): SetTimes) -> Answer<()> {
        let words = format!("set the times of {}", self.path(&folder, &path));
        let may = self.may_change(&words).and_then(|()| self.may_write_in(&folder, &words));
        if let Err(refusal) = may {
            return Ok(Err(refusal.into()));
        }
        let look = Look::of(follow.contains(PathFlags::SYMLINK_FOLLOW));
        let mut looking = self.looking(&folder, &path, look)?;
        let walked = looking.walked().await;
        let found: Found = match self.to_set_times(&looking, walked, &words) {
            Ok(found) => found,
            Err(code) => return Ok(Err(code)),
        };
        Ok(found.set_times(accessed.into(), changed.into()).await.map_err(ErrorCode::from))
    }

    /// Begins a change, unless the job is a dry run, which records it. A call of WASI 0.3 that changes something
    /// waits for the guest, so the guest must not wait for that call here.
    fn change(&self, words: &str) -> Result<OwnedRwLockWriteGuard<()>, Refusal> {
        self.may_change(words)?;
        self.files.changing.clone().try_write_owned().map_err(|_| Refusal::Busy)
    }
}
