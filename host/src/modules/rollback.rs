//! Going back to the version that was in service before, on an overlord's word or when a new one traps.

use std::time::Duration;

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::Modules;
use crate::modules::activate::{Entered, not_served};
use crate::modules::error::Refusal;
use crate::modules::prepare::Prepared;
use crate::modules::set::Entry;

impl Modules {
    /// Goes back to the version that was in service before; where that cannot be loaded, to the one before it.
    pub(crate) async fn roll_back(&self, name: ModuleName) -> ModuleAnswer {
        let modules = self.clone();
        self.answer(async move {
            let earlier = modules.0.set().get(&name).map(Entry::earlier);
            let Some(earlier) = earlier else {
                return ModuleAnswer::Refused(format!("has no module \"{name}\""));
            };
            let mut first = None;
            for digest in earlier {
                match modules.serve(&name, digest, Age::GoneBackTo, "rolled-back").await {
                    Ok(answer) => return answer,
                    Err(refusal) => {
                        first.get_or_insert_with(|| not_served(&name, &refusal));
                    }
                }
            }
            first.unwrap_or_else(|| {
                ModuleAnswer::Refused(format!("has no earlier version of module \"{name}\" to go back to"))
            })
        })
        .await
    }

    /// A job of this version trapped: where policy says that these are too many, the version before comes back.
    pub(crate) fn trapped(&self, name: &ModuleName, digest: Digest, message: &str) {
        let Some(traps) = self.0.set_mut().get_mut(name).and_then(|entry| entry.trapped(digest)) else {
            return;
        };
        let (modules, name) = (self.clone(), name.clone());
        let reason = format!("was rolled back after {traps} traps: {message}");
        // Whoever looks at the modules learns of it, and the log.
        self.0.tasks.spawn(async move {
            let stopping = modules.0.stopping.clone();
            stopping.run_until_cancelled(modules.roll_back_by_itself(name, digest, reason)).await
        });
    }

    async fn roll_back_by_itself(&self, name: ModuleName, trapped: Digest, reason: String) {
        let serves = || self.0.set().get(&name).and_then(Entry::serving_digest) == Some(trapped);
        let earlier = self.0.set().get(&name).map(Entry::earlier).unwrap_or_default();
        for digest in earlier {
            // Again only where the policy became another one in between.
            while serves() {
                let prepared = match self.prepare_kept(&name, digest, Age::GoneBackTo, Origin::Minion).await {
                    Ok(prepared) => prepared,
                    Err(refusal) => {
                        let (digest, reason) = (digest.short(), refusal.reason);
                        tracing::warn!(module = %name, digest, reason, "a version cannot be gone back to");
                        break;
                    }
                };
                let reason = reason.clone();
                if self.step(move |modules| modules.replace_trapped(prepared, trapped, &reason)).await {
                    return;
                }
            }
        }
        if serves() {
            let digest = trapped.short();
            tracing::warn!(module = %name, digest, "a version traps too often, and there is none to go back to");
        }
    }

    /// Puts a version in the place of one that trapped, and says whether that is over with. Part of a step.
    fn replace_trapped(&self, prepared: Prepared, trapped: Digest, reason: &str) -> bool {
        let name = prepared.candidate.name.clone();
        if self.0.set().get(&name).and_then(Entry::serving_digest) != Some(trapped) {
            return true;
        }
        if self.is_stale(&prepared) {
            return false;
        }
        // A folder that cannot be written is no reason to go on trapping: its file is not put back.
        let mark = match self.0.folder.put(&prepared.candidate) {
            Ok(()) => Some(prepared.candidate.mark()),
            Err(error) => {
                let reason = self.0.unwritable(&name, &error);
                tracing::warn!(module = %name, reason, "the file of a version is not put back");
                None
            }
        };
        let rolled_back = Some((trapped, reason));
        if let Entered::Stale(_) = self.enter(prepared, mark, rolled_back, "rolled-back", Origin::Minion) {
            return false;
        }
        let digest = trapped.short();
        tracing::warn!(module = %name, digest, reason, "a version gives way to the one before");
        self.0.audit.module(&ModuleChange {
            what: "failed",
            by: Origin::Minion,
            module: &name,
            digest: Some(trapped),
            version: None,
            before: None,
            signer: None,
            reason: Some(reason),
        });
        true
    }
}

impl Entry {
    /// Counts a trap; how many there were, where that is too many.
    fn trapped(&mut self, digest: Digest) -> Option<u32> {
        let rule = self.policy.rollback;
        if self.serving_digest() != Some(digest) {
            return None;
        }
        let version = self.version_mut(digest)?;
        version.traps = version.traps.saturating_add(1);
        let served = Duration::from_millis(now_ms().saturating_sub(version.since));
        // The rule may be a newer one than some of the traps.
        let due = rule.is_some_and(|rule| version.traps >= rule.traps.get() && served <= rule.within);
        due.then(|| std::mem::take(&mut version.traps))
    }

    /// The minion took a version out of service by itself.
    pub(super) fn rolled_back(&mut self, digest: Digest, reason: &str) {
        self.failed(digest, Refusal::new(reason));
        if let Some(version) = self.version_mut(digest) {
            version.rolled_back = Some(reason.to_owned());
        }
    }
}
