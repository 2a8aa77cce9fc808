//! `wasi:filesystem` of WASI 0.3: the same folders as by way of 0.2, and in front of its functions the same as there.
//!
//! Its functions run beside each other, so none of them has the guest to itself while it waits. A folder of which only some
//! is granted is not there: what it shows is looked after in 0.2 alone.

use wasmtime::StoreContextMut;
use wasmtime::component::{
    Access, Accessor, FutureReader, Linker, LinkerInstance, Resource, ResourceType, StreamReader,
};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p3::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, DirectoryEntry, ErrorCode, HostDescriptorWithStore as _,
    NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p3::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p3::filesystem::FilesystemResult;

use super::Handle;
use crate::sandbox::guest::Guest;

/// The interface that tells a guest its folders, as WASI's own linking names it.
const PREOPENS: &str = "wasi:filesystem/preopens@0.3.0";
/// The interface of files and folders, likewise.
const TYPES: &str = "wasi:filesystem/types@0.3.0";

/// What a guest is answered; the outer error ends it.
type Answer<T> = wasmtime::Result<Result<T, ErrorCode>>;
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

/// Makes a function that waits, and is one of these below.
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

/// Makes a function that changes what is at one path.
macro_rules! change {
    ($types:ident, $name:literal, $function:ident, $words:literal) => {
        $types.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<Guest>, (folder, path): (Handle, String)| {
                Box::pin(async move {
                    let words = format!(concat!($words, " {}"), full(accessor, &folder, &path));
                    if let Err(code) = may_change(accessor, &words) {
                        return Ok((Err(code),));
                    }
                    let changed = WasiFilesystem::$function(&files(accessor), folder, path).await;
                    Ok((answer(accessor, changed, &words)?,))
                })
            },
        )?;
    };
}

/// Links files and folders of WASI 0.3.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    types::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    preopens::add_to_linker::<Guest, WasiFilesystem>(linker, view)?;
    linker.allow_shadowing(true);
    linker
        .instance(PREOPENS)?
        .func_wrap("get-directories", |mut store: StoreContextMut<'_, Guest>, ()| {
            Ok((whole_folders(store.data_mut())?,))
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
    link_streams(&mut types)?;
    types.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, Guest>, handle| {
            let guest = store.data_mut();
            guest.files.remove(&handle);
            guest.table.delete(Resource::<Descriptor>::new_own(handle))?;
            Ok(())
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The functions that make a stream of an open file or folder. WASI keeps that open as long as the stream, which nobody
/// here can see the end of: its descriptor is held until the job is over.
fn link_streams(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, offset): (Handle, u64)| {
            store.data_mut().hold_on(&file);
            let (bytes, end) = WasiFilesystem::read_via_stream(streams(store), file, offset)?;
            Ok(((bytes, end),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes, offset): (Handle, StreamReader<u8>, u64)| {
            store.data_mut().hold_on(&file);
            let end = WasiFilesystem::write_via_stream(streams(store), file, bytes, offset)?;
            Ok((end,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes): (Handle, StreamReader<u8>)| {
            store.data_mut().hold_on(&file);
            let end = WasiFilesystem::append_via_stream(streams(store), file, bytes)?;
            Ok((end,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, Guest>, (folder,): (Handle,)| {
            store.data_mut().hold_on(&folder);
            let (entries, end): (StreamReader<DirectoryEntry>, FutureReader<Result<(), ErrorCode>>) =
                WasiFilesystem::read_directory(streams(store), folder)?;
            Ok(((entries, end),))
        },
    )
}

fn view(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    guest.filesystem()
}

/// The store as WASI's own functions that make streams want it.
fn streams(store: StoreContextMut<'_, Guest>) -> Access<'_, Guest, WasiFilesystem> {
    Access::<Guest, WasiFilesystem>::new(store, |guest: &mut Guest| guest.filesystem())
}

/// WASI's own functions of files.
fn files(accessor: &Accessor<Guest>) -> Accessor<Guest, WasiFilesystem> {
    accessor.with_getter::<WasiFilesystem>(view)
}

/// The granted folders of which everything is granted.
fn whole_folders(guest: &mut Guest) -> wasmtime::Result<Vec<(Handle, String)>> {
    let mut whole = Vec::new();
    for (folder, path) in guest.folders()? {
        if guest.files.get(&folder.rep()).is_some_and(|open| open.only.is_none()) {
            whole.push((folder, path));
        } else {
            guest.files.remove(&folder.rep());
            guest.table.delete(folder)?;
        }
    }
    Ok(whole)
}

/// Opens a file or folder, and remembers the guest's path of it.
async fn open(accessor: &Accessor<Guest>, (folder, follow, path, how, flags): Open) -> Answer<Handle> {
    let full = full(accessor, &folder, &path);
    let writes = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
        || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
    let words = format!("{} {full}", if writes { "write" } else { "read" });
    // Between the look and the opening the file may be replaced, which whoever owns the folder may do.
    let again = Resource::new_borrow(folder.rep());
    if let Ok(found) = WasiFilesystem::stat_at(&files(accessor), again, follow, path.clone()).await
        && !matches!(
            found.type_,
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
        )
    {
        return Ok(Err(refuse(accessor, words)));
    }
    if writes && let Err(code) = may_change(accessor, &words) {
        return Ok(Err(code));
    }
    let Some(opened) = accessor.with(|mut store| store.get().to_open(&folder, full, &words)) else {
        return Ok(Err(ErrorCode::InsufficientMemory));
    };
    let made = WasiFilesystem::open_at(&files(accessor), folder, follow, path, how, flags).await;
    let answer = answer(accessor, made, &words)?;
    if let Ok(handle) = &answer {
        accessor.with(|mut store| store.get().files.insert(handle.rep(), opened));
    }
    Ok(answer)
}

/// Moves a file or folder.
async fn rename(accessor: &Accessor<Guest>, (from, old, to, new): Rename) -> Answer<()> {
    let words = format!("rename {} to {}", full(accessor, &from, &old), full(accessor, &to, &new));
    if let Err(code) = may_change(accessor, &words) {
        return Ok(Err(code));
    }
    let moved = match kind(accessor, &from, &old).await {
        Some(DescriptorType::SymbolicLink) => true,
        // Links in it would lead further up from there than from here.
        Some(DescriptorType::Directory) => accessor.with(|mut store| {
            let guest = store.get();
            guest.depth(&to, &new) < guest.depth(&from, &old)
        }),
        _ => false,
    };
    if moved && !may_link(accessor, [&from, &to]) {
        return Ok(Err(refuse(accessor, words)));
    }
    let renamed = WasiFilesystem::rename_at(&files(accessor), from, old, to, new).await;
    answer(accessor, renamed, &words)
}

/// Gives a file a second name.
async fn hard_link(accessor: &Accessor<Guest>, (from, follow, old, to, new): Link) -> Answer<()> {
    let words = format!("link {} to {}", full(accessor, &to, &new), full(accessor, &from, &old));
    if let Err(code) = may_change(accessor, &words) {
        return Ok(Err(code));
    }
    let is_link = matches!(kind(accessor, &from, &old).await, Some(DescriptorType::SymbolicLink));
    if is_link && !may_link(accessor, [&from, &to]) {
        return Ok(Err(refuse(accessor, words)));
    }
    let linked = WasiFilesystem::link_at(&files(accessor), from, follow, old, to, new).await;
    answer(accessor, linked, &words)
}

/// Makes a symbolic link.
async fn symlink(accessor: &Accessor<Guest>, (folder, target, path): Symlink) -> Answer<()> {
    let words = format!("make the link {}", full(accessor, &folder, &path));
    if let Err(code) = may_change(accessor, &words) {
        return Ok(Err(code));
    }
    if !may_link(accessor, [&folder]) {
        return Ok(Err(refuse(accessor, words)));
    }
    let made = WasiFilesystem::symlink_at(&files(accessor), folder, target, path).await;
    answer(accessor, made, &words)
}

/// Sets when a file was last read and changed.
async fn set_times(
    accessor: &Accessor<Guest>,
    (folder, follow, path, accessed, changed): SetTimes,
) -> Answer<()> {
    let words = format!("set the times of {}", full(accessor, &folder, &path));
    if let Err(code) = may_change(accessor, &words) {
        return Ok(Err(code));
    }
    let set = WasiFilesystem::set_times_at(&files(accessor), folder, follow, path, accessed, changed).await;
    answer(accessor, set, &words)
}

impl Guest {
    /// Keeps the descriptor of an open file until the job is over.
    fn hold_on(&mut self, file: &Handle) {
        self.streamed.extend(self.descriptor(file));
    }
}

/// What is at a path, itself and not where it leads.
async fn kind(accessor: &Accessor<Guest>, folder: &Handle, path: &str) -> Option<DescriptorType> {
    let again = Resource::new_borrow(folder.rep());
    let path = path.trim_end_matches('/').to_owned();
    let found = WasiFilesystem::stat_at(&files(accessor), again, PathFlags::empty(), path).await;
    found.ok().map(|found| found.type_)
}

/// The guest's own name of a path below one of its folders.
fn full(accessor: &Accessor<Guest>, folder: &Handle, path: &str) -> String {
    accessor.with(|mut store| store.get().path(folder, path))
}

fn may_link<const N: usize>(accessor: &Accessor<Guest>, folders: [&Handle; N]) -> bool {
    accessor.with(|mut store| store.get().may_link(folders))
}

/// In a dry run, records a change and refuses it.
fn may_change(accessor: &Accessor<Guest>, words: &str) -> Result<(), ErrorCode> {
    accessor.with(|mut store| store.get().change(words)).map_err(|_| ErrorCode::ReadOnly)
}

/// Tells the audit log of something that no grant covers.
fn refuse(accessor: &Accessor<Guest>, words: String) -> ErrorCode {
    accessor.with(|mut store| store.get().job.denied("files", words));
    ErrorCode::NotPermitted
}

/// What the guest is answered. A refusal for want of a grant goes to the audit log.
fn answer<T>(accessor: &Accessor<Guest>, result: FilesystemResult<T>, words: &str) -> Answer<T> {
    let code = match result {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error.downcast()?,
    };
    if matches!(code, ErrorCode::NotPermitted | ErrorCode::ReadOnly) {
        accessor.with(|mut store| store.get().job.denied("files", words));
    }
    Ok(Err(code))
}
