//! `wasi:filesystem`: the folders that policy grants.
//!
//! WASI itself keeps a guest within them. What it does not do is here, in front of its functions that open or
//! change something: a dry run records changes, denials reach the audit log, only files and folders are opened,
//! since a pipe would hold one of the host's threads for ever, and links that lead others out of a folder are
//! not made. Each open file is one of the descriptors that the job may have.

mod looks;
mod streams;

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use self::looks::Look;
use self::streams::{reading, writing};
use crate::policy::{FileGrant, FileMode, Symlinks};
use crate::sandbox::budget::Hold;
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::guest::Guest;

/// The interface that tells a guest its folders, as WASI's own linking names it.
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";
/// The interface of files and folders, likewise.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

/// The files and folders that a guest has open, by their handles.
pub(in crate::sandbox) type OpenFiles = HashMap<u32, OpenFile>;

/// One of them.
pub(in crate::sandbox) struct OpenFile {
    /// The guest's path of it.
    path: String,
    /// How many folders down from the top the granted folder is, below which it lies, by the guest's path.
    root: usize,
    /// Whether that may get links.
    symlinks: Symlinks,
    /// The grant, where only some of what is in the folder may be seen.
    only: Option<FileGrant>,
    /// The hold on its descriptor, which its streams share; none for a granted folder, which is open from the
    /// start of the job.
    descriptor: Option<Arc<Hold>>,
}

/// A handle of the guest's.
type Handle = Resource<Descriptor>;

/// Opens the granted folders, for reading only in a dry run. Fails where one is not there, with what to do.
pub(in crate::sandbox) fn open(
    wasi: &mut WasiCtxBuilder,
    folders: &[FileGrant],
    mode: RunMode,
) -> Result<(), String> {
    for folder in folders {
        let perms = match (folder.mode, mode) {
            (FileMode::ReadWrite, RunMode::Real) => FsPerms::ReadWrite,
            _ => FsPerms::ReadOnly,
        };
        wasi.preopened_dir(&folder.host, &folder.guest, perms).map_err(|error| {
            let reason = error.root_cause();
            format!("the granted folder \"{}\" cannot be opened ({reason}): make it", folder.host.display())
        })?;
    }
    Ok(())
}

/// Makes a function that changes what is at one path go through [`Guest::change`].
macro_rules! change {
    ($types:ident, $name:literal, $function:ident, $words:literal, ($($more:ident: $ty:ty),*)) => {
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, Guest>, (folder, $($more,)* path): (Handle, $($ty,)* String)| {
                Box::new(async move {
                    let guest = store.data_mut();
                    let words = format!(concat!($words, " {}"), guest.path(&folder, &path));
                    if let Err(code) = guest.change(&words) {
                        return Ok((Err(code),));
                    }
                    let changed = guest.filesystem().$function(folder, $($more,)* path).await;
                    Ok((guest.answer(changed, &words)?,))
                })
            },
        )?;
    };
}

/// Puts these functions in front of WASI's own.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(PREOPENS)?.func_wrap(
        "get-directories",
        |mut store: StoreContextMut<'_, Guest>, ()| {
            let guest = store.data_mut();
            let folders = guest.filesystem().get_directories()?;
            let granted = folders.iter().zip(&guest.job.policy.grants.files);
            guest.files.extend(granted.map(|((folder, path), grant)| {
                let (root, symlinks) = (depth(path), grant.symlinks);
                let only = (!grant.only.is_empty()).then(|| grant.clone());
                (folder.rep(), OpenFile { path: path.clone(), root, symlinks, only, descriptor: None })
            }));
            guest.note_folders();
            Ok((folders,))
        },
    )?;
    let mut types = linker.instance(TYPES)?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, Guest>, asked: Open| {
            Box::new(async move { Ok((store.data_mut().open(asked).await?,)) })
        },
    )?;
    change!(types, "create-directory-at", create_directory_at, "make the folder", ());
    change!(types, "remove-directory-at", remove_directory_at, "remove the folder", ());
    change!(types, "unlink-file-at", unlink_file_at, "remove", ());
    types.func_wrap_async(
        "[method]descriptor.rename-at",
        |mut store: StoreContextMut<'_, Guest>, asked: Rename| {
            Box::new(async move { Ok((store.data_mut().rename(asked).await?,)) })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.link-at",
        |mut store: StoreContextMut<'_, Guest>, asked: Link| {
            Box::new(async move { Ok((store.data_mut().link(asked).await?,)) })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.symlink-at",
        |mut store: StoreContextMut<'_, Guest>, asked: Symlink| {
            Box::new(async move { Ok((store.data_mut().symlink(asked).await?,)) })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.set-times-at",
        |mut store: StoreContextMut<'_, Guest>, asked: SetTimes| {
            Box::new(async move { Ok((store.data_mut().set_times(asked).await?,)) })
        },
    )?;
    looks::link(&mut types)?;
    link_streams(&mut types)?;
    types.resource(
        "descriptor",
        ResourceType::host::<Descriptor>(),
        |mut store: StoreContextMut<'_, Guest>, handle| {
            let guest = store.data_mut();
            guest.files.remove(&handle);
            guest.filesystem().drop(Resource::new_own(handle))
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
            let guest = store.data_mut();
            let descriptor = guest.descriptor(&file);
            let stream = guest.filesystem().read_via_stream(file, offset);
            Ok((guest.stream(stream, |stream: DynInputStream| reading(stream, descriptor))?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, offset): (Handle, u64)| {
            let guest = store.data_mut();
            let descriptor = guest.descriptor(&file);
            let stream = guest.filesystem().write_via_stream(file, offset);
            Ok((guest.stream(stream, |stream: DynOutputStream| writing(stream, descriptor))?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file,): (Handle,)| {
            let guest = store.data_mut();
            let descriptor = guest.descriptor(&file);
            let stream = guest.filesystem().append_via_stream(file);
            Ok((guest.stream(stream, |stream: DynOutputStream| writing(stream, descriptor))?,))
        },
    )
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
/// What a guest is answered; the outer error ends it.
type Answer<T> = wasmtime::Result<Result<T, ErrorCode>>;

impl Guest {
    /// Opens a file or folder, and remembers the guest's path of it.
    async fn open(&mut self, (folder, follow, path, how, flags): Open) -> Answer<Handle> {
        let full = self.path(&folder, &path);
        let writes = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        let words = format!("{} {full}", if writes { "write" } else { "read" });
        let look = if writes { Look::Written } else { Look::of(follow) };
        if let Err(code) = self.look(&folder, &path, look) {
            return Ok(Err(code));
        }
        // Between the look and the opening the file may be replaced, which whoever owns the folder may do.
        let again = Resource::new_borrow(folder.rep());
        if let Ok(found) = self.filesystem().stat_at(again, follow, path.clone()).await
            && !matches!(
                found.type_,
                DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
            )
        {
            self.job.denied("files", words);
            return Ok(Err(ErrorCode::NotPermitted));
        }
        if writes && let Err(code) = self.change(&words) {
            return Ok(Err(code));
        }
        let Ok(descriptor) = self.holdings.descriptors.take(1).inspect_err(|error| {
            self.job.log.warn(format!("cannot {words}: {}", error.of_descriptors()));
        }) else {
            return Ok(Err(ErrorCode::InsufficientMemory));
        };
        let parent = self.files.get(&folder.rep()).map(|open| (open.root, open.symlinks));
        let opened = self.filesystem().open_at(folder, follow, path, how, flags).await;
        let answer = self.answer(opened, &words)?;
        if let (Ok(opened), Some((root, symlinks))) = (&answer, parent) {
            // What a grant shows of its folder, it shows with all that is below.
            let only = None;
            let file = OpenFile { path: full, root, symlinks, only, descriptor: Some(Arc::new(descriptor)) };
            self.files.insert(opened.rep(), file);
        }
        Ok(answer)
    }

    /// The hold on the descriptor of an open file.
    fn descriptor(&self, file: &Handle) -> Option<Arc<Hold>> {
        self.files.get(&file.rep())?.descriptor.clone()
    }

    /// Puts something around a stream that was made.
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
        if let Err(code) = self.change(&words) {
            return Ok(Err(code));
        }
        let moved = match self.kind(&from, &old).await {
            Some(DescriptorType::SymbolicLink) => true,
            // Links in it would lead further up from there than from here.
            Some(DescriptorType::Directory) => self.depth(&to, &new) < self.depth(&from, &old),
            _ => false,
        };
        if moved && !self.may_link([&from, &to]) {
            return Ok(Err(self.refuse(words)));
        }
        let renamed = self.filesystem().rename_at(from, old, to, new).await;
        self.answer(renamed, &words)
    }

    /// Gives a file a second name.
    async fn link(&mut self, (from, follow, old, to, new): Link) -> Answer<()> {
        let words = format!("link {} to {}", self.path(&to, &new), self.path(&from, &old));
        if let Err(code) = self.change(&words) {
            return Ok(Err(code));
        }
        let symlink = matches!(self.kind(&from, &old).await, Some(DescriptorType::SymbolicLink));
        if symlink && !self.may_link([&from, &to]) {
            return Ok(Err(self.refuse(words)));
        }
        let linked = self.filesystem().link_at(from, follow, old, to, new).await;
        self.answer(linked, &words)
    }

    /// Makes a symbolic link.
    async fn symlink(&mut self, (folder, target, path): Symlink) -> Answer<()> {
        let words = format!("make the link {}", self.path(&folder, &path));
        if let Err(code) = self.change(&words) {
            return Ok(Err(code));
        }
        if !self.may_link([&folder]) {
            return Ok(Err(self.refuse(words)));
        }
        let made = self.filesystem().symlink_at(folder, target, path).await;
        self.answer(made, &words)
    }

    /// Whether links may be made in all of these folders.
    fn may_link<const N: usize>(&self, folders: [&Handle; N]) -> bool {
        let open = folders.map(|folder| self.files.get(&folder.rep()));
        open.iter().all(|open| open.is_some_and(|open| open.symlinks == Symlinks::Allowed))
    }

    /// Tells the audit log of a change that no grant covers.
    fn refuse(&self, words: String) -> ErrorCode {
        self.job.denied("files", words);
        ErrorCode::NotPermitted
    }

    /// What is at a path, itself and not where it leads. Between the look and the change it may be replaced, but
    /// not by a link that the guest makes.
    async fn kind(&mut self, folder: &Handle, path: &str) -> Option<DescriptorType> {
        let again = Resource::new_borrow(folder.rep());
        let path = path.trim_end_matches('/').to_owned();
        let found = self.filesystem().stat_at(again, PathFlags::empty(), path).await;
        found.ok().map(|found| found.type_)
    }

    /// How far below its granted folder a path is.
    fn depth(&self, folder: &Handle, path: &str) -> usize {
        let root = self.files.get(&folder.rep()).map_or(0, |open| open.root);
        depth(&self.path(folder, path)).saturating_sub(root)
    }

    /// Sets when a file was last read and changed.
    async fn set_times(&mut self, (folder, follow, path, accessed, changed): SetTimes) -> Answer<()> {
        let words = format!("set the times of {}", self.path(&folder, &path));
        if let Err(code) = self.change(&words) {
            return Ok(Err(code));
        }
        let set = self.filesystem().set_times_at(folder, follow, path, accessed, changed).await;
        self.answer(set, &words)
    }

    /// In a dry run, records a change and refuses it.
    fn change(&self, words: &str) -> Result<(), ErrorCode> {
        match self.job.mode {
            RunMode::Real => Ok(()),
            RunMode::Dry => {
                self.egress.recorder.record(words.to_owned());
                Err(ErrorCode::ReadOnly)
            }
        }
    }

    /// What the guest is answered. A refusal for want of a grant goes to the audit log.
    fn answer<T>(&self, result: FsResult<T>, words: &str) -> Answer<T> {
        let code = match result {
            Ok(value) => return Ok(Ok(value)),
            Err(error) => error.downcast()?,
        };
        if matches!(code, ErrorCode::NotPermitted | ErrorCode::ReadOnly) {
            self.job.denied("files", words);
        }
        Ok(Err(code))
    }

    /// The guest's own name of a path below one of its folders.
    fn path(&self, folder: &Handle, path: &str) -> String {
        let folder = self.files.get(&folder.rep()).map_or("", |open| open.path.as_str());
        format!("{}/{path}", folder.trim_end_matches('/'))
    }
}

/// How many folders down from the top a path leads.
fn depth(path: &str) -> usize {
    path.split('/').fold(0, |depth: usize, step| match step {
        "" | "." => depth,
        ".." => depth.saturating_sub(1),
        _ => depth + 1,
    })
}
