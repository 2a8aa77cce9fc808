//! What is remembered of the files and folders that a guest has open.
//!
//! This file and `streamed` name each other: the streams that are made there, by the handles that are here, keep files open
//! that have none any more.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;

use super::streamed::Streamed;
use super::view::View;
use crate::policy::Symlinks;
use crate::sandbox::limits::budget::Hold;

/// How many calls of WASI 0.3 of one job have one of the host's threads at once. Those of 0.2 wait for each other.
const THREADS: usize = 4;

/// The files and folders that a guest has open.
pub(in crate::sandbox) struct OpenFiles {
    /// The files and folders, by their handles.
    pub(super) open: HashMap<u32, OpenFile>,
    /// The files that the guest has streams of by way of WASI 0.3.
    pub(super) streamed: Streamed,
    /// Locked for writing while something is changed, and for reading while something is opened, since calls of
    /// WASI 0.3 run beside each other: so what was looked at is still the same when it is changed or opened, as
    /// far as the guest is concerned.
    pub(super) changing: Arc<tokio::sync::RwLock<()>>,
    /// The threads that calls of WASI 0.3 may have. One is taken after `changing` is locked, never before, and
    /// given back when the thread is done, also where the guest does not wait for it any more.
    pub(super) threads: Arc<Semaphore>,
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
    pub(super) path: String,
    /// The granted folder below which it lies.
    pub(super) granted: Option<Arc<File>>,
    /// Whether links may be made in the granted folder.
    pub(super) symlinks: Symlinks,
    /// How much of it the guest is shown, where it is a folder.
    pub(super) view: View,
    /// The hold on its descriptor, which its streams share; `None` for a granted folder, which is open from the
    /// start of the job.
    pub(super) descriptor: Option<Arc<Hold>>,
}

/// A handle of the guest's.
pub(super) type Handle = Resource<Descriptor>;
