//! Versions that came over the wire and are kept: ready to be put into service, or until they are granted what they lack.

use std::time::Duration;

use wire::digest::Digest;
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use super::uploads::Uploads;
use crate::audit::{ModuleChange, Origin};
use crate::modules::candidate::{Candidate, Signature};
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::loading::Prepared;
use crate::modules::service::Service;
use crate::modules::shelf::Version;

/// What is staged. Clones share it.
#[derive(Clone)]
pub(in crate::modules) struct Staged {
    service: Service,
    uploads: Uploads,
}

/// A version that came and cannot be made ready.
pub(super) struct Unready {
    pub(super) name: ModuleName,
    pub(super) digest: Digest,
    pub(super) signature: Signature,
    /// Whether it could have been put into service before it came again: it stays what it was.
    pub(super) was_good: bool,
}

impl Staged {
    pub(in crate::modules) fn new(service: Service, uploads: Uploads) -> Self {
        Self { service, uploads }
    }

    /// How many versions wait to be put into service.
    pub(super) fn count(&self) -> usize {
        let entries = self.service.shelf().entries();
        entries.values().flat_map(|entry| entry.versions()).filter(|version| version.is_staged()).count()
    }

    /// Keeps a version and holds it ready. Where that cannot be, why; reads on from the minion's name.
    pub(in crate::modules) fn hold_ready(
        &self,
        guard: &ChangeGuard,
        prepared: Prepared,
        by: Origin,
    ) -> Result<Module, String> {
        let Prepared { candidate, module, signer, .. } = prepared;
        let (shelf, name, digest) = (self.service.shelf(), &candidate.name, candidate.digest);
        self.uploads.discard(digest);
        let discarded = shelf.look(name, |entry| entry.version(digest).is_some_and(Version::is_discarded));
        if discarded == Some(true) {
            shelf.update(guard, name, |entry| entry.forgo(digest));
            return Err(format!("does not take module \"{name}\": it was discarded meanwhile"));
        }
        if let Err(error) = shelf.keep(guard, &candidate) {
            shelf.update(guard, name, |entry| entry.forgo(digest));
            return Err(format!("cannot keep module \"{name}\": {error}"));
        }
        let about = module.describe().clone();
        shelf.update(guard, name, |entry| entry.stage(module, signer.clone()));
        shelf.trim(guard, name);
        self.service.tell(&ModuleChange {
            digest: Some(digest),
            version: about.version.as_deref(),
            signer: signer.as_deref(),
            ..ModuleChange::of("staged", by, name)
        });
        let versions = shelf.row(name).map(|module| module.versions).unwrap_or_default();
        let state = versions.iter().find(|version| version.digest == digest);
        let state = state.map_or(ModuleState::Staged, |version| version.state.clone());
        Ok(Module { state, versions, ..about })
    }

    /// A version cannot be made ready: it stays to be seen with the reason, and is kept where all that it lacks is a grant.
    /// What is said of it reads on from the minion's name.
    pub(super) fn refuse(&self, guard: &ChangeGuard, refused: Unready, refusal: &Refusal) -> String {
        let Unready { name, digest, was_good, .. } = &refused;
        let (digest, shelf) = (*digest, self.service.shelf());
        let waits = !was_good && self.keep_waiting(guard, &refused, refusal);
        self.uploads.discard(digest);
        shelf.update(guard, name, |entry| match was_good {
            true => entry.forgo(digest),
            false => {
                if let Some(version) = entry.version_mut(digest).filter(|_| waits) {
                    version.set_kept(true);
                }
                entry.fail(digest, refusal.clone());
            }
        });
        shelf.trim(guard, name);
        self.service.tell(&self.service.refused(name, digest, Origin::Overlord, &refusal.reason));
        format!("does not take module \"{name}\": it {}", refusal.reason)
    }

    /// Keeps a version whose bytes have just come, where all that it lacks is a grant: whoever grants that has to see what it
    /// suggests, and it need not come again. Says whether it is kept.
    fn keep_waiting(&self, guard: &ChangeGuard, refused: &Unready, refusal: &Refusal) -> bool {
        let Unready { name, digest, signature, .. } = refused;
        if refusal.kind != FailureKind::CapabilityMissing {
            return false;
        }
        let shelf = self.service.shelf();
        if shelf.has_file(name, *digest) {
            return true;
        }
        let Ok(bytes) = self.uploads.read(*digest) else { return false };
        let (name, digest, signature) = (name.clone(), *digest, signature.clone());
        let kept = shelf.keep(guard, &Candidate { name: name.clone(), digest, bytes, signature });
        if let Err(error) = &kept {
            tracing::warn!(module = %name, %error, "a version that lacks a grant is not kept for when that comes");
        }
        self.make_room_to_wait(guard);
        kept.is_ok()
    }

    /// Lets go of the version that waits longest for a grant, where too many do.
    fn make_room_to_wait(&self, guard: &ChangeGuard) {
        let mut waiting: Vec<(u64, ModuleName, Digest)> = {
            let entries = self.service.shelf().entries();
            let waiting = entries.iter().filter_map(|(name, entry)| Some((name, entry.waiting()?)));
            waiting.map(|(name, version)| (version.since(), name.clone(), version.digest())).collect()
        };
        waiting.sort();
        for (_, name, digest) in waiting.iter().rev().skip(MAX_WAITING - 1) {
            self.discard(guard, name, *digest, Origin::Minion);
        }
    }

    /// Forgets a version that was staged, with what has come of it.
    pub(in crate::modules) fn discard(
        &self,
        guard: &ChangeGuard,
        name: &ModuleName,
        digest: Digest,
        by: Origin,
    ) {
        self.uploads.discard(digest);
        if self.service.shelf().discard(guard, name, digest) {
            self.service
                .tell(&ModuleChange { digest: Some(digest), ..ModuleChange::of("discarded", by, name) });
        }
    }
}

/// For how long a staged version is kept that nobody activates, and the first bytes of a version whose last ones have not
/// come.
pub(super) const KEEP_STAGED: Duration = Duration::from_secs(24 * 3600);
/// How many versions wait for a grant at most, of all modules together.
const MAX_WAITING: usize = 16;
