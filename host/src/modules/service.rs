//! What is in service: putting a version there, and taking one out.

use std::io;
use std::sync::Arc;

use machine::failpoint::{Point, reach};
use wire::digest::Digest;
use wire::message::link::ModuleAnswer;
use wire::name::ModuleName;

use crate::audit::{Audit, ModuleChange, Origin};
use crate::modules::candidate::{Candidate, FileMark};
use crate::modules::change_lock::{ChangeGuard, ChangeLock};
use crate::modules::error::Refusal;
use crate::modules::folder::ModulesFolder;
use crate::modules::loading::{Loader, Prepared};
use crate::modules::shelf::Shelf;
use crate::modules::tasks::Tasks;
use crate::sandbox::LoadedModule;

/// Puts versions into service and takes them out, one change at a time. Clones share it.
#[derive(Clone)]
pub(super) struct Service(Arc<Inner>);

struct Inner {
    shelf: Shelf,
    folder: Arc<ModulesFolder>,
    loader: Loader,
    tasks: Tasks,
    audit: Arc<Audit>,
    lock: ChangeLock,
}

/// How a version comes into service.
pub(super) struct Entrance<'a> {
    /// What is in the folder now, where that is something else than before.
    pub(super) file: Option<FileMark>,
    /// The version that it replaces because that trapped, and why; reads on from the module's name.
    pub(super) rolled_back: Option<(Digest, &'a str)>,
    /// What the audit log calls it.
    pub(super) what: &'static str,
    /// On whose word.
    pub(super) by: Origin,
}

/// What became of a version that was to be put into service.
pub(super) enum Entered {
    /// It serves, and this did before.
    Done(Option<Digest>),
    /// The policy is another one since it was loaded: it is to be loaded again.
    Stale(Candidate),
}

impl Service {
    pub(super) fn new(
        shelf: Shelf,
        folder: Arc<ModulesFolder>,
        loader: Loader,
        tasks: Tasks,
        audit: Arc<Audit>,
    ) -> Self {
        Self(Arc::new(Inner { shelf, folder, loader, tasks, audit, lock: ChangeLock::default() }))
    }

    pub(super) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    pub(super) fn folder(&self) -> &Arc<ModulesFolder> {
        &self.0.folder
    }

    pub(super) fn loader(&self) -> &Loader {
        &self.0.loader
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// Makes a change when no other is under way, where it may block. It is finished even where nobody waits for it any more.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&ChangeGuard) -> T + Send + 'static,
    ) -> T {
        self.0.lock.change(change).await
    }

    /// Ends what goes on by itself. A change that was begun is finished first.
    pub(super) async fn stop(&self) {
        self.0.tasks.stop().await;
        self.0.lock.idle().await;
    }

    /// Makes a prepared version the one that calls get.
    pub(super) fn enter(&self, guard: &ChangeGuard, prepared: Prepared, entrance: Entrance<'_>) -> Entered {
        let Inner { shelf, loader, .. } = &*self.0;
        if loader.is_stale(guard, &prepared) {
            return Entered::Stale(prepared.candidate);
        }
        let Prepared { candidate, module, signer, .. } = prepared;
        let Entrance { file, rolled_back, what, by } = entrance;
        let name = &candidate.name;
        let kept = self.keep(guard, &candidate);
        let about = module.describe().clone();
        let (before, former) = shelf.update(guard, name, |entry| {
            let before = entry.serving_digest();
            entry.set_file(file.or(entry.file()));
            let version = entry.arrive(name, candidate.digest);
            version.set_kept(kept);
            version.set_signer(signer.clone());
            let former = entry.put_into_service(module);
            if let Some((digest, reason)) = rolled_back {
                entry.roll_back(digest, reason);
            }
            (before, former)
        });
        loader.note_in_service(guard, &about, signer.as_deref());
        self.drain(former);
        reach(Point::ServeBefore);
        shelf.trim(guard, name);
        reach(Point::ServeAfter);
        if before != Some(about.digest) {
            self.tell(&ModuleChange {
                digest: Some(about.digest),
                version: about.version.as_deref(),
                before,
                signer: signer.as_deref(),
                ..ModuleChange::of(what, by, name)
            });
        }
        Entered::Done(before)
    }

    /// Keeps the file of a version that goes into service, and says whether it is kept.
    fn keep(&self, guard: &ChangeGuard, candidate: &Candidate) -> bool {
        let Candidate { name, digest, .. } = candidate;
        let Err(error) = self.0.shelf.keep(guard, candidate) else { return true };
        let kept = self.0.shelf.has_file(name, *digest);
        let how = if kept { "as it was kept before" } else { "never" };
        tracing::warn!(module = %name, kept = how, %error, "a version goes into service that cannot be kept to go back to");
        kept
    }

    /// Takes a module out of service on an overlord's word: its file goes, its versions are kept.
    pub(super) async fn remove(&self, name: ModuleName) -> ModuleAnswer {
        let service = self.clone();
        self.change(move |guard| {
            let Inner { shelf, folder, .. } = &*service.0;
            if shelf.look(&name, |_| ()).is_none() {
                return ModuleAnswer::Refused(format!("has no module \"{name}\""));
            }
            if let Err(error) = folder.remove(guard, &name) {
                return ModuleAnswer::Refused(service.unwritable(&name, &error));
            }
            let before = service.take_out(guard, &name, Origin::Overlord);
            service.done(&name, before)
        })
        .await
    }

    /// Takes what serves out of service, since its file is gone, and gives back what that was.
    pub(super) fn take_out(&self, guard: &ChangeGuard, name: &ModuleName, by: Origin) -> Option<Digest> {
        let former = self.0.shelf.take_out(guard, name);
        let about = former.as_ref().map(|module| module.describe().clone());
        self.drain(former);
        self.0.shelf.trim(guard, name);
        let about = about?;
        self.tell(&ModuleChange {
            version: about.version.as_deref(),
            before: Some(about.digest),
            ..ModuleChange::of("removed", by, name)
        });
        Some(about.digest)
    }

    /// Takes what serves out of service because policy is against it by now.
    pub(super) fn withdraw(&self, guard: &ChangeGuard, name: &ModuleName, digest: Digest, refusal: Refusal) {
        tracing::warn!(module = %name, reason = refusal.reason, "a module is out of service");
        self.record_refusal(name, digest, Origin::Minion, &refusal);
        let former = self.0.shelf.update(guard, name, |entry| {
            let former = entry.take_out();
            entry.fail(digest, refusal);
            former
        });
        self.drain(former);
        self.0.shelf.trim(guard, name);
    }

    /// Waits for a version that was taken out of service to have no job any more, and then lets it go.
    fn drain(&self, former: Option<Arc<LoadedModule>>) {
        let Some(former) = former else { return };
        let (name, digest) = (former.describe().name.clone(), former.describe().digest);
        let gone = former.gone();
        drop(former);
        let service = self.clone();
        // A stop does not wait for the last job of the version.
        self.0.tasks.spawn(async move {
            gone.cancelled().await;
            let shelf = service.0.shelf.clone();
            service.change(move |guard| shelf.retire(guard, &name, digest)).await;
        });
    }

    /// The answer to a change that was made, or that there was no need of.
    pub(super) fn done(&self, name: &ModuleName, before: Option<Digest>) -> ModuleAnswer {
        let serving = self.0.shelf.serving(name);
        ModuleAnswer::Done {
            before,
            now: serving.as_ref().map(|module| module.describe().digest),
            version: serving.and_then(|module| module.describe().version.clone()),
        }
    }

    /// Why a change is refused that would not show in the folder.
    pub(super) fn unwritable(&self, name: &ModuleName, error: &io::Error) -> String {
        let folder = self.0.folder.path().display();
        format!("cannot change module \"{name}\" in its modules folder \"{folder}\": {error}")
    }

    /// Puts a change of what is in service or on its way there into the audit log and the log.
    pub(super) fn tell(&self, change: &ModuleChange<'_>) {
        change.log();
        self.record(change);
    }

    /// Puts a change into the audit log alone, where the log says it in other words.
    pub(super) fn record(&self, change: &ModuleChange<'_>) {
        self.0.audit.module(change);
    }

    /// Puts into the audit log that a version is refused.
    pub(super) fn record_refusal(&self, name: &ModuleName, digest: Digest, by: Origin, refusal: &Refusal) {
        self.record(&self.refused(name, digest, by, &refusal.reason));
    }

    /// A version that is not taken, as the audit log has it.
    pub(super) fn refused<'a>(
        &self,
        module: &'a ModuleName,
        digest: Digest,
        by: Origin,
        reason: &'a str,
    ) -> ModuleChange<'a> {
        ModuleChange {
            digest: Some(digest),
            before: self.0.shelf.serving_digest(module),
            reason: Some(reason),
            ..ModuleChange::of("refused", by, module)
        }
    }
}
