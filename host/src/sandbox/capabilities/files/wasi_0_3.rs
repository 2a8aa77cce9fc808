//! `wasi:filesystem` of WASI 0.3: the same folders as by way of 0.2, with the same rules in front of its
//! functions.
//!
//! These functions run beside each other, so none of them has the guest to itself while it waits.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, OwnedSemaphorePermit};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Access, Accessor, FutureReader, Linker, LinkerInstance, Resource, ResourceType, StreamReader,
};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::HostDescriptor as _;
use wasmtime_wasi::p3::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DirectoryEntry, ErrorCode, HostDescriptorWithStore as _,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p3::filesystem::FilesystemResult;

use super::listing::{Listing, of_0_2};
use super::looks::Look;
use super::opening::How;
use super::rules::{Kind, Refusal};
use super::to_its_end::{Doing, Given, to_its_end};
use super::walk::Found;
use super::{Handle, held_0_3};
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// The interface that tells a guest its folders, as WASI's own linking names it.
const PREOPENS: &str = "wasi:filesystem/preopens@0.3.0";
/// The interface of files and folders, as WASI's own linking names it.
const TYPES: &str = "wasi:filesystem/types@0.3.0";

/// How many copies a call has of its texts: as they came, in the words for the audit log, and on their way to a
/// thread.
const COPIES: u64 = 4;

/// What a guest is answered. The outer error ends the guest.
pub(super) type Answer<T> = wasmtime::Result<Result<T, ErrorCode>>;
/// The contents of a folder, and how reading it ended.
type Listed = (StreamReader<DirectoryEntry>, FutureReader<Result<(), ErrorCode>>);
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

/// Makes a function that waits, of one of those below.
macro_rules! waiting {
    ($types:ident, $name:literal, $function:ident, $asked:ty) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, asked: $asked| {
                Box::pin(async move { Ok(($function(accessor, asked).await?,)) })
            },
        )?;
    };
}

/// Has WASI change something in these folders, to its end, and holds a lock until then. Returns what the guest is
/// answered.
macro_rules! finish {
    ($accessor:ident, $lock:expr, [$($folder:ident),+], $function:ident($($given:ident),+), $words:ident) => {
        to_its_end($accessor, $lock, [$(&$folder),+], move |accessor, [$($folder),+]| {
            Box::pin(async move {
                let changed = WasiFilesystem::$function(&files(accessor), $($given),+).await;
                answer(accessor, changed, Look::Written, &$words)
            })
        })
        .await
    };
}

/// Makes a function that changes what is at one path.
macro_rules! change {
    ($types:ident, $name:literal, $function:ident, $words:literal) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (folder, path): (Handle, String)| {
                Box::pin(async move {
                    let words = format!(concat!($words, " {}"), full(accessor, &folder, &path));
                    let changing = match change(accessor, &words).await? {
                        Ok(changing) => changing,
                        Err(refusal) => return Ok((Err(refusal.into()),)),
                    };
                    Ok((finish!(accessor, changing, [folder], $function(folder, path), words)?,))
                })
            },
        )?;
    };
}

/// Makes a function that looks at a path without opening it.
macro_rules! look {
    ($types:ident, $name:literal, $tell:ident, ($($flags:ident: $ty:ty),*), $look:expr) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (folder, $($flags,)* path): (Handle, $($ty,)* String)| {
                Box::pin(async move { Ok((look(accessor, &folder, &path, $look, $tell).await?,)) })
            },
        )?;
    };
}

/// Links files and folders of WASI 0.3.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    types::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    preopens::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    linker.allow_shadowing(true);
    linker
        .instance(PREOPENS)?
        .func_wrap("get-directories", |mut store: StoreContextMut<'_, Guest>, ()| {
            Ok((store.data_mut().folders()?,))
        })?;
    let mut types = linker.instance(TYPES)?;
    waiting!(types, "open-at", open, Open);
    waiting!(types, "rename-at", rename, Rename);
    waiting!(types, "link-at", hard_link, Link);
    waiting!(types, "symlink-at", symlink, Symlink);
    waiting!(types, "set-times-at", set_times, SetTimes);
    change!(types, "create-directory-at", create_directory_at, "make the folder");
    change!(types, "remove-directory-at", remove_directory_at, "remove the folder");
    change!(types, "unlink-file-at", unlink_file_at, "remove");
    look!(types, "stat-at", stat_of, (flags: PathFlags), Look::of(follows(flags)));
    look!(types, "metadata-hash-at", hash_of, (flags: PathFlags), Look::of(follows(flags)));
    look!(types, "readlink-at", target_of, (), Look::Itself);
    held_0_3::link(&mut types)?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |store: StoreContextMut<'_, Guest>, (folder,): (Handle,)| {
            Box::new(async move { Ok((list(store, folder).await?,)) })
        },
    )?;
    link_streams(&mut types)?;
    types.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, Guest>, handle| {
            let guest = store.data_mut();
            guest.files.open.remove(&handle);
            guest.table.delete(Resource::<Descriptor>::new_own(handle))?;
            Ok(())
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The functions that make a stream of an open file.
fn link_streams(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, offset): (Handle, u64)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::read_via_stream(streams(store), file, offset)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes, offset): (Handle, StreamReader<u8>, u64)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::write_via_stream(streams(store), file, bytes, offset)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes): (Handle, StreamReader<u8>)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::append_via_stream(streams(store), file, bytes)?,))
        },
    )
}

fn view(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    guest.filesystem()
}

/// The store in the form that WASI's own functions that make streams want.
fn streams(store: StoreContextMut<'_, Guest>) -> Access<'_, Guest, WasiFilesystem> {
    Access::<Guest, WasiFilesystem>::new(store, view)
}

/// WASI's own functions of files.
pub(super) fn files(accessor: &Accessor<Guest>) -> Accessor<Guest, WasiFilesystem> {
    accessor.with_getter::<WasiFilesystem>(view)
}

/// Asks something of the guest's side, between two waits.
pub(super) fn guest<T>(accessor: &Accessor<Guest>, ask: impl FnOnce(&mut Guest) -> T) -> T {
    accessor.with(|mut store| ask(store.get()))
}

/// Whether these flags follow links.
fn follows(flags: PathFlags) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW)
}

/// Lists a folder, all of it before the guest reads the first name, so that nothing of the host waits where nobody
/// reads on.
async fn list(mut store: StoreContextMut<'_, Guest>, folder: Handle) -> wasmtime::Result<Listed> {
    let (listing, end) = match names(store.data_mut(), folder).await? {
        Ok((listing, end)) => (Some(listing), end),
        Err(error) => (None, Err(error)),
    };
    let names = match listing {
        Some(listing) => StreamReader::new(&mut store, listing)?,
        None => StreamReader::new(&mut store, std::iter::empty())?,
    };
    let end = FutureReader::new(&mut store, async move { wasmtime::error::Ok(end) })?;
    Ok((names, end))
}

/// The contents of a folder, and how reading it ended.
async fn names(guest: &mut Guest, folder: Handle) -> Answer<(Listing, Result<(), ErrorCode>)> {
    if let Err(refusal) = guest.may_list(&folder).await {
        return Ok(Err(refusal.into()));
    }
    let found = match guest.filesystem().read_directory(folder).await {
        Ok(found) => guest.table.delete(found)?,
        Err(error) => return Ok(Err(of_0_2(error.downcast()?))),
    };
    Ok(Listing::new(found, &guest.holdings.memory))
}

/// Opens a file or folder, and remembers the path by which the guest knows it.
async fn open(accessor: &Accessor<Guest>, (folder, follow, path, open, flags): Open) -> Answer<Handle> {
    let how = How { follows: follows(follow), open: How::of_open_flags(open), flags: How::of_flags(flags) };
    let (opening, changing, texts) = guest(accessor, |guest| {
        let opening = guest.opening(&folder, &path, how)?;
        wasmtime::error::Ok((opening, guest.files.changing.clone(), guest.texts(&path)))
    })?;
    let (mut opening, texts) = match texts {
        Ok(texts) => (opening, texts),
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let lock = (changing.read_owned().await, texts, thread(accessor).await?);
    let opened = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = opening.walked().await;
            let allowed = match guest(accessor, |guest| guest.may_open(&opening, walked)) {
                Ok(allowed) => allowed,
                Err(refusal) => return Ok(Err(refusal.into())),
            };
            let opened = allowed.opened().await;
            Ok(guest(accessor, |guest| guest.opened(&opening, opened))?.map_err(ErrorCode::from))
        })
    });
    opened.await
}

/// Looks at a path, and tells what is asked of the thing there.
async fn look<T: Given>(
    accessor: &Accessor<Guest>,
    folder: &Handle,
    path: &str,
    look: Look,
    tell: for<'a> fn(&'a Accessor<Guest>, Found) -> Doing<'a, T>,
) -> Answer<T> {
    let (mut looking, texts) = guest(accessor, |guest| {
        wasmtime::error::Ok((guest.looking(folder, path, look)?, guest.texts(path)))
    })?;
    let texts = match texts {
        Ok(texts) => texts,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let lock = (texts, thread(accessor).await?);
    let told = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            match guest(accessor, |guest| guest.seen(&looking, walked)) {
                Ok(found) => tell(accessor, found).await,
                Err(code) => Ok(Err(code)),
            }
        })
    });
    told.await
}

/// What WASI tells of a thing that was found.
fn stat_of(accessor: &Accessor<Guest>, found: Found) -> Doing<'_, DescriptorStat> {
    Box::pin(async move {
        let held = guest(accessor, |guest| guest.table.push(found.descriptor()))?;
        let stat = WasiFilesystem::stat(&files(accessor), Resource::new_borrow(held.rep())).await;
        guest(accessor, |guest| guest.table.delete(held))?;
        told(stat)
    })
}

/// The value by which WASI knows a thing again.
fn hash_of(accessor: &Accessor<Guest>, found: Found) -> Doing<'_, MetadataHashValue> {
    Box::pin(async move {
        let held = guest(accessor, |guest| guest.table.push(found.descriptor()))?;
        let hash = WasiFilesystem::metadata_hash(&files(accessor), Resource::new_borrow(held.rep())).await;
        guest(accessor, |guest| guest.table.delete(held))?;
        told(hash)
    })
}

/// Where a link leads that was found.
fn target_of(_: &Accessor<Guest>, found: Found) -> Doing<'_, String> {
    Box::pin(async move { Ok(found.target().map_err(ErrorCode::from)) })
}

/// Moves a file or folder.
async fn rename(accessor: &Accessor<Guest>, (from, old, to, new): Rename) -> Answer<()> {
    let words = format!("rename {} to {}", full(accessor, &from, &old), full(accessor, &to, &new));
    let changing = match change(accessor, &words).await? {
        Ok(changing) => changing,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let kind = match kind(accessor, &changing, (&from, &old), &words).await? {
        Ok(kind) => kind,
        Err(code) => return Ok(Err(code)),
    };
    let leads_elsewhere = match kind {
        Some(Kind::Folder) => {
            leads_elsewhere(accessor, &changing, [(&from, old.as_str()), (&to, new.as_str())], &words).await?
        }
        _ => Ok(false),
    };
    let leads_elsewhere = match leads_elsewhere {
        Ok(leads_elsewhere) => leads_elsewhere,
        Err(code) => return Ok(Err(code)),
    };
    let may = guest(accessor, |guest| guest.may_rename([&from, &to], kind, leads_elsewhere, &words));
    if let Err(refusal) = may {
        return Ok(Err(refusal.into()));
    }
    finish!(accessor, changing, [from, to], rename_at(from, old, to, new), words)
}

/// Gives a file a second name.
async fn hard_link(accessor: &Accessor<Guest>, (from, follow, old, to, new): Link) -> Answer<()> {
    let words = format!("link {} to {}", full(accessor, &to, &new), full(accessor, &from, &old));
    let changing = match change(accessor, &words).await? {
        Ok(changing) => changing,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let kind = match kind(accessor, &changing, (&from, &old), &words).await? {
        Ok(kind) => kind,
        Err(code) => return Ok(Err(code)),
    };
    if kind == Some(Kind::Link)
        && let Err(refusal) = guest(accessor, |guest| guest.may_link([&from, &to], &words))
    {
        return Ok(Err(refusal.into()));
    }
    finish!(accessor, changing, [from, to], link_at(from, follow, old, to, new), words)
}

/// Makes a symbolic link.
async fn symlink(accessor: &Accessor<Guest>, (folder, target, path): Symlink) -> Answer<()> {
    let words = format!("make the link {}", full(accessor, &folder, &path));
    let target_text = match guest(accessor, |guest| guest.texts(&target)) {
        Ok(target) => target,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let changing = match change(accessor, &words).await? {
        Ok(changing) => changing,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    if let Err(refusal) = guest(accessor, |guest| guest.may_link([&folder], &words)) {
        return Ok(Err(refusal.into()));
    }
    let lock = (changing, target_text);
    finish!(accessor, lock, [folder], symlink_at(folder, target, path), words)
}

/// Sets when a file was last read and changed.
async fn set_times(
    accessor: &Accessor<Guest>,
    (folder, follow, path, accessed, changed): SetTimes,
) -> Answer<()> {
    let words = format!("set the times of {}", full(accessor, &folder, &path));
    let texts = match guest(accessor, |guest| {
        guest.may_change(&words)?;
        guest.may_write_in(&folder, &words)?;
        guest.texts(&words)
    }) {
        Ok(texts) => texts,
        Err(refusal) => return Ok(Err(refusal.into())),
    };
    let mut looking = guest(accessor, |guest| guest.looking(&folder, &path, Look::of(follows(follow))))?;
    let lock = (texts, thread(accessor).await?);
    let set = to_its_end(accessor, lock, [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            let found: Found = match guest(accessor, |guest| guest.to_set_times(&looking, walked, &words)) {
                Ok(found) => found,
                Err(code) => return Ok(Err(code)),
            };
            Ok(found.set_times(accessed.into(), changed.into()).await.map_err(ErrorCode::from))
        })
    });
    set.await
}

impl Guest {
    /// Takes memory for the texts of a call for as long as it waits, since a guest can make very many calls at
    /// once.
    fn texts(&self, texts: &str) -> Result<Hold, Refusal> {
        let held = self.holdings.memory.take(COPIES * texts.len() as u64);
        held.map_err(|error| {
            self.job.log.warn(format!("cannot do more with files at once: {}", error.of_memory()));
            Refusal::NoMemory
        })
    }

    /// Takes note that a stream of an open file is about to be made.
    fn note_stream(&mut self, file: &Handle) {
        let descriptor = self.descriptor(file);
        if let Ok(Descriptor::File(open)) = self.table.get(file) {
            self.files.streamed.add(&open.file, descriptor);
        }
    }
}

/// What kind of thing has a name that is to be changed.
async fn kind(
    accessor: &Accessor<Guest>,
    changing: &Changing,
    (folder, path): (&Handle, &str),
    words: &str,
) -> Answer<Option<Kind>> {
    if let Err(refusal) = guest(accessor, |guest| guest.may_write_in(folder, words)) {
        return Ok(Err(refusal.into()));
    }
    let (path, words) = (path.trim_end_matches('/'), words.to_owned());
    let mut looking = guest(accessor, |guest| guest.looking(folder, path, Look::Itself))?;
    let kind = to_its_end(accessor, changing.clone(), [], move |accessor, []| {
        Box::pin(async move {
            let walked = looking.walked().await;
            let found = guest(accessor, |guest| guest.to_change(&looking, walked, &words));
            Ok(found.map(|found: Option<Found>| found.map(|found| found.kind)))
        })
    });
    kind.await
}

/// Whether links in a folder would lead elsewhere, once that has another place.
async fn leads_elsewhere(
    accessor: &Accessor<Guest>,
    changing: &Changing,
    places: [(&Handle, &str); 2],
    words: &str,
) -> Answer<bool> {
    let places = guest(accessor, |guest| guest.places(places))?;
    let words = words.to_owned();
    let told = to_its_end(accessor, changing.clone(), [], move |accessor, []| {
        Box::pin(async move {
            let told = places.leads_elsewhere().await;
            Ok(told.map_err(|blocked| guest(accessor, |guest| guest.untold(blocked, &words))))
        })
    });
    told.await
}

/// A thread for a call, once the job has one left. A call that locks `changing` has done so before.
pub(super) async fn thread(accessor: &Accessor<Guest>) -> wasmtime::Result<OwnedSemaphorePermit> {
    let threads = guest(accessor, |guest| guest.files.threads.clone());
    Ok(threads.acquire_owned().await?)
}

/// The path by which the guest knows the thing at `path` below one of its folders.
fn full(accessor: &Accessor<Guest>, folder: &Handle, path: &str) -> String {
    guest(accessor, |guest| guest.path(folder, path))
}

/// What is held while something is changed: the lock on changes, and the memory of its texts and the thread, which
/// are counted.
type Changing = Arc<(OwnedRwLockWriteGuard<()>, Hold, OwnedSemaphorePermit)>;

/// Begins a change once the one before it has ended, unless the job is a dry run, which records it. The outer
/// error ends the guest.
async fn change(accessor: &Accessor<Guest>, words: &str) -> wasmtime::Result<Result<Changing, Refusal>> {
    let begun = guest(accessor, |guest| {
        guest.may_change(words)?;
        Ok((guest.files.changing.clone(), guest.texts(words)?))
    });
    let (changing, texts) = match begun {
        Ok(begun) => begun,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let lock = changing.write_owned().await;
    Ok(Ok(Arc::new((lock, texts, thread(accessor).await?))))
}

/// What WASI answers. The outer error ends the guest.
pub(super) fn told<T>(result: FilesystemResult<T>) -> Answer<T> {
    result.map(Ok).or_else(|error| error.downcast().map(Err))
}

/// What the guest is answered. A refusal for lack of a grant goes to the audit log.
fn answer<T>(accessor: &Accessor<Guest>, result: FilesystemResult<T>, look: Look, words: &str) -> Answer<T> {
    let code = match result {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error.downcast()?,
    };
    if matches!(code, ErrorCode::NotPermitted | ErrorCode::ReadOnly) {
        guest(accessor, |guest| guest.refused(look, words));
    }
    Ok(Err(code))
}
