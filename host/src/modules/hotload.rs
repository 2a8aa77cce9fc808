//! Hot loading: what is in a module's file of the modules folder comes into service, also when it is new, changed or gone.

use wire::digest::Digest;
use wire::name::ModuleName;

use crate::audit::Origin;
use crate::modules::admission::Age;
use crate::modules::candidate::{Candidate, FileMark};
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::folder::Look;
use crate::modules::loading::{Floor, Prepared};
use crate::modules::rollback::Rollback;
use crate::modules::service::{Entered, Entrance, Service};
use crate::modules::shelf::{Entry, Version};

/// Brings the files of the modules folder into service. Clones share it.
#[derive(Clone)]
pub(super) struct HotLoad {
    service: Service,
    rollback: Rollback,
}

/// Why a module's file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The minion starts.
    Start,
    /// It looks different.
    Changed,
    /// The policy is another one.
    Policy,
}

/// A file as it was read.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    mark: FileMark,
    /// How it looked just before; nothing where it came after that.
    look: Option<Look>,
}

impl HotLoad {
    pub(super) fn new(service: Service, rollback: Rollback) -> Self {
        Self { service, rollback }
    }

    /// What this brings files into.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Makes what is in a module's file the version in service, unless it cannot be.
    pub(super) async fn load(&self, name: ModuleName, occasion: Occasion) {
        let (this, named) = (self.clone(), name.clone());
        // What is gone has no need to wait for others to be compiled.
        if self.service.change(move |guard| this.take_out_if_gone(guard, &named)).await {
            return;
        }
        // It bounds how many files are in memory at once.
        let _permit = self.service.loader().permit().await;
        let (this, named) = (self.clone(), name.clone());
        let wanted = self.service.change(move |guard| this.read(guard, &named, occasion)).await;
        let Some((mut candidate, seen)) = wanted else { return };
        let digest = candidate.digest;
        let shelf = self.service.shelf();
        // The version that serves, or did when the minion stopped, may be older than others that served: the minion went
        // back to it.
        let age = match shelf.look(&name, |entry| entry.served_last(digest)) {
            Some(true) => Age::Waived,
            _ => Age::Counts,
        };
        if occasion == Occasion::Start && age == Age::Counts {
            // What served goes on while the compiler is at work.
            self.rollback.recall(&name, Some(digest)).await;
        }
        loop {
            let (named, shelf) = (name.clone(), shelf.clone());
            let on_progress = move |progress| shelf.come(&named, digest, progress);
            let loader = self.service.loader();
            let prepared = loader.prepare(candidate, Floor::default(), age, Box::new(on_progress)).await;
            let (this, name) = (self.clone(), name.clone());
            let entered = match prepared {
                Ok(prepared) => self.service.change(move |guard| this.enter(guard, prepared, seen)).await,
                Err(refusal) => {
                    let refuse = move |guard: &_| this.refuse(guard, &name, seen.mark, &refusal);
                    return self.service.change(refuse).await;
                }
            };
            match entered {
                Entered::Done(_) => return,
                Entered::Stale(again) => candidate = again,
            }
        }
    }

    /// Reads a file, and gives it back where it is to be loaded.
    pub(super) fn read(
        &self,
        guard: &ChangeGuard,
        name: &ModuleName,
        occasion: Occasion,
    ) -> Option<(Candidate, Seen)> {
        let (shelf, folder) = (self.service.shelf(), self.service.folder());
        let before = folder.look(name);
        let candidate = match folder.read(name) {
            Ok(Some(candidate)) => candidate,
            Ok(None) => {
                self.take_out(guard, name);
                return None;
            }
            Err(error) => {
                let mark = FileMark::new(Digest::of(&[]), None);
                shelf.update(guard, name, |entry| {
                    entry.receive(name, mark.digest);
                });
                self.refuse(guard, name, mark, &Refusal::new(format!("cannot be read: {error}")));
                return None;
            }
        };
        // Somebody writes it at this moment: it is looked at again when it rests.
        let rests = matches!((&before, folder.look(name)), (Ok(then), Ok(now)) if *then == now);
        let (digest, mark) = (candidate.digest, candidate.mark());
        if occasion == Occasion::Changed && !rests {
            return None;
        }
        let wanted_again = self.service.loader().is_wanted_again(name, digest);
        let load = shelf.update(guard, name, |entry| {
            let unchanged = entry.file() == Some(mark) && !wanted_again;
            let rolled_back = entry.version(digest).is_some_and(Version::is_rolled_back);
            if unchanged && (occasion == Occasion::Changed || rolled_back) {
                return false;
            }
            entry.set_file(Some(mark));
            entry.receive(name, digest);
            true
        });
        let look = before.ok().flatten();
        load.then_some((candidate, Seen { mark, look }))
    }

    /// Puts what was in a file into service, unless there is something else by now.
    pub(super) fn enter(&self, guard: &ChangeGuard, prepared: Prepared, seen: Seen) -> Entered {
        let (name, digest) = (prepared.candidate.name.clone(), prepared.candidate.digest);
        let shelf = self.service.shelf();
        let current = shelf.look(&name, |entry| entry.file() == Some(seen.mark)) == Some(true);
        if current && self.is_as_seen(&name, seen) {
            let file = Some(seen.mark);
            let entrance = Entrance { file, rolled_back: None, what: "loaded", by: Origin::Folder };
            return self.service.enter(guard, prepared, entrance);
        }
        // Another version came in between, on an overlord's word, or there is another file by now, which is
        // taken when it rests, or none.
        shelf.update(guard, &name, |entry| {
            entry.set_file(entry.file().filter(|_| !current));
            entry.forgo(digest);
        });
        self.take_out_if_gone(guard, &name);
        Entered::Done(None)
    }

    /// Whether a file is still what it was when it was read.
    fn is_as_seen(&self, name: &ModuleName, seen: Seen) -> bool {
        let folder = self.service.folder();
        let look = folder.look(name).ok().flatten();
        look.is_some() && look == seen.look
            || matches!(folder.read(name), Ok(Some(now)) if now.mark() == seen.mark)
    }

    /// Lists a file with the reason why it is not in service. What serves goes on.
    fn refuse(&self, guard: &ChangeGuard, name: &ModuleName, mark: FileMark, refusal: &Refusal) {
        let (shelf, digest) = (self.service.shelf(), mark.digest);
        self.service.record_refusal(name, digest, Origin::Folder, refusal);
        let serving = shelf.update(guard, name, |entry| {
            entry.set_file(Some(mark));
            entry.fail(digest, refusal.clone());
            entry.serving_digest()
        });
        shelf.trim(guard, name);
        let serving = serving.map(|digest| digest.short());
        let file = self.service.folder().file(name);
        let reason = &refusal.reason;
        tracing::warn!(module = %name, file = %file.display(), reason, serving, "a module's file is not in service");
    }

    /// Whether a module has no file, and so is out of service from now on.
    fn take_out_if_gone(&self, guard: &ChangeGuard, name: &ModuleName) -> bool {
        let gone = matches!(self.service.folder().look(name), Ok(None));
        if gone {
            self.take_out(guard, name);
        }
        gone
    }

    /// A module without a file is out of service.
    fn take_out(&self, guard: &ChangeGuard, name: &ModuleName) {
        let had = |entry: &Entry| entry.file().is_some() || entry.serving().is_some();
        if self.service.shelf().look(name, had) == Some(true) {
            self.service.take_out(guard, name, Origin::Folder);
        }
    }
}
