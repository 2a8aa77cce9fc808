//! A policy that is read again while the minion runs.

use futures::StreamExt as _;

use wire::digest::Digest;
use wire::name::ModuleName;

use crate::audit::Origin;
use crate::modules::admission::Age;
use crate::modules::candidate::Candidate;
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::hotload::{HotLoad, Occasion};
use crate::modules::loading::{Floor, LOADS_AT_ONCE, Prepared};
use crate::modules::rollback::Rollback;
use crate::modules::service::{Entered, Entrance, Service};
use crate::modules::shelf::Version;
use crate::modules::staging::Ungranted;
use crate::policy::{Policy, SignaturePolicy};
use crate::policy_changes::changes;

/// Puts another policy into force. Clones share it.
#[derive(Clone)]
pub(super) struct PolicyReload {
    service: Service,
    hotload: HotLoad,
    rollback: Rollback,
    ungranted: Ungranted,
}

impl PolicyReload {
    pub(super) fn new(service: Service, hotload: HotLoad, rollback: Rollback, ungranted: Ungranted) -> Self {
        Self { service, hotload, rollback, ungranted }
    }

    /// Puts a new policy into force and says what it changes, a line each, once all modules are loaded as it has it.
    pub(super) async fn apply(&self, policy: &Policy, signatures: &SignaturePolicy) -> Vec<String> {
        let (policy, signatures) = (policy.clone(), signatures.clone());
        let service = self.service.clone();
        // One change: no version goes into service that was held against the former of the two.
        let replace = move |guard: &ChangeGuard| {
            let mut lines = service.loader().apply(guard, &signatures);
            let effect = service.shelf().replace_policy(guard, &policy, changes);
            let stale = match lines.is_empty() {
                true => effect.stale,
                // Whose modules are loaded concerns each of them.
                false => service.shelf().entries().keys().cloned().collect(),
            };
            lines.extend(effect.lines);
            (lines, stale)
        };
        let (lines, stale) = self.service.change(replace).await;
        let again = stale.into_iter().map(|name| self.load_again(name));
        futures::stream::iter(again).buffer_unordered(LOADS_AT_ONCE).collect::<()>().await;
        lines
    }

    async fn load_again(&self, name: ModuleName) {
        let known = self.service.shelf().look(&name, |entry| {
            let version = entry.file().and_then(|mark| entry.version(mark.digest));
            (entry.serving_digest(), version.is_some_and(Version::is_failed))
        });
        // The file may be one that policy was in the way of.
        let Some((serving, refused)) = known else { return };
        if let Some(digest) = serving {
            self.serve_again(&name, digest).await;
        }
        if refused {
            self.hotload.load(name.clone(), Occasion::Policy).await;
        }
        self.rollback.recall(&name, serving).await;
        self.ungranted.look_again(&name).await;
    }

    /// Loads what serves under the policy of now, or else takes it out of service.
    async fn serve_again(&self, name: &ModuleName, digest: Digest) {
        loop {
            let (service, named) = (self.service.clone(), name.clone());
            let prepared = match self.service.change(move |_| read(&service, &named, digest)).await {
                Ok(candidate) => {
                    let loader = self.service.loader();
                    loader.prepare(candidate, Floor::default(), Age::Waived, Box::new(|_| ())).await
                }
                Err(refusal) => Err(refusal),
            };
            let (service, name) = (self.service.clone(), name.clone());
            let replace = move |guard: &ChangeGuard| replace(&service, guard, &name, digest, prepared);
            if self.service.change(replace).await {
                return;
            }
        }
    }
}

/// The bytes of a version that serves.
fn read(service: &Service, name: &ModuleName, digest: Digest) -> Result<Candidate, Refusal> {
    // One that could not be kept is in the folder, if anywhere.
    service.shelf().read(name, digest).or_else(|error| match service.folder().read(name) {
        Ok(Some(candidate)) if candidate.digest == digest => Ok(candidate),
        _ => Err(Refusal::new(format!("cannot be read again: {error}"))),
    })
}

/// Puts a version into service as it is loaded now, in the place of itself, or takes it out. Says whether that is over with.
fn replace(
    service: &Service,
    guard: &ChangeGuard,
    name: &ModuleName,
    digest: Digest,
    prepared: Result<Prepared, Refusal>,
) -> bool {
    if service.shelf().serving_digest(name) != Some(digest) {
        // Another one serves by now.
        return true;
    }
    match prepared {
        Ok(prepared) => {
            let entrance = Entrance { file: None, rolled_back: None, what: "loaded", by: Origin::Minion };
            matches!(service.enter(guard, prepared, entrance), Entered::Done(_))
        }
        Err(refusal) => {
            service.withdraw(guard, name, digest, refusal);
            true
        }
    }
}
