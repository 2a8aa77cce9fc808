//! Watching the modules folder: what changes in it is taken once it rests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio::task::JoinSet;

use wire::name::ModuleName;

use crate::modules::events::{Events, Watcher};
use crate::modules::folder::{Found, Look, ModulesFolder};
use crate::modules::hotload::{HotLoad, Occasion};

/// Watches the modules folder.
pub(super) struct FolderWatch {
    hotload: HotLoad,
}

/// What is known of the folder.
#[derive(Default)]
struct Watched {
    /// How each file looked when it was taken last.
    taken: BTreeMap<ModuleName, Look>,
    /// How each file looks that looks different now, and since when; nothing where it is gone.
    restless: BTreeMap<ModuleName, (Option<Look>, Instant)>,
    /// What was found last that is no module, and since when, until it is taken note of.
    strays: Option<(Found, Instant)>,
    /// What was taken note of.
    noted: Found,
    /// What is being taken.
    busy: BTreeSet<ModuleName>,
    /// What was said last of a folder that cannot be read.
    complaint: Option<String>,
}

impl FolderWatch {
    pub(super) fn new(hotload: HotLoad) -> Self {
        Self { hotload }
    }

    fn folder(&self) -> &Arc<ModulesFolder> {
        self.hotload.service().folder()
    }

    /// Takes what changes in the folder, for as long as this is polled.
    pub(super) async fn watch(&self) {
        let folder = self.folder().path().to_owned();
        let events = Events::default();
        let (mut watched, mut taking) = (Watched::default(), JoinSet::new());
        let mut watcher = watcher(&folder, &events);
        loop {
            for (name, look) in self.restful(&mut watched, &events, rest(&watcher)).await {
                let hotload = self.hotload.clone();
                taking.spawn(async move {
                    let (loading, named) = (hotload.clone(), name.clone());
                    let load = async move { loading.load(named, Occasion::Changed).await };
                    let take = hotload.service().tasks().finish(load);
                    // Whatever broke, the name is not busy any more. What broke is in the log.
                    if AssertUnwindSafe(take).catch_unwind().await.is_err() {
                        tracing::error!(module = %name, "a module was not loaded: the minion's own code broke");
                    }
                    (name, look)
                });
            }
            let rests = watched.restless.is_empty() && watched.strays.is_none();
            let pause = match (rests, &watcher) {
                (false, _) => rest(&watcher),
                (true, Some(_)) => UNWATCHED,
                (true, None) => POLL,
            };
            tokio::select! {
                Some(taken) = taking.join_next() => match taken {
                    Ok((name, look)) => watched.took(name, look),
                    Err(error) => tracing::error!(%error, "a module was not loaded"),
                },
                // A file that is being written says so many times.
                () = events.come() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(pause) => {}
            }
            // Another folder may have come in the place of the one that was watched.
            if watcher.as_ref().is_some_and(|(_, inode)| inode_of(&folder).ok() != Some(*inode))
                && inode_of(&folder).is_ok()
            {
                watcher = self::watcher(&folder, &events);
            }
        }
    }

    /// The modules whose files look different from when they were taken, and have done so for a while.
    async fn restful(
        &self,
        watched: &mut Watched,
        events: &Events,
        rest: Duration,
    ) -> Vec<(ModuleName, Option<Look>)> {
        let folder = self.folder().clone();
        let looks = tokio::task::spawn_blocking(move || Ok((folder.looks()?, folder.find_strays()?)));
        let (looks, found) = match looks.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(looks) => looks,
            Err(error) => {
                watched.complain(self.folder().path(), &error);
                return Vec::new();
            }
        };
        watched.complaint = None;
        let (folder, shelf) = (self.folder(), self.hotload.service().shelf());
        if watched.strays_rest(&found, rest, |file| events.is_written(&folder.path().join(file)))
            && folder.note_strays(found)
        {
            shelf.say_changed();
        }
        let mut names: BTreeSet<ModuleName> = looks.keys().chain(watched.taken.keys()).cloned().collect();
        let known = shelf.entries();
        names.extend(known.iter().filter(|(_, entry)| entry.file().is_some()).map(|(name, _)| name.clone()));
        drop(known);
        let mut restful = Vec::new();
        for name in names {
            let look = looks.get(&name).copied();
            if watched.rests(&name, look, rest, || events.is_written(&folder.file(&name))) {
                watched.busy.insert(name.clone());
                restful.push((name, look));
            }
        }
        restful
    }
}

impl Watched {
    /// Whether a file that looks like this is to be taken now.
    fn rests(
        &mut self,
        name: &ModuleName,
        look: Option<Look>,
        rest: Duration,
        is_written: impl FnOnce() -> bool,
    ) -> bool {
        if self.busy.contains(name) {
            return false;
        }
        if look.is_some() && self.taken.get(name) == look.as_ref() {
            self.restless.remove(name);
            return false;
        }
        match self.restless.get(name) {
            Some((same, since)) if *same == look => {
                let rests = since.elapsed() >= rest && !(look.is_some() && is_written());
                if rests {
                    self.restless.remove(name);
                }
                rests
            }
            _ => {
                self.restless.insert(name.clone(), (look, Instant::now()));
                false
            }
        }
    }

    /// Whether what was found that is no module has been the same for a while, and nobody writes it.
    fn strays_rest(&mut self, found: &Found, rest: Duration, is_written: impl Fn(&str) -> bool) -> bool {
        let rests = match &self.strays {
            Some((same, since)) => same == found && since.elapsed() >= rest && !found.files().any(is_written),
            None => found == &self.noted,
        };
        match &self.strays {
            _ if rests => {
                self.strays = None;
                self.noted = found.clone();
            }
            Some((same, _)) if same == found => {}
            _ => self.strays = Some((found.clone(), Instant::now())),
        }
        rests
    }

    fn took(&mut self, name: ModuleName, look: Option<Look>) {
        self.busy.remove(&name);
        match look {
            Some(look) => self.taken.insert(name, look),
            None => self.taken.remove(&name),
        };
    }

    /// Says once what is wrong with the folder.
    fn complain(&mut self, folder: &Path, error: &io::Error) {
        let complaint = error.to_string();
        if self.complaint.as_ref() != Some(&complaint) {
            tracing::warn!(folder = %folder.display(), %error, "the modules folder cannot be read, what serves goes on");
            self.complaint = Some(complaint);
        }
    }
}

/// Watches a folder, and says where that cannot be done.
fn watcher(folder: &Path, events: &Events) -> Option<(Watcher, u64)> {
    let watching = inode_of(folder).map_err(|error| error.to_string());
    let watching = watching.and_then(|inode| Ok((events.watch(folder)?, inode)));
    watching
        .map_err(|reason| {
            let (folder, every) = (folder.display(), humantime::format_duration(POLL));
            tracing::warn!(%folder, %every, reason, "the modules folder is looked at every so often: it cannot be watched");
        })
        .ok()
}

/// How long a file must look the same before it is taken.
fn rest<T>(watcher: &Option<T>) -> Duration {
    if watcher.is_some() { SETTLE } else { POLL }
}

fn inode_of(folder: &Path) -> io::Result<u64> {
    Ok(std::fs::metadata(folder)?.ino())
}

/// How long a file rests that is taken, where the system says when it is written.
const SETTLE: Duration = Duration::from_millis(100);
/// How often a folder is looked at that cannot be watched.
const POLL: Duration = Duration::from_secs(2);
/// How often one is looked at that is watched, in case the system did not say something.
const UNWATCHED: Duration = Duration::from_secs(30);
