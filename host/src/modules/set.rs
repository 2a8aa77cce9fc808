//! What is known under one name: its versions, and the pointer to the one that serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::digest::Digest;
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use crate::modules::error::{NoModule, Refusal};
use crate::modules::index::{FileMark, Hex, Index};
use crate::modules::version::Version;
use crate::policy::ModulePolicy;
use crate::sandbox::LoadedModule;

/// All names.
pub(super) type Set = BTreeMap<ModuleName, Entry>;

/// What is known under one name.
pub(super) struct Entry {
    pub(super) policy: ModulePolicy,
    /// What calls get. Replacing it is all that a swap is.
    pub(super) serving: Option<Arc<LoadedModule>>,
    /// Newest first.
    pub(super) versions: Vec<Version>,
    /// What the folder's file was when it was last acted upon.
    pub(super) file: Option<FileMark>,
}

impl Entry {
    pub(super) fn new(policy: ModulePolicy) -> Self {
        Self { policy, serving: None, versions: Vec::new(), file: None }
    }

    /// What an earlier process knew. Nothing of it is in service yet.
    pub(super) fn recalled(policy: ModulePolicy, name: &ModuleName, index: Index) -> Self {
        let versions = index.versions.into_iter().map(|kept| {
            let served = index.serving == Some(Hex(kept.digest));
            Version::recalled(name, kept, served)
        });
        Self { policy, serving: None, versions: versions.collect(), file: index.file }
    }

    /// What the next process is to know.
    pub(super) fn index(&self) -> Index {
        let versions = self.versions.iter().filter_map(Version::kept).collect();
        Index { file: self.file, serving: self.serving_digest().map(Hex), versions }
    }

    /// Whether nothing is known any more.
    pub(super) fn is_empty(&self) -> bool {
        self.serving.is_none() && self.versions.is_empty() && self.file.is_none()
    }

    /// The version in service.
    pub(super) fn serving_digest(&self) -> Option<Digest> {
        self.serving.as_ref().map(|module| module.describe().digest)
    }

    /// Whether a version is in service, or was when the minion stopped last.
    pub(super) fn served_last(&self, digest: Digest) -> bool {
        self.serving_digest() == Some(digest)
            || self.version(digest).is_some_and(|version| version.resumed.is_some())
    }

    pub(super) fn version(&self, digest: Digest) -> Option<&Version> {
        self.versions.iter().find(|version| version.about.digest == digest)
    }

    pub(super) fn version_mut(&mut self, digest: Digest) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.about.digest == digest)
    }

    /// A version has come, again or for the first time.
    pub(super) fn arrive(&mut self, name: &ModuleName, digest: Digest) -> &mut Version {
        let place = match self.versions.iter().position(|version| version.about.digest == digest) {
            Some(place) => place,
            None => {
                self.versions.insert(0, Version::new(name, digest));
                0
            }
        };
        &mut self.versions[place]
    }

    /// A version is in this state from now on, unless it is the one in service: that one stays so while it is
    /// looked at again.
    pub(super) fn now(&mut self, digest: Digest, state: ModuleState) {
        if self.serving_digest() == Some(digest) {
            return;
        }
        if let Some(version) = self.version_mut(digest) {
            version.now(state);
        }
    }

    /// A version is refused. Where it serves, it goes on doing so. Of those that were never any good only the
    /// newest few stay to be seen.
    pub(super) fn failed(&mut self, digest: Digest, refusal: Refusal) {
        if self.serving_digest() == Some(digest) {
            return;
        }
        if let Some(version) = self.version_mut(digest) {
            version.failed(refusal);
        }
        let mut shown = 0;
        self.versions.retain(|version| {
            if version.kept || !matches!(version.state, ModuleState::Failed(_)) {
                return true;
            }
            shown += 1;
            shown <= FAILED_SHOWN
        });
    }

    /// Puts a version into service, and gives back what was there before. Versions that failed before it are
    /// history from now on.
    pub(super) fn put_into_service(&mut self, module: Arc<LoadedModule>) -> Option<Arc<LoadedModule>> {
        let (name, digest) = (module.describe().name.clone(), module.describe().digest);
        let turn = self.versions.iter().filter_map(|version| version.turn).max().unwrap_or(0) + 1;
        let again = self.serving_digest() == Some(digest);
        let version = self.arrive(&name, digest);
        version.about = module.describe().clone();
        (version.ready, version.rolled_back) = (None, None);
        version.now(ModuleState::Active);
        version.since = version.resumed.take().unwrap_or(version.since);
        if !again {
            (version.turn, version.traps) = (Some(turn), 0);
        }
        self.versions.iter_mut().for_each(|version| version.resumed = None);
        let former = self.serving.replace(module.clone()).filter(|former| !Arc::ptr_eq(former, &module));
        if !again {
            self.draining(former.as_ref());
            // What is wrong with the file in the folder stays to be seen.
            let file = self.file.map(|file| file.digest);
            self.versions.retain(|version| {
                let failed = matches!(version.state, ModuleState::Failed(_));
                !failed || version.kept || file == Some(version.about.digest)
            });
        }
        former
    }

    /// Takes what serves out of service.
    pub(super) fn take_out(&mut self) -> Option<Arc<LoadedModule>> {
        let former = self.serving.take();
        self.draining(former.as_ref());
        former
    }

    fn draining(&mut self, former: Option<&Arc<LoadedModule>>) {
        let Some(former) = former else { return };
        if let Some(version) = self.version_mut(former.describe().digest) {
            version.draining = Arc::downgrade(former);
            version.now(ModuleState::Draining);
        }
    }

    /// A version that was on its way is not wanted any more: it is what it was before it came, or nothing.
    pub(super) fn forgo(&mut self, digest: Digest) {
        if self.serving_digest() == Some(digest) {
            return;
        }
        match self.version_mut(digest) {
            Some(version) if version.kept => version.rest(),
            _ => self.versions.retain(|version| version.about.digest != digest),
        }
    }

    /// The last job of a version is over. Returns whether it is out of service now.
    pub(super) fn retire(&mut self, digest: Digest) -> bool {
        let Some(version) = self.version_mut(digest) else { return false };
        // It may be back by now, or be draining once more.
        if version.state != ModuleState::Draining || version.draining.strong_count() > 0 {
            return false;
        }
        version.now(ModuleState::Retired);
        self.versions.retain(|version| version.about.digest != digest || version.kept);
        true
    }

    /// A version that was staged is not wanted. Returns whether its file can go.
    pub(super) fn discard(&mut self, digest: Digest) -> bool {
        let Some(version) = self.version_mut(digest) else { return true };
        if version.state != ModuleState::Staged && version.awaited_grant().is_none() {
            // One that is on its way goes when it comes.
            version.discarded = true;
            return false;
        }
        version.ready = None;
        if version.turn.is_some() {
            version.rest();
            return false;
        }
        self.versions.retain(|version| version.about.digest != digest);
        true
    }

    /// Whether nothing serves although there is a file.
    pub(super) fn is_unserved(&self) -> bool {
        self.serving.is_none() && self.file.is_some()
    }

    /// The versions that were in service and can be gone back to, the one that was last first. One that could
    /// not be loaded since is among them: what was in its way may be gone.
    pub(super) fn earlier(&self) -> Vec<Digest> {
        let serving = self.serving_digest();
        let mut earlier: Vec<&Version> = self
            .versions
            .iter()
            .filter(|version| version.kept && version.turn.is_some() && version.rolled_back.is_none())
            .filter(|version| Some(version.about.digest) != serving)
            .collect();
        earlier.sort_by_key(|version| std::cmp::Reverse(version.turn));
        earlier.into_iter().map(|version| version.about.digest).collect()
    }

    /// Drops what is beyond the number of versions to keep, oldest first, and says which files can go. What
    /// serves, drains, is staged or on its way is never among them.
    pub(super) fn let_go(&mut self, keep: usize) -> Vec<Digest> {
        let idle = |version: &Version| {
            let at_rest = matches!(version.state, ModuleState::Retired | ModuleState::Failed(_));
            at_rest && version.awaited_grant().is_none()
        };
        let counts = |version: &&Version| version.kept && (version.turn.is_some() || idle(version));
        let mut gone = self.overtaken();
        self.versions.retain(|version| !gone.contains(&version.about.digest));
        let mut kept = self.versions.iter().filter(counts).count();
        while kept > keep {
            let candidates = self.versions.iter().filter(|version| version.kept && idle(version));
            let Some(oldest) = candidates.min_by_key(|version| version.turn) else { break };
            let digest = oldest.about.digest;
            self.versions.retain(|version| version.about.digest != digest);
            gone.push(digest);
            kept -= 1;
        }
        gone
    }

    /// The version that says why none serves: that of the folder's file, or else the newest.
    fn foremost(&self) -> Option<&Version> {
        let file = self.file.and_then(|file| self.version(file.digest));
        file.or_else(|| self.versions.first())
    }

    /// As others are told of it; nothing where there is no version.
    pub(super) fn describe(&self, name: &ModuleName) -> Option<Module> {
        let (about, state) = match &self.serving {
            Some(module) => (module.describe(), ModuleState::Active),
            None => self.foremost().map(|version| (&version.about, version.state.clone()))?,
        };
        let versions = self.versions.iter().map(Version::describe).collect();
        Some(Module { name: name.clone(), state, versions, ..about.clone() })
    }

    /// The versions that jobs run of.
    pub(super) fn running(&self) -> Vec<(ModuleState, Arc<LoadedModule>)> {
        let serving = self.serving.iter().map(|module| (ModuleState::Active, module.clone()));
        let draining = self.versions.iter().filter(|version| version.state == ModuleState::Draining);
        let draining = draining
            .filter_map(|version| version.draining.upgrade())
            .map(|module| (ModuleState::Draining, module));
        serving.chain(draining).collect()
    }

    /// Why no version serves.
    pub(super) fn absent(&self, name: &ModuleName) -> NoModule {
        let (kind, reason) = match self.foremost() {
            Some(version) => match &version.state {
                ModuleState::Failed(reason) => (version.kind, reason.clone()),
                ModuleState::Draining | ModuleState::Retired => {
                    (FailureKind::UnknownModule, REMOVED.to_owned())
                }
                state => (FailureKind::UnknownModule, format!("is {} so far", state.as_str())),
            },
            None => (FailureKind::UnknownModule, REMOVED.to_owned()),
        };
        NoModule::Failed { name: name.clone(), kind, reason }
    }
}

const REMOVED: &str = "was removed";
/// How many versions of a module are shown that failed and are not kept.
const FAILED_SHOWN: usize = 3;
