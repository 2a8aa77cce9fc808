//! What the system says of files in a folder.
//!
//! Debounced by hand, here and in `minion call --watch`: a module may be taken when whoever writes it has closed it, and the crates
//! that debounce `notify` either drop that event or take our own reading for another change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use machine::lock;
use nix::sys::statfs::{self, statfs};
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// Says what happens for as long as it lives.
pub(super) type Watcher = RecommendedWatcher;

/// What has happened. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Inner>);

#[derive(Default)]
struct Inner {
    come: Notify,
    /// The files that somebody writes, and when that was noticed last.
    written: Mutex<HashMap<PathBuf, Instant>>,
}

impl Events {
    /// Hears of everything that happens in a folder from now on; why not, where that is not possible.
    pub(super) fn watch(&self, folder: &Path) -> Result<Watcher, String> {
        if is_remote(folder) {
            return Err("it is on a network file system".to_owned());
        }
        let events = self.clone();
        let watch = || {
            let mut watcher = notify::recommended_watcher(move |event| events.hear(event))?;
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        };
        watch().map_err(|error: notify::Error| format!("it cannot be watched ({error})"))
    }

    /// Waits until something has happened.
    pub(super) async fn come(&self) {
        self.0.come.notified().await;
    }

    /// Whether somebody is in the middle of writing a file. One that nobody has written to for a while counts
    /// as written, even where it is still open.
    pub(super) fn is_written(&self, path: &Path) -> bool {
        let mut written = self.written();
        written.retain(|_, at| at.elapsed() < GIVEN_UP);
        written.contains_key(path)
    }

    fn hear(&self, event: notify::Result<Event>) {
        // An error may have swallowed anything: all that can be done is to look.
        if let Ok(event) = &event
            && !self.is_news(event)
        {
            return;
        }
        self.0.come.notify_one();
    }

    /// Whether the files may be others now. Looking at them, as we do ourselves, changes nothing.
    fn is_news(&self, event: &Event) -> bool {
        let begun = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => return false,
            EventKind::Modify(ModifyKind::Data(_)) => true,
            // A link is all there when it appears.
            EventKind::Create(CreateKind::File) => event.paths.iter().any(|path| is_new_file(path)),
            _ => false,
        };
        let mut written = self.written();
        for path in &event.paths {
            match begun {
                true => written.insert(path.clone(), Instant::now()),
                false => written.remove(path),
            };
        }
        true
    }

    fn written(&self) -> MutexGuard<'_, HashMap<PathBuf, Instant>> {
        lock::hold(&self.0.written)
    }
}

fn is_new_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// Whether changes that other hosts make in this folder go by unnoticed.
fn is_remote(folder: &Path) -> bool {
    let remote = [
        statfs::NFS_SUPER_MAGIC,
        statfs::SMB_SUPER_MAGIC,
        statfs::FUSE_SUPER_MAGIC,
        statfs::CODA_SUPER_MAGIC,
    ];
    statfs(folder).is_ok_and(|found| remote.contains(&found.filesystem_type()) || is_other_remote(&found))
}

fn is_other_remote(found: &statfs::Statfs) -> bool {
    const CIFS: u32 = 0xff53_4d42;
    const SMB2: u32 = 0xfe53_4d42;
    const NINE_P: u32 = 0x0102_1997;
    const CEPH: u32 = 0x00c3_6400;
    const AFS: u32 = 0x5346_414f;
    let found = found.filesystem_type().0 as u32;
    [CIFS, SMB2, NINE_P, CEPH, AFS].contains(&found)
}

/// After how long without another write a file counts as written.
const GIVEN_UP: Duration = Duration::from_secs(10);
