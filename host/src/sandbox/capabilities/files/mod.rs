//! `wasi:filesystem`: the folders that policy grants.
//!
//! WASI itself keeps a guest within them. What it does not do is here, in front of its functions that open or
//! change something: a dry run records changes, denials reach the audit log, only files and folders are opened,
//! since a pipe would hold one of the host's threads for ever, and links that lead others out of a folder are
//! not made. Each open file is one of the descriptors that the job may have.
//!
//! What a guest looks at or opens is found by `walk`, within what `view` and `public` show, and what may be done is decided in
//! `rules` and `looks`, for both versions of WASI alike: a guest can use a handle of one with the functions of the other.

mod held_0_3;
mod listing;
mod looks;
mod opening;
mod public;
mod rules;
mod streamed;
mod streams;
mod to_its_end;
mod view;
mod walk;
mod wasi_0_2;
mod wasi_0_3;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use self::streamed::Streamed;
use self::view::View;
use super::package::Package;
use super::{Capability, Grant, Without, no_caution};
use crate::policy::{FileGrant, FileMode, Symlinks};
use crate::sandbox::budget::Hold;
use crate::sandbox::dry_run::{DryRun, RunMode};

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    name: "files",
    packages: &[
        Package::wasi("wasi:filesystem", &["preopens", "types"]),
        Package::later("wasi:filesystem", &["preopens", "types"]),
    ],
    grant: Some(Grant {
        without: Without::Unasked,
        line: r#"files = [{ host = "…" }]"#,
        is_given: |grants| !grants.files.is_empty(),
        cautions: no_caution,
    }),
    dry_run: DryRun::Recorded,
    link: wasi_0_2::link,
    link_later: Some(wasi_0_3::link),
};

/// How many calls of WASI 0.3 of one job have a thread of the host's at once. Those of 0.2 wait for each other.
const THREADS: usize = 4;

/// The files and folders that a guest has open.
pub(in crate::sandbox) struct OpenFiles {
    /// By their handles.
    open: HashMap<u32, OpenFile>,
    /// Those that it has streams of by way of WASI 0.3.
    streamed: Streamed,
    /// Held to write while something is changed, and to read while it is opened, since calls of WASI 0.3 run beside each
    /// other: what was looked at is still so when it is changed or opened, as far as the guest is concerned.
    changing: Arc<tokio::sync::RwLock<()>>,
    /// The threads that calls of WASI 0.3 may have. One is taken after `changing`, never before, and given back when the thread
    /// is done, also where the guest does not wait for it any more.
    threads: Arc<Semaphore>,
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            streamed: Streamed::default(),
            changing: Arc::default(),
            threads: Arc::new(Semaphore::new(THREADS)),
        }
    }
}

impl OpenFiles {
    /// Bytes of the streams that the host keeps itself, and of what it remembers of open files, whose paths grow with every
    /// folder that is opened from another one.
    pub(in crate::sandbox) fn held(&mut self) -> u64 {
        let paths: usize = self.open.values().map(|file| size_of::<OpenFile>() + file.path.len()).sum();
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
    /// How much is shown of it, where it is a folder.
    view: View,
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
