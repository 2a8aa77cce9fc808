//! Putting a version into service, on an overlord's word or on that of the folder.

use std::sync::Arc;

use wire::digest::Digest;
use wire::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::error::Refusal;
use crate::modules::folder::Candidate;
use crate::modules::index::FileMark;
use crate::modules::prepare::{Floor, Prepared};
use crate::modules::set::Entry;
use crate::modules::{Modules, verdict};
use crate::sandbox::LoadedModule;

/// What became of a version that was to be put into service.
pub(super) enum Entered {
    /// It serves, and this did before.
    Done(Option<Digest>),
    /// The policy is another one since it was loaded: it is to be loaded again.
    Stale(Candidate),
}

impl Modules {
    /// Puts a version that is staged or kept into service.
    pub(crate) async fn activate(&self, name: ModuleName, digest: Digest) -> ModuleAnswer {
        let modules = self.clone();
        self.answer(async move {
            let known = modules
                .0
                .set()
                .get(&name)
                .is_some_and(|entry| entry.version(digest).is_some_and(|version| version.kept));
            if !known {
                return ModuleAnswer::Refused(format!(
                    "has no version {} of module \"{name}\": stage it first",
                    digest.short()
                ));
            }
            modules.serve(name, digest, Age::Counts, "activated").await
        })
        .await
    }

    /// Puts a kept version into service, and its file into the modules folder, so that the folder shows what
    /// serves.
    pub(super) async fn serve(
        &self,
        name: ModuleName,
        digest: Digest,
        age: Age,
        what: &'static str,
    ) -> ModuleAnswer {
        loop {
            let serving = self.0.set().get(&name).and_then(Entry::serving_digest);
            if serving == Some(digest) {
                return self.0.done(&name, serving);
            }
            let prepared = match self.prepare_kept(&name, digest, age).await {
                Ok(prepared) => prepared,
                Err(refusal) => {
                    let reason = format!("cannot put module \"{name}\" into service: it {}", refusal.reason);
                    return ModuleAnswer::Refused(reason);
                }
            };
            let served = self.step({
                let name = name.clone();
                move |modules| {
                    if let Err(error) = modules.0.folder.put(&prepared.candidate) {
                        return Err(modules.0.unwritable(&name, &error));
                    }
                    let mark = prepared.candidate.mark();
                    Ok(match modules.enter(prepared, Some(mark), None, what, Origin::Overlord) {
                        Entered::Done(before) => Some(modules.0.done(&name, before)),
                        Entered::Stale(_) => None,
                    })
                }
            });
            match served.await {
                Ok(Some(done)) => return done,
                Ok(None) => {}
                Err(refusal) => return ModuleAnswer::Refused(refusal),
            }
        }
    }

    /// A kept version, ready to be put into service. Its code is taken from where it still is, or else from the
    /// cache of compiled code.
    pub(super) async fn prepare_kept(
        &self,
        name: &ModuleName,
        digest: Digest,
        age: Age,
    ) -> Result<Prepared, Refusal> {
        let candidate = self.step({
            let name = name.clone();
            move |modules| modules.0.store.read(&name, digest)
        });
        let candidate =
            candidate.await.map_err(|error| Refusal::new(format!("cannot be read again: {error}")))?;
        let refusal = match self.prepare_or_reuse(candidate, Floor::default(), age, Box::new(|_| ())).await {
            Ok(prepared) => return Ok(prepared),
            Err(refusal) => refusal,
        };
        self.0.update(name, |entry| entry.failed(digest, refusal.clone()));
        Err(refusal)
    }

    /// Like [`prepare`](Self::prepare), but without the compiler where the code is at hand.
    pub(super) async fn prepare_or_reuse(
        &self,
        candidate: Candidate,
        floor: Floor,
        age: Age,
        on_state: crate::modules::prepare::OnState,
    ) -> Result<Prepared, Refusal> {
        let at_hand = self.0.set().get(&candidate.name).and_then(|entry| entry.at_hand(candidate.digest));
        match at_hand {
            Some(module) => {
                floor.check(module.describe().version.as_deref())?;
                let signer = verdict::judge(&self.0.admission, &candidate, age)?;
                Ok(Prepared { candidate, module, signer })
            }
            None => self.prepare(candidate, floor, age, on_state).await,
        }
    }

    /// Makes a prepared version the one that calls get. Part of a step.
    ///
    /// `file` is what is in the folder now, where that is something else than before; `rolled_back` is the
    /// version that it replaces because that trapped, and how often.
    pub(super) fn enter(
        &self,
        prepared: Prepared,
        file: Option<FileMark>,
        rolled_back: Option<(Digest, &str)>,
        what: &'static str,
        by: Origin,
    ) -> Entered {
        let Prepared { candidate, module, signer } = prepared;
        let name = candidate.name.clone();
        if !module.policy().loads_like(&self.0.policy_of(&name)) {
            return Entered::Stale(candidate);
        }
        let kept = match self.0.store.keep(&candidate) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("module \"{name}\" goes into service, but cannot be gone back to: {error}");
                false
            }
        };
        let about = module.describe().clone();
        let (before, former) = self.0.update(&name, |entry| {
            let before = entry.serving_digest();
            entry.file = file.or(entry.file);
            let version = entry.arrive(&name, candidate.digest);
            (version.kept, version.signer) = (kept, signer.clone());
            let former = entry.put_into_service(module);
            if let Some((digest, reason)) = rolled_back {
                entry.rolled_back(digest, reason);
            }
            (before, former)
        });
        self.0.admission.in_service(&name, about.version.as_deref());
        self.drain(former);
        self.0.trim(&name);
        if before != Some(about.digest) {
            self.0.tell(&ModuleChange {
                what,
                by,
                module: &name,
                digest: Some(about.digest),
                version: about.version.as_deref(),
                before,
                signer: signer.as_deref(),
                reason: None,
            });
        }
        Entered::Done(before)
    }
}

impl super::Inner {
    /// The answer to a change that was made, or that there was no need of.
    pub(super) fn done(&self, name: &ModuleName, before: Option<Digest>) -> ModuleAnswer {
        let serving = self.set().get(name).and_then(|entry| entry.serving.clone());
        ModuleAnswer::Done {
            before,
            now: serving.as_ref().map(|module| module.describe().digest),
            version: serving.and_then(|module| module.describe().version.clone()),
        }
    }

    /// Why a change is refused that would not show in the folder.
    pub(super) fn unwritable(&self, name: &ModuleName, error: &std::io::Error) -> String {
        let folder = self.folder.path().display();
        format!("cannot change module \"{name}\" in its modules folder \"{folder}\": {error}")
    }
}

impl Entry {
    /// The code of a version, where it is still loaded, and as it would be loaded now.
    fn at_hand(&self, digest: Digest) -> Option<Arc<LoadedModule>> {
        let serving = self.serving.iter().find(|module| module.describe().digest == digest).cloned();
        let version = self.version(digest);
        let module = serving.or_else(|| version?.ready.clone()).or_else(|| version?.draining.upgrade())?;
        module.policy().loads_like(&self.policy).then_some(module)
    }
}
