//! Putting a version that is staged or kept into service.

use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::audit::Origin;
use crate::modules::admission::Age;
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::loading::{Floor, Prepared};
use crate::modules::service::{Entered, Entrance, Service};
use crate::modules::shelf::Version;

/// Puts versions that are on the shelf into service. Clones share it.
#[derive(Clone)]
pub(super) struct Activation {
    service: Service,
}

impl Activation {
    pub(super) fn new(service: Service) -> Self {
        Self { service }
    }

    /// Puts a version that is staged or kept into service, on an overlord's word.
    pub(super) async fn activate(&self, name: ModuleName, digest: Digest) -> ModuleAnswer {
        let known = |version: &Version| version.is_kept();
        let known = self.service.shelf().look(&name, |entry| entry.version(digest).is_some_and(known));
        if known != Some(true) {
            return ModuleAnswer::Refused(format!(
                "has no version {} of module \"{name}\": stage it first",
                digest.short()
            ));
        }
        let served = self.serve(&name, digest, Age::Counts, "activated").await;
        served.unwrap_or_else(|refusal| not_served(&name, &refusal))
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
            let serving = self.service.shelf().serving_digest(name);
            if serving == Some(digest) {
                return Ok(self.service.done(name, serving));
            }
            let prepared = self.prepare(name, digest, age, Origin::Overlord).await?;
            let service = self.service.clone();
            let served = self.service.change(move |guard| enter_with_file(&service, guard, prepared, what));
            if let Some(answer) = served.await {
                return Ok(answer);
            }
        }
    }

    /// A kept version, ready to be put into service. Its code is taken from where it still is, or else from the
    /// cache of compiled code. Where it cannot be, it is listed and put into the audit log with the reason.
    pub(super) async fn prepare(
        &self,
        name: &ModuleName,
        digest: Digest,
        age: Age,
        by: Origin,
    ) -> Result<Prepared, Refusal> {
        let (shelf, named) = (self.service.shelf().clone(), name.clone());
        let prepared = match self.service.change(move |_| shelf.read(&named, digest)).await {
            Ok(candidate) => {
                let loader = self.service.loader();
                loader.prepare(candidate, Floor::default(), age, Box::new(|_| ())).await
            }
            Err(error) => Err(Refusal::new(format!("cannot be read again: {error}"))),
        };
        if let Err(refusal) = &prepared {
            let (name, refusal, service) = (name.clone(), refusal.clone(), self.service.clone());
            self.service.change(move |guard| refuse(&service, guard, &name, digest, refusal, by)).await;
        }
        prepared
    }
}

/// Puts a version into service and into the folder; nothing where the policy is another one since it was prepared.
fn enter_with_file(
    service: &Service,
    guard: &ChangeGuard,
    prepared: Prepared,
    what: &'static str,
) -> Option<ModuleAnswer> {
    if service.loader().is_stale(guard, &prepared) {
        return None;
    }
    let name = prepared.candidate.name.clone();
    if let Err(error) = service.folder().put(guard, &prepared.candidate) {
        return Some(ModuleAnswer::Refused(service.unwritable(&name, &error)));
    }
    let file = Some(prepared.candidate.mark());
    let entrance = Entrance { file, rolled_back: None, what, by: Origin::Overlord };
    match service.enter(guard, prepared, entrance) {
        Entered::Done(before) => Some(service.done(&name, before)),
        Entered::Stale(_) => None,
    }
}

/// Lists a kept version with the reason why it cannot be put into service.
fn refuse(
    service: &Service,
    guard: &ChangeGuard,
    name: &ModuleName,
    digest: Digest,
    refusal: Refusal,
    by: Origin,
) {
    service.record_refusal(name, digest, by, &refusal);
    let shelf = service.shelf();
    let kept = shelf.has_file(name, digest);
    shelf.update(guard, name, |entry| {
        if let Some(version) = entry.version_mut(digest) {
            version.set_kept(kept);
        }
        entry.fail(digest, refusal);
    });
    shelf.trim(guard, name);
}

/// The answer where a version is not taken.
pub(super) fn not_served(name: &ModuleName, refusal: &Refusal) -> ModuleAnswer {
    ModuleAnswer::Refused(format!("cannot put module \"{name}\" into service: it {}", refusal.reason))
}
