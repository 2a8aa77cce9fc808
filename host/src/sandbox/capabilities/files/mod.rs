//! `wasi:filesystem`: the folders that policy grants.
//!
//! WASI itself keeps a guest within its folders. What WASI does not do is here, in front of its functions that
//! open or change something: a dry run records changes, denials reach the audit log, only files and folders are
//! opened, since a pipe would hold one of the host's threads for ever, and links that lead others out of a folder
//! are not made. Each open file is one of the descriptors that the job may have.
//!
//! The thing that a guest looks at or opens is found by `walk`, within what `view` and `public` show, and what may
//! be done with it is decided in `rules` and `looks`, for both versions of WASI alike, since a guest can use a
//! handle of one with the functions of the other.

mod answer;
mod changes_0_3;
mod folders;
mod held_0_3;
mod levels;
mod listing;
mod looks;
mod opening;
mod public;
mod rules;
mod streamed;
mod streams;
mod times;
mod to_its_end;
mod view;
mod walk;
mod wasi_0_2;
mod wasi_0_3;

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;

pub(in crate::sandbox) use self::folders::open;
use self::streamed::Streamed;
use self::view::View;
use super::package::Package;
use super::{Capability, Grant, Without, no_caution};
use crate::policy::Symlinks;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::dry_run::DryRun;

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

/// How many calls of WASI 0.3 of one job have one of the host's threads at once. Those of 0.2 wait for each other.
const THREADS: usize = 4;

/// The files and folders that a guest has open.
pub(in crate::sandbox) struct OpenFiles {
    /// The files and folders, by their handles.
    open: HashMap<u32, OpenFile>,
    /// The files that the guest has streams of by way of WASI 0.3.
    streamed: Streamed,
    /// Locked for writing while something is changed, and for reading while something is opened, since calls of
    /// WASI 0.3 run beside each other: so what was looked at is still the same when it is changed or opened, as
    /// far as the guest is concerned.
    changing: Arc<tokio::sync::RwLock<()>>,
    /// The threads that calls of WASI 0.3 may have. One is taken after `changing` is locked, never before, and
    /// given back when the thread is done, also where the guest does not wait for it any more.
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
    /// How many bytes the streams take that the host keeps itself, and what it remembers of open files, whose
    /// paths grow with every folder that is opened from another one.
    pub(in crate::sandbox) fn held(&mut self) -> u64 {
        let paths: usize = self.open.values().map(|file| size_of::<OpenFile>() + file.path.len()).sum();
        self.streamed.held() + paths as u64
    }
}

/// What is remembered of a file or folder that a guest has open.
pub(in crate::sandbox) struct OpenFile {
    /// The path by which the guest knows it.
    path: String,
    /// The granted folder below which it lies.
    granted: Option<Arc<File>>,
    /// Whether links may be made in the granted folder.
    symlinks: Symlinks,
    /// How much of it the guest is shown, where it is a folder.
    view: View,
    /// The hold on its descriptor, which its streams share; `None` for a granted folder, which is open from the
    /// start of the job.
    descriptor: Option<Arc<Hold>>,
}

/// A handle of the guest's.
type Handle = Resource<Descriptor>;
