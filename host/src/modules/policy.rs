//! A policy that is read again while the minion runs.

use futures::StreamExt as _;

use wire::digest::Digest;
use wire::message::module::ModuleState;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::Origin;
use crate::changes::changes;
use crate::modules::activate::Entered;
use crate::modules::error::Refusal;
use crate::modules::prepare::Floor;
use crate::modules::take::Occasion;
use crate::modules::{LOADS_AT_ONCE, Modules};
use crate::policy::{Policy, SignaturePolicy};

impl Modules {
    /// Puts a new policy into force and says what it changes, a line each.
    ///
    /// Modules for which it changes something are loaded again. One that cannot be loaded under it is out of
    /// service from now on: it must not go on with what was withdrawn. As at a start, an earlier version serves
    /// in its place where one can be loaded. Jobs that run keep what they have.
    pub async fn apply(&self, policy: &Policy, signatures: &SignaturePolicy) -> Vec<String> {
        let (policy, signatures) = (policy.clone(), signatures.clone());
        // One step: no version goes into service that was held against the former of the two.
        let replaced = self.step(move |modules| {
            let mut lines = modules.0.admission.apply(&signatures);
            // Whose modules are loaded concerns each of them.
            let every = !lines.is_empty();
            let (told, stale) = modules.replace_policy(&policy, every);
            lines.extend(told);
            (lines, stale)
        });
        let (lines, stale) = replaced.await;
        let again = stale.into_iter().map(|name| self.load_again(name));
        futures::stream::iter(again).buffer_unordered(LOADS_AT_ONCE).collect::<()>().await;
        lines
    }

    /// Returns what is new, and the modules that are to be loaded again. Part of a step.
    fn replace_policy(&self, policy: &Policy, every: bool) -> (Vec<String>, Vec<ModuleName>) {
        *self.0.policy.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = policy.clone();
        let (mut lines, mut stale) = (Vec::new(), Vec::new());
        for (name, entry) in self.0.set_mut().iter_mut() {
            let former = std::mem::replace(&mut entry.policy, policy.of(name));
            let told = changes(&former, &entry.policy);
            lines.extend(told.into_iter().map(|change| format!("{name}: {change}")));
            if every || !former.loads_like(&entry.policy) {
                stale.push(name.clone());
            }
        }
        (lines, stale)
    }

    async fn load_again(&self, name: ModuleName) {
        // The file may be one that policy was in the way of.
        let (serving, refused) = match self.0.set().get(&name) {
            Some(entry) => {
                let version = entry.file.and_then(|mark| entry.version(mark.digest));
                let refused = version.is_some_and(|v| matches!(v.state, ModuleState::Failed(_)));
                (entry.serving_digest(), refused)
            }
            None => return,
        };
        if let Some(digest) = serving {
            self.serve_again(name.clone(), digest).await;
        }
        if refused {
            self.take(name.clone(), Occasion::Policy).await;
        }
        self.recall(&name, serving).await;
        self.look_at_waiting(&name).await;
    }

    /// Loads what serves under the policy of now, or else takes it out of service.
    async fn serve_again(&self, name: ModuleName, digest: Digest) {
        loop {
            let read = self.step({
                let name = name.clone();
                move |modules| match modules.0.store.read(&name, digest) {
                    Ok(candidate) => Ok(candidate),
                    // One that could not be kept is in the folder, if anywhere.
                    Err(error) => match modules.0.folder.read(&name) {
                        Ok(Some(candidate)) if candidate.digest == digest => Ok(candidate),
                        _ => Err(Refusal::new(format!("cannot be read again: {error}"))),
                    },
                }
            });
            let prepared = match read.await {
                Ok(candidate) => {
                    self.prepare_or_reuse(candidate, Floor::default(), Age::Waived, Box::new(|_| ())).await
                }
                Err(refusal) => Err(refusal),
            };
            let name = name.clone();
            let done = self.step(move |modules| match prepared {
                // Another one serves by now.
                _ if modules.0.set().get(&name).and_then(super::set::Entry::serving_digest)
                    != Some(digest) =>
                {
                    true
                }
                Ok(prepared) => {
                    matches!(modules.enter(prepared, None, None, "loaded", Origin::Minion), Entered::Done(_))
                }
                Err(refusal) => {
                    tracing::warn!(module = %name, reason = refusal.reason, "a module is out of service");
                    let refused = modules.0.refused(&name, digest, Origin::Minion, &refusal.reason);
                    modules.0.audit.module(&refused);
                    let former = modules.0.update(&name, |entry| {
                        let former = entry.take_out();
                        entry.failed(digest, refusal);
                        former
                    });
                    modules.drain(former);
                    modules.0.trim(&name);
                    true
                }
            });
            if done.await {
                return;
            }
        }
    }
}
