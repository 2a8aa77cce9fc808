//! Going back to the version that was in service before, on an overlord's word or when a new one traps.

use std::time::Duration;

use wire::clock::now_ms;
use wire::digest::Digest;
use wire::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::Modules;
use crate::modules::activate::Entered;
use crate::modules::error::Refusal;
use crate::modules::set::Entry;

impl Modules {
    /// Goes back to the version that was in service before.
    pub(crate) async fn roll_back(&self, name: ModuleName) -> ModuleAnswer {
        let modules = self.clone();
        self.answer(async move {
            let earlier = modules.0.set().get(&name).map(Entry::earlier);
            match earlier.as_deref() {
                None => ModuleAnswer::Refused(format!("has no module \"{name}\"")),
                Some([]) => ModuleAnswer::Refused(format!(
                    "has no earlier version of module \"{name}\" to go back to"
                )),
                Some([digest, ..]) => modules.serve(name, *digest, Age::Waived, "rolled-back").await,
            }
        })
        .await
    }

    /// A job of this version trapped: where policy says that these are too many, the version before comes back.
    pub(crate) fn trapped(&self, name: &ModuleName, digest: Digest, message: &str) {
        let due = self.0.set_mut().get_mut(name).is_some_and(|entry| entry.trapped(digest));
        if !due {
            return;
        }
        let (modules, name, message) = (self.clone(), name.clone(), message.to_owned());
        // Whoever looks at the modules learns of it, and the log.
        self.0.tasks.spawn(async move {
            let stopping = modules.0.stopping.clone();
            stopping.run_until_cancelled(modules.roll_back_by_itself(name, digest, message)).await
        });
    }

    async fn roll_back_by_itself(&self, name: ModuleName, trapped: Digest, message: String) {
        loop {
            let (traps, earlier) = match self.0.set().get(&name) {
                Some(entry) if entry.serving_digest() == Some(trapped) => {
                    let traps = entry.version(trapped).map_or(0, |version| version.traps);
                    (traps, entry.earlier().first().copied())
                }
                _ => return,
            };
            let short = trapped.short();
            let Some(earlier) = earlier else {
                return tracing::warn!(
                    "module \"{name}\" {short} trapped {traps} times, and there is no earlier version to go back to"
                );
            };
            let prepared = match self.prepare_kept(&name, earlier, Age::Waived).await {
                Ok(prepared) => prepared,
                // The one before that, if there is one.
                Err(refusal) => {
                    let reason = refusal.reason;
                    tracing::warn!(
                        "module \"{name}\" {} cannot be gone back to: it {reason}",
                        earlier.short()
                    );
                    continue;
                }
            };
            let reason = format!("was rolled back after {traps} traps: {message}");
            let named = name.clone();
            let done = self.step(move |modules| {
                let name = named;
                if modules.0.set().get(&name).and_then(Entry::serving_digest) != Some(trapped) {
                    return true;
                }
                // A folder that cannot be written is no reason to go on trapping: its file is not put back.
                let mark = match modules.0.folder.put(&prepared.candidate) {
                    Ok(()) => Some(prepared.candidate.mark()),
                    Err(error) => {
                        tracing::warn!("the minion {}", modules.0.unwritable(&name, &error));
                        None
                    }
                };
                let rolled_back = Some((trapped, reason.as_str()));
                let entered = modules.enter(prepared, mark, rolled_back, "rolled-back", Origin::Minion);
                if let Entered::Stale(_) = entered {
                    return false;
                }
                let change = ModuleChange {
                    what: "failed",
                    by: Origin::Minion,
                    module: &name,
                    digest: Some(trapped),
                    version: None,
                    before: None,
                    signer: None,
                    reason: Some(&reason),
                };
                tracing::warn!("module \"{name}\" {} {reason}", trapped.short());
                modules.0.audit.module(&change);
                true
            });
            if done.await {
                return;
            }
        }
    }
}

impl Entry {
    /// Counts a trap, and says whether it is the one too many.
    fn trapped(&mut self, digest: Digest) -> bool {
        let rule = self.policy.rollback;
        if self.serving_digest() != Some(digest) {
            return false;
        }
        let Some(version) = self.version_mut(digest) else { return false };
        version.traps = version.traps.saturating_add(1);
        let served = Duration::from_millis(now_ms().saturating_sub(version.since));
        rule.is_some_and(|rule| version.traps == rule.traps.get() && served <= rule.within)
    }

    /// The minion took a version out of service by itself.
    pub(super) fn rolled_back(&mut self, digest: Digest, reason: &str) {
        self.failed(digest, Refusal::new(reason));
        if let Some(version) = self.version_mut(digest) {
            version.rolled_back = true;
        }
    }
}
