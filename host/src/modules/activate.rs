//! Putting a version into service, on an overlord's word or on that of the folder.

use std::sync::Arc;

use machine::failpoint::{Point, reach};
use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::error::Refusal;
use crate::modules::folder::Candidate;
use crate::modules::index::FileMark;
use crate::modules::prepare::{BROKE, Floor, Prepared};
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
            let served = modules.serve(&name, digest, Age::Counts, "activated").await;
            served.unwrap_or_else(|refusal| not_served(&name, &refusal))
        })
        .await
    }

    /// Puts a kept version into service, and its file into the modules folder, so that the folder shows what
    /// serves. Where the version is not taken, why.
    pub(super) async fn serve(
        &self,
        name: &ModuleName,
        digest: Digest,
        age: Age,
        what: &'static str,
    ) -> Result<ModuleAnswer, Refusal> {
        loop {
            let serving = self.0.set().get(name).and_then(Entry::serving_digest);
            if serving == Some(digest) {
                return Ok(self.0.done(name, serving));
            }
            let prepared = self.prepare_kept(name, digest, age, Origin::Overlord).await?;
            let served = self.step({
                let name = name.clone();
                move |modules| {
                    if modules.is_stale(&prepared) {
                        return Ok(None);
                    }
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
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {}
                Err(reason) => return Ok(ModuleAnswer::Refused(reason)),
            }
        }
    }

    /// A kept version, ready to be put into service. Its code is taken from where it still is, or else from the
    /// cache of compiled code. Where it cannot be, it is listed and put into the audit log with the reason.
    pub(super) async fn prepare_kept(
        &self,
        name: &ModuleName,
        digest: Digest,
        age: Age,
        by: Origin,
    ) -> Result<Prepared, Refusal> {
        let read = self.step({
            let name = name.clone();
            move |modules| modules.0.store.read(&name, digest)
        });
        let prepared = match read.await {
            Ok(candidate) => self.prepare_or_reuse(candidate, Floor::default(), age, Box::new(|_| ())).await,
            Err(error) => Err(Refusal::new(format!("cannot be read again: {error}"))),
        };
        if let Err(refusal) = &prepared {
            let (name, refusal) = (name.clone(), refusal.clone());
            self.step(move |modules| modules.refuse_kept(&name, digest, refusal, by)).await;
        }
        prepared
    }

    /// Part of a step.
    fn refuse_kept(&self, name: &ModuleName, digest: Digest, refusal: Refusal, by: Origin) {
        self.0.audit.module(&self.0.refused(name, digest, by, &refusal.reason));
        let kept = self.0.store.has(name, digest);
        self.0.update(name, |entry| {
            if let Some(version) = entry.version_mut(digest) {
                version.kept = kept;
            }
            entry.failed(digest, refusal);
        });
        self.0.trim(name);
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
                let modules = self.clone();
                // It may have to look at every byte.
                let judged = tokio::task::spawn_blocking(move || {
                    let under = modules.0.admission.policy();
                    let signer = verdict::judge(&modules.0.admission, &candidate, age)?;
                    Ok(Prepared { candidate, module, signer, under })
                });
                judged.await.unwrap_or_else(|_| Err(Refusal::new(BROKE)))
            }
            None => self.prepare(candidate, floor, age, on_state).await,
        }
    }

    /// Whether what policy says became something else since a version was held against it. Part of a step.
    pub(super) fn is_stale(&self, prepared: &Prepared) -> bool {
        let Prepared { candidate, module, under, .. } = prepared;
        !Arc::ptr_eq(under, &self.0.admission.policy())
            || !module.policy().loads_like(&self.0.policy_of(&candidate.name))
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
        if self.is_stale(&prepared) {
            return Entered::Stale(prepared.candidate);
        }
        let Prepared { candidate, module, signer, .. } = prepared;
        let name = candidate.name.clone();
        let kept = match self.0.store.keep(&candidate) {
            Ok(()) => true,
            Err(error) => {
                let kept = self.0.store.has(&name, candidate.digest);
                let how = if kept { "as it was kept before" } else { "never" };
                tracing::warn!(module = %name, kept = how, %error, "a version goes into service that cannot be kept to go back to");
                kept
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
        self.0.admission.in_service(&name, about.version.as_deref(), signer.as_deref());
        self.drain(former);
        reach(Point::ServeBefore);
        self.0.trim(&name);
        reach(Point::ServeAfter);
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

/// The answer where a version is not taken.
pub(super) fn not_served(name: &ModuleName, refusal: &Refusal) -> ModuleAnswer {
    ModuleAnswer::Refused(format!("cannot put module \"{name}\" into service: it {}", refusal.reason))
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
