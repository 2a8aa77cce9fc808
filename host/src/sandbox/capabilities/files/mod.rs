//! `wasi:filesystem`: the folders that policy grants.
//!
//! WASI itself keeps a guest within them. What it does not do is here, in front of its functions that open or
//! change something: a dry run records changes, denials reach the audit log, only files and folders are opened,
//! since a pipe would hold one of the host's threads for ever, and links that lead others out of a folder are
//! not made. Each open file is one of the descriptors that the job may have.
//!
//! What may be done is decided in `rules`, `looks` and `public`, for both versions of WASI alike: a guest can use a handle of one
//! with the functions of the other.

mod listing;
mod looks;
mod public;
mod rules;
mod streamed;
mod streams;
mod to_its_end;
pub(in crate::sandbox) mod wasi_0_2;
pub(in crate::sandbox) mod wasi_0_3;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use self::streamed::Streamed;
use crate::policy::{FileGrant, FileMode, Symlinks};
use crate::sandbox::budget::Hold;
use crate::sandbox::dry_run::RunMode;

/// The files and folders that a guest has open.
#[derive(Default)]
pub(in crate::sandbox) struct OpenFiles {
    /// By their handles.
    open: HashMap<u32, OpenFile>,
    /// Those that it has streams of by way of WASI 0.3.
    streamed: Streamed,
    /// Held to write while something is changed, and to read while it is opened, since calls of WASI 0.3 run beside each
    /// other: what was looked at is still so when it is changed or opened, as far as the guest is concerned.
    changing: Arc<tokio::sync::RwLock<()>>,
}

impl OpenFiles {
    /// Bytes of the streams that the host keeps itself, and of what it remembers of open files, whose paths grow with every
    /// folder that is opened from another one.
    pub(in crate::sandbox) fn held(&mut self) -> u64 {
        let path = |file: &OpenFile| {
            let public = file.public.as_ref().map_or(0, |path| path.as_os_str().len());
            size_of::<OpenFile>() + file.path.len() + public
        };
        let paths: usize = self.open.values().map(path).sum();
        self.streamed.held() + paths as u64
    }
}

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
    /// Where it is on the host, where only what is public may be seen of the folder.
    public: Option<PathBuf>,
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

/// How many folders down from the top a path leads.
fn depth(path: &str) -> usize {
    path.split('/').fold(0, |depth: usize, step| match step {
        "" | "." => depth,
        ".." => depth.saturating_sub(1),
        _ => depth + 1,
    })
}
