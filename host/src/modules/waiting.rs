//! Versions that were refused for want of a grant, and are kept for when that comes.

use wire::digest::Digest;
use wire::message::module::ModuleState;
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::Origin;
use crate::modules::Modules;
use crate::modules::error::Refusal;
use crate::modules::folder::{Candidate, Signature};
use crate::modules::set::Entry;
use crate::modules::version::Version;

impl Modules {
    /// Keeps a version whose bytes have just come, where all that it lacks is a grant: whoever grants that has to see what it
    /// suggests, and it need not come again. Says whether it is kept. Part of a step.
    pub(super) fn keep_waiting(
        &self,
        name: &ModuleName,
        digest: Digest,
        signature: Signature,
        refusal: &Refusal,
    ) -> bool {
        if refusal.kind != FailureKind::CapabilityMissing {
            return false;
        }
        if self.0.store.has(name, digest) {
            return true;
        }
        let Ok(bytes) = self.0.uploads.read(digest) else { return false };
        let kept = self.0.store.keep(&Candidate { name: name.clone(), digest, bytes, signature });
        if let Err(error) = &kept {
            tracing::warn!(module = %name, %error, "a version that lacks a grant is not kept for when that comes");
        }
        self.make_room_to_wait();
        kept.is_ok()
    }

    /// Lets go of the version that waits longest, where too many do. Part of a step.
    fn make_room_to_wait(&self) {
        let mut waiting: Vec<(u64, ModuleName, Digest)> = {
            let set = self.0.set();
            let waiting = set.iter().filter_map(|(name, entry)| Some((name, entry.waiting()?)));
            waiting.map(|(name, version)| (version.since, name.clone(), version.about.digest)).collect()
        };
        waiting.sort();
        for (_, name, digest) in waiting.iter().rev().skip(MAX_WAITING - 1) {
            self.discard_now(name, *digest, Origin::Minion);
        }
    }

    /// Makes the version ready that waits for a grant, where the policy of now has it.
    pub(super) async fn look_at_waiting(&self, name: &ModuleName) {
        let waiting = || {
            let set = self.0.set();
            set.get(name).and_then(Entry::waiting).map(|version| version.about.digest)
        };
        // Again only where the policy became another one in between.
        while let Some(digest) = waiting() {
            // What still lacks a grant says which.
            let Ok(prepared) = self.prepare_kept(name, digest, Age::Counts, Origin::Minion).await else {
                return;
            };
            let stale = self.step(move |modules| {
                let stale = modules.is_stale(&prepared);
                if !stale {
                    // It fails where the version was discarded meanwhile, or its file is not kept any more.
                    let _ = modules.hold_ready(prepared, Origin::Minion);
                }
                stale
            });
            if !stale.await {
                return;
            }
        }
    }

    /// The same for all modules, for as long as this minion runs: their grants may have been written while none did.
    pub(super) async fn look_at_all_waiting(&self) {
        let waiting: Vec<ModuleName> = {
            let set = self.0.set();
            let waiting = set.iter().filter(|(_, entry)| entry.waiting().is_some());
            waiting.map(|(name, _)| name.clone()).collect()
        };
        for name in waiting {
            self.look_at_waiting(&name).await;
        }
    }
}

impl Version {
    /// Why it was refused, where all that it lacks is a grant and it is kept for when that comes.
    pub(super) fn awaited_grant(&self) -> Option<&str> {
        let waits = self.kept && self.turn.is_none() && self.kind == FailureKind::CapabilityMissing;
        match &self.state {
            ModuleState::Failed(reason) if waits => Some(reason),
            _ => None,
        }
    }
}

impl Entry {
    /// The version that is kept for when it is granted what it lacks.
    pub(super) fn waiting(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.awaited_grant().is_some())
    }

    /// The versions that waited for a grant, where a newer one does or is in service.
    pub(super) fn overtaken(&self) -> Vec<Digest> {
        let serving = self.serving_digest();
        let newest = self
            .versions
            .iter()
            .position(|version| version.awaited_grant().is_some() || Some(version.about.digest) == serving);
        let older = self.versions.iter().skip(newest.map_or(0, |newest| newest + 1));
        older
            .filter(|version| version.awaited_grant().is_some())
            .map(|version| version.about.digest)
            .collect()
    }
}

/// How many versions wait for a grant at most, of all modules together.
const MAX_WAITING: usize = 16;
