//! The shelf of modules: what is known under each name, and the versions that are kept to go back to.

mod entry;
mod index;
mod life;
mod store;
mod version;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use tokio::sync::watch as channel;

use machine::lock;
use wire::digest::Digest;
use wire::message::module::{Module, ModuleState};
use wire::name::ModuleName;

use crate::modules::candidate::Candidate;
use crate::modules::change_lock::ChangeGuard;
use crate::policy::{ModulePolicy, Policy};
use crate::sandbox::LoadedModule;

pub(super) use entry::Entry;
pub(super) use life::Progress;
use store::Store;
pub(crate) use store::waiting_in;
pub(super) use version::Version;

/// What is known of all modules. Clones share it.
///
/// What says how far a version is on its way is written at any time; what changes which versions there are, which one serves
/// or what is on disk takes a [`ChangeGuard`].
#[derive(Clone)]
pub(super) struct Shelf(Arc<Inner>);

/// What is known under each name.
pub(super) type Entries = BTreeMap<ModuleName, Entry>;

struct Inner {
    entries: RwLock<Entries>,
    policy: RwLock<Policy>,
    /// Says that something is known now that was not.
    changed: channel::Sender<()>,
    store: Store,
    /// How many versions of each module are kept, the one in service among them.
    keep: usize,
}

/// What another policy means for the modules.
pub(super) struct PolicyEffect {
    /// What it changes, a line each.
    pub(super) lines: Vec<String>,
    /// The modules that would be loaded otherwise under it.
    pub(super) stale: Vec<ModuleName>,
}

impl Shelf {
    /// What an earlier process kept in this folder, `keep` versions of each module at most. Nothing of it is in service yet.
    pub(super) fn open(versions: PathBuf, keep: usize, policy: &Policy) -> Self {
        let store = Store::open(versions);
        let recalled = store.recall().into_iter().map(|(name, index)| {
            let entry = Entry::recalled(policy.of(&name), &name, index);
            (name, entry)
        });
        let entries = recalled.filter(|(_, entry)| !entry.is_empty()).collect();
        Self(Arc::new(Inner {
            entries: RwLock::new(entries),
            policy: RwLock::new(policy.clone()),
            changed: channel::Sender::new(()),
            store,
            keep,
        }))
    }

    /// All that is known, for as long as the answer is held; nobody can write meanwhile.
    pub(super) fn entries(&self) -> RwLockReadGuard<'_, Entries> {
        lock::read(&self.0.entries)
    }

    /// What is asked of one name, where anything is known under it.
    pub(super) fn look<T>(&self, name: &ModuleName, look: impl FnOnce(&Entry) -> T) -> Option<T> {
        self.entries().get(name).map(look)
    }

    /// The version of a module that serves.
    pub(super) fn serving(&self, name: &ModuleName) -> Option<Arc<LoadedModule>> {
        self.look(name, |entry| entry.serving().cloned()).flatten()
    }

    /// The digest of the version of a module that serves.
    pub(super) fn serving_digest(&self, name: &ModuleName) -> Option<Digest> {
        self.look(name, Entry::serving_digest).flatten()
    }

    /// What is told of one module, with all its versions.
    pub(super) fn row(&self, name: &ModuleName) -> Option<Module> {
        self.look(name, |entry| entry.describe(name)).flatten()
    }

    /// The modules in service.
    pub(super) fn all_serving(&self) -> Vec<Arc<LoadedModule>> {
        self.entries().values().filter_map(|entry| entry.serving().cloned()).collect()
    }

    /// Every version that jobs run of: those in service, and those that jobs still run of.
    pub(super) fn all_running(&self) -> Vec<(ModuleState, Arc<LoadedModule>)> {
        self.entries().values().flat_map(Entry::running).collect()
    }

    /// Changes whenever something else is known.
    pub(super) fn changes(&self) -> channel::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Says that something else is known of what is beside the shelf.
    pub(super) fn say_changed(&self) {
        self.0.changed.send_replace(());
    }

    /// Changes what is known under a name, and says that it is something else now.
    pub(super) fn update<T>(
        &self,
        _: &ChangeGuard,
        name: &ModuleName,
        update: impl FnOnce(&mut Entry) -> T,
    ) -> T {
        self.write(name, update)
    }

    /// A version has come that somebody wants. Returns whether it could be put into service before, as it was.
    pub(super) fn receive(&self, name: &ModuleName, digest: Digest) -> bool {
        self.write(name, |entry| {
            let was_good = entry.version(digest).is_some_and(Version::is_good);
            entry.receive(name, digest).want();
            was_good
        })
    }

    /// A version is so far on its way. One that serves goes on doing so.
    pub(super) fn come(&self, name: &ModuleName, digest: Digest, progress: Progress) {
        self.write(name, |entry| entry.come(digest, progress));
    }

    fn write<T>(&self, name: &ModuleName, update: impl FnOnce(&mut Entry) -> T) -> T {
        let done = {
            let mut entries = lock::write(&self.0.entries);
            let entry = entries.entry(name.clone()).or_insert_with(|| Entry::new(self.policy_of(name)));
            let done = update(entry);
            if entry.is_empty() {
                entries.remove(name);
            }
            done
        };
        self.say_changed();
        done
    }

    /// Counts a trap of a version that serves; how many there were, where that is too many. Nobody is told of the count.
    pub(super) fn trapped(&self, name: &ModuleName, digest: Digest) -> Option<u32> {
        let mut entries = lock::write(&self.0.entries);
        entries.get_mut(name)?.trapped(digest)
    }

    /// What a module may do, as policy has it now.
    pub(super) fn policy_of(&self, name: &ModuleName) -> ModulePolicy {
        lock::read(&self.0.policy).of(name)
    }

    /// Puts another policy into force. `changes` says what is other than before.
    pub(super) fn replace_policy(
        &self,
        _: &ChangeGuard,
        policy: &Policy,
        changes: impl Fn(&ModulePolicy, &ModulePolicy) -> Vec<String>,
    ) -> PolicyEffect {
        *lock::write(&self.0.policy) = policy.clone();
        let mut effect = PolicyEffect { lines: Vec::new(), stale: Vec::new() };
        let mut entries = lock::write(&self.0.entries);
        for (name, entry) in entries.iter_mut() {
            let now = policy.of(name);
            let former = entry.set_policy(now.clone());
            let told = changes(&former, &now);
            effect.lines.extend(told.into_iter().map(|change| format!("{name}: {change}")));
            if !former.loads_like(&now) {
                effect.stale.push(name.clone());
            }
        }
        effect
    }

    /// A version that is kept. One that is not what it should be is an error, and is kept no longer. Blocks.
    pub(super) fn read(&self, name: &ModuleName, digest: Digest) -> io::Result<Candidate> {
        self.0.store.read(name, digest)
    }

    /// Whether the file of a version is kept, as far as its name says.
    pub(super) fn has_file(&self, name: &ModuleName, digest: Digest) -> bool {
        self.0.store.has(name, digest)
    }

    /// Keeps the file of a version. Where it fails, what was kept of it before stays, and nothing else.
    pub(super) fn keep(&self, _: &ChangeGuard, candidate: &Candidate) -> io::Result<()> {
        self.0.store.keep(candidate)
    }

    /// The last job of a version that was taken out of service is over.
    pub(super) fn retire(&self, guard: &ChangeGuard, name: &ModuleName, digest: Digest) {
        if self.update(guard, name, |entry| entry.retire(digest)) {
            self.trim(guard, name);
        }
    }

    /// Forgets a version that was staged, or that waits for a grant; one that is on its way goes when it comes. Returns
    /// whether there was one.
    pub(super) fn discard(&self, guard: &ChangeGuard, name: &ModuleName, digest: Digest) -> bool {
        let Some(known) = self.look(name, |entry| entry.version(digest).is_some()) else { return false };
        if self.update(guard, name, |entry| entry.discard(digest)) {
            self.0.store.remove(name, digest);
        }
        self.trim(guard, name);
        known
    }

    /// Takes what serves out of service, and what waits for a grant off the list, since the module's file is gone. Returns
    /// the code of what served. The caller trims the shelf when jobs can know of it.
    pub(super) fn take_out(&self, guard: &ChangeGuard, name: &ModuleName) -> Option<Arc<LoadedModule>> {
        let (waiting, former) = self.update(guard, name, |entry| (entry.lose_file(), entry.take_out()));
        if let Some(digest) = waiting {
            self.0.store.remove(name, digest);
        }
        former
    }

    /// Lets go of versions beyond what is kept, and writes down what is known.
    pub(super) fn trim(&self, guard: &ChangeGuard, name: &ModuleName) {
        let keep = self.0.keep;
        for digest in self.update(guard, name, |entry| entry.let_go(keep)) {
            self.0.store.remove(name, digest);
        }
        let index = self.look(name, Entry::index);
        self.0.store.note(name, index.as_ref());
    }
}
