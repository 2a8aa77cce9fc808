//! Going back to a version that was in service before: on an overlord's word, when a new one traps, or where none serves.

use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::audit::{ModuleChange, Origin};
use crate::modules::activation::{Activation, not_served};
use crate::modules::admission::Age;
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::loading::Prepared;
use crate::modules::service::{Entered, Entrance, Service};
use crate::modules::shelf::Entry;

/// Puts earlier versions into service again. Clones share it.
#[derive(Clone)]
pub(super) struct Rollback {
    service: Service,
    activation: Activation,
}

impl Rollback {
    pub(super) fn new(service: Service, activation: Activation) -> Self {
        Self { service, activation }
    }

    /// Goes back to the version that was in service before; where that cannot be loaded, to the one before it.
    pub(super) async fn roll_back(&self, name: ModuleName) -> ModuleAnswer {
        let Some(earlier) = self.service.shelf().look(&name, Entry::earlier) else {
            return ModuleAnswer::Refused(format!("has no module \"{name}\""));
        };
        let mut first = None;
        for digest in earlier {
            match self.activation.serve(&name, digest, Age::GoneBackTo, "rolled-back").await {
                Ok(answer) => return answer,
                Err(refusal) => {
                    first.get_or_insert_with(|| not_served(&name, &refusal));
                }
            }
        }
        first.unwrap_or_else(|| {
            ModuleAnswer::Refused(format!("has no earlier version of module \"{name}\" to go back to"))
        })
    }

    /// A job of this version trapped: where policy says that these are too many, the version before comes back.
    pub(super) fn trapped(&self, name: &ModuleName, digest: Digest, message: &str) {
        let Some(traps) = self.service.shelf().trapped(name, digest) else { return };
        let (rollback, name) = (self.clone(), name.clone());
        let reason = format!("was rolled back after {traps} traps: {message}");
        self.service.tasks().spawn(async move { rollback.replace(name, digest, reason).await });
    }

    /// Puts the newest earlier version that can be into service in the place of one that trapped.
    async fn replace(&self, name: ModuleName, trapped: Digest, reason: String) {
        let serves = || self.service.shelf().serving_digest(&name) == Some(trapped);
        let earlier = self.service.shelf().look(&name, Entry::earlier).unwrap_or_default();
        for digest in earlier {
            // Again only where the policy became another one in between.
            while serves() {
                let prepared = match self.prepare(&name, digest).await {
                    Ok(prepared) => prepared,
                    Err(Refusal { reason, .. }) => {
                        let digest = digest.short();
                        tracing::warn!(module = %name, digest, reason, "a version cannot be gone back to");
                        break;
                    }
                };
                let (service, reason) = (self.service.clone(), reason.clone());
                let replace =
                    move |guard: &ChangeGuard| replace_now(&service, guard, prepared, trapped, &reason);
                if self.service.change(replace).await {
                    return;
                }
            }
        }
        if serves() {
            let digest = trapped.short();
            tracing::warn!(module = %name, digest, "a version traps too often, and there is none to go back to");
        }
    }

    /// Puts the newest kept version that can be into service, where a module has a file and nothing serves. The
    /// file stays what it is. What was `tried` just now is not tried again.
    pub(super) async fn recall(&self, name: &ModuleName, tried: Option<Digest>) {
        let unserved = |service: &Service, name: &ModuleName| {
            service.shelf().look(name, Entry::is_unserved) == Some(true)
        };
        let earlier = self.service.shelf().look(name, Entry::earlier).unwrap_or_default();
        for digest in earlier.into_iter().filter(|digest| Some(*digest) != tried) {
            // Again only where the policy became another one in between.
            while unserved(&self.service, name) {
                let prepared = match self.prepare(name, digest).await {
                    Ok(prepared) => prepared,
                    Err(Refusal { reason, .. }) => {
                        let digest = digest.short();
                        tracing::warn!(module = %name, digest, reason, "a kept version cannot be put into service");
                        break;
                    }
                };
                let (service, named) = (self.service.clone(), name.clone());
                let entered = self.service.change(move |guard| {
                    if !unserved(&service, &named) {
                        return Entered::Done(None);
                    }
                    let entrance =
                        Entrance { file: None, rolled_back: None, what: "recalled", by: Origin::Minion };
                    service.enter(guard, prepared, entrance)
                });
                if let Entered::Done(_) = entered.await {
                    return;
                }
            }
        }
    }

    /// An earlier version, ready to be put into service.
    async fn prepare(&self, name: &ModuleName, digest: Digest) -> Result<Prepared, Refusal> {
        self.activation.prepare(name, digest, Age::GoneBackTo, Origin::Minion).await
    }
}

/// Puts a version in the place of one that trapped, and says whether that is over with.
fn replace_now(
    service: &Service,
    guard: &ChangeGuard,
    prepared: Prepared,
    trapped: Digest,
    reason: &str,
) -> bool {
    let name = prepared.candidate.name.clone();
    if service.shelf().serving_digest(&name) != Some(trapped) {
        return true;
    }
    if service.loader().is_stale(guard, &prepared) {
        return false;
    }
    // A folder that cannot be written is no reason to go on trapping: its file is not put back.
    let file = match service.folder().put(guard, &prepared.candidate) {
        Ok(()) => Some(prepared.candidate.mark()),
        Err(error) => {
            let reason = service.unwritable(&name, &error);
            tracing::warn!(module = %name, reason, "the file of a version is not put back");
            None
        }
    };
    let rolled_back = Some((trapped, reason));
    let entrance = Entrance { file, rolled_back, what: "rolled-back", by: Origin::Minion };
    if let Entered::Stale(_) = service.enter(guard, prepared, entrance) {
        return false;
    }
    let digest = trapped.short();
    tracing::warn!(module = %name, digest, reason, "a version gives way to the one before");
    service.record(&ModuleChange {
        digest: Some(trapped),
        reason: Some(reason),
        ..ModuleChange::of("failed", Origin::Minion, &name)
    });
    true
}
