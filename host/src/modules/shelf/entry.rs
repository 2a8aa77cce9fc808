//! What is known under one name: its versions, of which one may serve.

use std::sync::Arc;

use wire::digest::Digest;
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use super::index::Index;
use super::life::Progress;
use super::version::Version;
use crate::modules::candidate::{FileMark, Hex};
use crate::modules::error::{NoModule, Refusal};
use crate::policy::ModulePolicy;
use crate::sandbox::LoadedModule;

/// What is known under one name.
pub(in crate::modules) struct Entry {
    policy: ModulePolicy,
    /// Newest first. Jobs get the one whose life says that it serves; there is never more than one.
    versions: Vec<Version>,
    /// What the folder's file was when it was last acted upon.
    file: Option<FileMark>,
    /// Which version served when the minion stopped, and since when, until one is put into service.
    resumed: Option<(Digest, u64)>,
}

impl Entry {
    pub(super) fn new(policy: ModulePolicy) -> Self {
        Self { policy, versions: Vec::new(), file: None, resumed: None }
    }

    /// What an earlier process knew. Nothing of it is in service yet.
    pub(super) fn recalled(policy: ModulePolicy, name: &ModuleName, index: Index) -> Self {
        let served = index.versions.iter().find(|kept| index.serving == Some(Hex(kept.digest)));
        let resumed = served.map(|kept| (kept.digest, kept.since));
        let versions = index.versions.into_iter().map(|kept| Version::recalled(name, kept));
        Self { policy, versions: versions.collect(), file: index.file, resumed }
    }

    /// What the next process is to know.
    pub(super) fn index(&self) -> Index {
        let versions = self.versions.iter().filter_map(Version::index).collect();
        Index { file: self.file, serving: self.serving_digest().map(Hex), versions }
    }

    /// Whether nothing is known any more.
    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.file.is_none()
    }

    /// What calls get.
    pub(in crate::modules) fn serving(&self) -> Option<&Arc<LoadedModule>> {
        self.versions.iter().find_map(Version::active)
    }

    /// The version in service.
    pub(in crate::modules) fn serving_digest(&self) -> Option<Digest> {
        self.serving().map(|module| module.describe().digest)
    }

    /// Whether a version is in service, or was when the minion stopped last.
    pub(in crate::modules) fn served_last(&self, digest: Digest) -> bool {
        self.serving_digest() == Some(digest) || self.resumed.is_some_and(|(resumed, _)| resumed == digest)
    }

    /// Whether nothing serves although there is a file.
    pub(in crate::modules) fn is_unserved(&self) -> bool {
        self.serving().is_none() && self.file.is_some()
    }

    /// What the folder's file was when it was last acted upon.
    pub(in crate::modules) fn file(&self) -> Option<FileMark> {
        self.file
    }

    /// The folder's file is this one, or none.
    pub(in crate::modules) fn set_file(&mut self, file: Option<FileMark>) {
        self.file = file;
    }

    /// Newest first.
    pub(in crate::modules) fn versions(&self) -> &[Version] {
        &self.versions
    }

    pub(in crate::modules) fn version(&self, digest: Digest) -> Option<&Version> {
        self.versions.iter().find(|version| version.digest() == digest)
    }

    pub(in crate::modules) fn version_mut(&mut self, digest: Digest) -> Option<&mut Version> {
        self.versions.iter_mut().find(|version| version.digest() == digest)
    }

    /// The code of a version, where it is still loaded, and as it would be loaded now.
    pub(in crate::modules) fn at_hand(&self, digest: Digest) -> Option<Arc<LoadedModule>> {
        let module = self.version(digest)?.code()?;
        module.policy().loads_like(&self.policy).then_some(module)
    }

    /// The version that is kept for when it is granted what it lacks.
    pub(in crate::modules) fn waiting(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.awaited_grant().is_some())
    }

    /// The versions that were in service and can be gone back to, the one that was last first.
    pub(in crate::modules) fn earlier(&self) -> Vec<Digest> {
        let mut earlier: Vec<&Version> =
            self.versions.iter().filter(|version| version.can_come_back()).collect();
        earlier.sort_by_key(|version| std::cmp::Reverse(version.serving_number()));
        earlier.into_iter().map(Version::digest).collect()
    }

    /// Another policy is in force. Returns the former.
    pub(super) fn set_policy(&mut self, policy: ModulePolicy) -> ModulePolicy {
        std::mem::replace(&mut self.policy, policy)
    }

    /// A version has come, again or for the first time.
    pub(in crate::modules) fn arrive(&mut self, name: &ModuleName, digest: Digest) -> &mut Version {
        let at = match self.versions.iter().position(|version| version.digest() == digest) {
            Some(at) => at,
            None => {
                self.versions.insert(0, Version::new(name, digest));
                0
            }
        };
        &mut self.versions[at]
    }

    /// A version has come, again or for the first time, and is to be looked at.
    pub(in crate::modules) fn receive(&mut self, name: &ModuleName, digest: Digest) -> &mut Version {
        let version = self.arrive(name, digest);
        version.come(Progress::Received);
        version
    }

    /// A version is so far on its way, unless it is the one in service: that one serves while it is looked at again.
    pub(super) fn come(&mut self, digest: Digest, progress: Progress) {
        if let Some(version) = self.version_mut(digest) {
            version.come(progress);
        }
    }

    /// A version is kept and can be put into service from now on.
    pub(in crate::modules) fn stage(&mut self, module: Arc<LoadedModule>, signer: Option<String>) {
        let (name, digest) = (module.describe().name.clone(), module.describe().digest);
        self.arrive(&name, digest).stage(module, signer);
    }

    /// A version is refused. Where it serves, it goes on doing so. Of those that were never any good only the
    /// newest few stay to be seen.
    pub(in crate::modules) fn fail(&mut self, digest: Digest, refusal: Refusal) {
        if self.serving_digest() == Some(digest) {
            return;
        }
        if let Some(version) = self.version_mut(digest) {
            version.fail(refusal);
        }
        let mut shown = 0;
        self.versions.retain(|version| {
            if version.is_kept() || !version.is_failed() {
                return true;
            }
            shown += 1;
            shown <= FAILED_SHOWN
        });
    }

    /// Puts a version into service, and gives back the code of the one before, where that is another. Versions that failed
    /// before it are history from now on.
    pub(in crate::modules) fn put_into_service(
        &mut self,
        module: Arc<LoadedModule>,
    ) -> Option<Arc<LoadedModule>> {
        let (name, digest) = (module.describe().name.clone(), module.describe().digest);
        let serving_number = self.versions.iter().filter_map(Version::serving_number).max().unwrap_or(0) + 1;
        let former = self.serving().cloned().filter(|former| !Arc::ptr_eq(former, &module));
        let again = self.serving_digest() == Some(digest);
        if !again {
            self.versions.iter_mut().for_each(|version| drop(version.take_out()));
        }
        let version = self.arrive(&name, digest);
        version.serve(module, serving_number);
        if let Some((resumed, since)) = self.resumed.take()
            && let Some(version) = self.version_mut(digest).filter(|_| resumed == digest)
        {
            version.serve_since(since);
        }
        if !again {
            // What is wrong with the file in the folder stays to be seen.
            let file = self.file.map(|file| file.digest);
            self.versions.retain(|version| {
                !version.is_failed() || version.is_kept() || file == Some(version.digest())
            });
        }
        former
    }

    /// The minion put another version into service because this one trapped.
    pub(in crate::modules) fn roll_back(&mut self, digest: Digest, reason: &str) {
        self.fail(digest, Refusal::new(reason));
        if let Some(version) = self.version_mut(digest) {
            version.roll_back(reason);
        }
    }

    /// Takes what serves out of service.
    pub(in crate::modules) fn take_out(&mut self) -> Option<Arc<LoadedModule>> {
        self.versions.iter_mut().find_map(Version::take_out)
    }

    /// There is no file any more: what waits for a grant, or failed and is not kept, goes with it. Returns what waited.
    pub(in crate::modules) fn lose_file(&mut self) -> Option<Digest> {
        self.file = None;
        let waiting = self.waiting().map(Version::digest);
        self.versions.retain(|version| {
            Some(version.digest()) != waiting && (version.is_kept() || !version.is_failed())
        });
        waiting
    }

    /// A version that was on its way is not wanted any more: it is what it was before it came, or nothing.
    pub(in crate::modules) fn forgo(&mut self, digest: Digest) {
        if self.serving_digest() == Some(digest) {
            return;
        }
        match self.version_mut(digest) {
            Some(version) if version.is_kept() => version.rest(),
            _ => self.versions.retain(|version| version.digest() != digest),
        }
    }

    /// The last job of a version is over. Returns whether it is out of service now.
    pub(super) fn retire(&mut self, digest: Digest) -> bool {
        let retired = self.version_mut(digest).is_some_and(Version::retire);
        if retired {
            self.versions.retain(|version| version.digest() != digest || version.is_kept());
        }
        retired
    }

    /// A version that was staged is not wanted. Returns whether its file can go.
    pub(super) fn discard(&mut self, digest: Digest) -> bool {
        let Some(version) = self.version_mut(digest) else { return true };
        if !version.is_staged() && version.awaited_grant().is_none() {
            // One that is on its way goes when it comes.
            version.discard();
            return false;
        }
        if version.serving_number().is_some() {
            version.rest();
            return false;
        }
        self.versions.retain(|version| version.digest() != digest);
        true
    }

    /// Counts a trap; how many there were, where that is too many.
    pub(in crate::modules) fn trapped(&mut self, digest: Digest) -> Option<u32> {
        let rule = self.policy.rollback;
        self.version_mut(digest)?.trapped(rule)
    }

    /// Drops what is beyond the number of versions to keep, oldest first, and says which files can go. What
    /// serves, drains, is staged or on its way is never among them.
    pub(super) fn let_go(&mut self, keep: usize) -> Vec<Digest> {
        let counts = |version: &&Version| {
            version.is_kept() && (version.serving_number().is_some() || version.is_at_rest())
        };
        let mut gone = self.overtaken();
        self.versions.retain(|version| !gone.contains(&version.digest()));
        let mut kept = self.versions.iter().filter(counts).count();
        while kept > keep {
            let candidates = self.versions.iter().filter(|version| version.is_kept() && version.is_at_rest());
            let Some(oldest) = candidates.min_by_key(|version| version.serving_number()) else { break };
            let digest = oldest.digest();
            self.versions.retain(|version| version.digest() != digest);
            gone.push(digest);
            kept -= 1;
        }
        gone
    }

    /// The versions that waited for a grant, where a newer one does or is in service.
    fn overtaken(&self) -> Vec<Digest> {
        let newest = |version: &Version| version.awaited_grant().is_some() || version.active().is_some();
        let older = self.versions.iter().skip_while(|version| !newest(version)).skip(1);
        older.filter(|version| version.awaited_grant().is_some()).map(Version::digest).collect()
    }

    /// The version that says why none serves: that of the folder's file, or else the newest.
    fn foremost(&self) -> Option<&Version> {
        let file = self.file.and_then(|file| self.version(file.digest));
        file.or_else(|| self.versions.first())
    }

    /// As others are told of it; nothing where there is no version.
    pub(in crate::modules) fn describe(&self, name: &ModuleName) -> Option<Module> {
        let (about, state) = match self.serving() {
            Some(module) => (module.describe(), ModuleState::Active),
            None => self.foremost().map(|version| (version.about(), version.state()))?,
        };
        let versions = self.versions.iter().map(Version::describe).collect();
        Some(Module { name: name.clone(), state, versions, ..about.clone() })
    }

    /// The versions that jobs run of.
    pub(super) fn running(&self) -> Vec<(ModuleState, Arc<LoadedModule>)> {
        let serving = self.serving().map(|module| (ModuleState::Active, module.clone()));
        let draining = self.versions.iter().filter_map(Version::draining);
        serving.into_iter().chain(draining.map(|module| (ModuleState::Draining, module))).collect()
    }

    /// Why no version serves.
    pub(in crate::modules) fn absent(&self, name: &ModuleName) -> NoModule {
        let foremost = self.foremost();
        let (kind, reason) = match foremost.map(|version| (version.refusal(), version.state())) {
            Some((Some(refusal), _)) => (refusal.kind, refusal.reason.clone()),
            None | Some((None, ModuleState::Draining | ModuleState::Retired)) => {
                (FailureKind::UnknownModule, REMOVED.to_owned())
            }
            Some((None, state)) => (FailureKind::UnknownModule, format!("is {} so far", state.as_str())),
        };
        NoModule::Failed { name: name.clone(), kind, reason }
    }
}

const REMOVED: &str = "was removed";
/// How many versions of a module are shown that failed and are not kept.
const FAILED_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::index::Kept;
    use super::*;

    fn name() -> ModuleName {
        "which".parse().expect("a name")
    }

    #[test]
    fn the_newest_version_that_lacks_a_grant_is_kept_until_a_newer_one_serves() {
        let digests = [b"1", b"2", b"3"].map(|bytes| Digest::of(bytes));
        let mut entry = Entry::new(ModulePolicy::default());
        let refused = || Refusal { kind: FailureKind::CapabilityMissing, ..Refusal::new("lacks one") };
        for digest in digests {
            entry.arrive(&name(), digest).set_kept(true);
            entry.fail(digest, refused());
        }
        // However few versions are kept: it is none of those that can be gone back to.
        assert_eq!(entry.let_go(1), [digests[1], digests[0]]);
        assert_eq!(entry.waiting().map(Version::digest), Some(digests[2]));
        assert!(entry.earlier().is_empty());
        let index = entry.index();
        let recalled = Entry::recalled(ModulePolicy::default(), &name(), index);
        assert_eq!(recalled.waiting().and_then(Version::awaited_grant), Some("lacks one"));
        assert!(matches!(
            recalled.absent(&name()),
            NoModule::Failed { kind: FailureKind::CapabilityMissing, .. }
        ));
        // One that is refused for another reason waits for nothing.
        entry.fail(digests[2], Refusal::new("is damaged"));
        assert!(entry.waiting().is_none());
    }

    #[test]
    fn a_version_that_is_not_wanted_is_what_it_was_before_it_came() {
        let digest = Digest::of(b"a");
        let kept = |serving_number, rolled_back: Option<&str>| Kept {
            digest,
            version: None,
            signer: None,
            since: 1,
            serving_number,
            rolled_back: rolled_back.map(str::to_owned),
            not_granted: None,
        };
        let trapped = ModuleState::Failed("trapped".into());
        for (kept, state) in [
            (kept(None, None), ModuleState::Staged),
            (kept(Some(1), None), ModuleState::Retired),
            (kept(Some(1), Some("trapped")), trapped),
        ] {
            let index = Index { versions: vec![kept], ..Index::default() };
            let mut entry = Entry::recalled(ModulePolicy::default(), &name(), index.clone());
            entry.come(digest, Progress::Received);
            entry.forgo(digest);
            assert_eq!(entry.version(digest).map(Version::state), Some(state));
            assert_eq!(entry.index().versions[0].rolled_back, index.versions[0].rolled_back);
        }
    }
}
