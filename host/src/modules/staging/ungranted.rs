//! Versions that were refused for want of a grant, and are looked at again when that comes.

use wire::name::ModuleName;

use super::staged::Staged;
use crate::audit::Origin;
use crate::modules::activation::Activation;
use crate::modules::admission::Age;
use crate::modules::service::Service;
use crate::modules::shelf::{Entry, Version};

/// The versions that wait for a grant. Clones share it.
#[derive(Clone)]
pub(in crate::modules) struct Ungranted {
    service: Service,
    activation: Activation,
    staged: Staged,
}

impl Ungranted {
    pub(in crate::modules) fn new(service: Service, activation: Activation, staged: Staged) -> Self {
        Self { service, activation, staged }
    }

    /// Makes the version ready that waits for a grant, where the policy of now has it.
    pub(in crate::modules) async fn look_again(&self, name: &ModuleName) {
        let waiting = |entry: &Entry| entry.waiting().map(Version::digest);
        // Again only where the policy became another one in between.
        while let Some(digest) = self.service.shelf().look(name, waiting).flatten() {
            // A version that still lacks a grant is listed with which.
            let Ok(prepared) = self.activation.prepare(name, digest, Age::Counts, Origin::Minion).await
            else {
                return;
            };
            let (service, staged, named) = (self.service.clone(), self.staged.clone(), name.clone());
            let stale = self.service.change(move |guard| {
                // It may have been discarded meanwhile.
                let waits = service.shelf().look(&named, waiting).flatten() == Some(digest);
                let stale = waits && service.loader().is_stale(guard, &prepared);
                if waits && !stale {
                    // It fails where the file cannot be kept any more, which the list of the modules shows.
                    let _ = staged.hold_ready(guard, prepared, Origin::Minion);
                }
                stale
            });
            if !stale.await {
                return;
            }
        }
    }

    /// Looks at every module again whose version waits for a grant. Done when the minion starts, because grants may have been
    /// written while no minion ran.
    pub(in crate::modules) async fn look_at_all_again(&self) {
        let waiting: Vec<ModuleName> = {
            let entries = self.service.shelf().entries();
            let waiting = entries.iter().filter(|(_, entry)| entry.waiting().is_some());
            waiting.map(|(name, _)| name.clone()).collect()
        };
        for name in waiting {
            self.look_again(&name).await;
        }
    }
}
