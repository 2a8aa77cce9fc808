//! Taking modules out of service, and versions off the list.

use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::message::module::ModuleState;
use wire::name::ModuleName;

use crate::audit::{ModuleChange, Origin};
use crate::modules::Modules;
use crate::modules::set::Entry;

impl Modules {
    /// Takes a module out of service: its file goes, its versions are kept.
    pub(crate) async fn remove(&self, name: ModuleName) -> ModuleAnswer {
        let modules = self.clone();
        self.answer(async move {
            modules
                .step(move |modules| {
                    if !modules.0.set().contains_key(&name) {
                        return ModuleAnswer::Refused(format!("has no module \"{name}\""));
                    }
                    if let Err(error) = modules.0.folder.remove(&name) {
                        return ModuleAnswer::Refused(modules.0.unwritable(&name, &error));
                    }
                    let before = modules.take_out(&name, Origin::Overlord);
                    modules.0.done(&name, before)
                })
                .await
        })
        .await
    }

    /// Forgets a version that was staged. One that is or was in service stays what it is.
    pub(crate) async fn discard(&self, name: ModuleName, digest: Digest) -> ModuleAnswer {
        let modules = self.clone();
        self.answer(async move {
            modules
                .step(move |modules| {
                    let serving = modules.0.set().get(&name).and_then(Entry::serving_digest);
                    if serving == Some(digest) {
                        let digest = digest.short();
                        return ModuleAnswer::Refused(format!(
                            "has version {digest} of module \"{name}\" in service: remove it, or roll it back"
                        ));
                    }
                    modules.discard_now(&name, digest, Origin::Overlord);
                    modules.0.done(&name, serving)
                })
                .await
        })
        .await
    }

    /// Part of a step.
    pub(super) fn discard_now(&self, name: &ModuleName, digest: Digest, by: Origin) {
        self.0.uploads.discard(digest);
        if !self.0.set().contains_key(name) {
            return;
        }
        let known = self.0.set().get(name).is_some_and(|entry| entry.version(digest).is_some());
        if self.0.update(name, |entry| entry.discard(digest)) {
            self.0.store.remove(name, digest);
        }
        self.0.trim(name);
        if known {
            self.0.tell(&ModuleChange {
                what: "discarded",
                by,
                module: name,
                digest: Some(digest),
                version: None,
                before: None,
                signer: None,
                reason: None,
            });
        }
    }

    /// Takes what serves out of service, and gives back what that was. Part of a step.
    pub(super) fn take_out(&self, name: &ModuleName, by: Origin) -> Option<Digest> {
        let (former, waiting) = self.0.update(name, |entry| {
            entry.file = None;
            let waiting = entry.waiting().map(|version| version.about.digest);
            entry.versions.retain(|version| {
                let failed = matches!(version.state, ModuleState::Failed(_));
                Some(version.about.digest) != waiting && (version.kept || !failed)
            });
            (entry.take_out(), waiting)
        });
        if let Some(digest) = waiting {
            self.0.store.remove(name, digest);
        }
        let about = former.as_ref().map(|module| module.describe().clone());
        self.drain(former);
        self.0.trim(name);
        if let Some(about) = &about {
            self.0.tell(&ModuleChange {
                what: "removed",
                by,
                module: name,
                digest: None,
                version: about.version.as_deref(),
                before: Some(about.digest),
                signer: None,
                reason: None,
            });
        }
        about.map(|about| about.digest)
    }
}
