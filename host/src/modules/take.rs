//! Taking what is in the modules folder: new, changed and removed files.

use wire::digest::Digest;
use wire::message::module::ModuleState;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::Origin;
use crate::modules::Modules;
use crate::modules::activate::Entered;
use crate::modules::error::Refusal;
use crate::modules::folder::{Candidate, Look};
use crate::modules::index::FileMark;
use crate::modules::prepare::{Floor, Prepared};

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

impl Modules {
    /// Makes what is in a module's file the version in service, unless it cannot be.
    pub(super) async fn take(&self, name: ModuleName, occasion: Occasion) {
        let gone = self.step({
            let name = name.clone();
            move |modules| modules.is_gone(&name)
        });
        // What is gone has no need to wait for others to be compiled.
        if gone.await {
            return;
        }
        // Never closed. It bounds how many files are in memory at once.
        let Ok(_permit) = self.0.loads.acquire().await else { return };
        let wanted = self.step({
            let name = name.clone();
            move |modules| modules.look_at(&name, occasion)
        });
        let Some((mut candidate, seen)) = wanted.await else { return };
        let digest = candidate.digest;
        // What serves, or did when the minion stopped, may be older than others were: it was gone back to.
        let age = match self.0.set().get(&name).is_some_and(|entry| entry.served_last(digest)) {
            true => Age::Waived,
            false => Age::Counts,
        };
        if occasion == Occasion::Start && age == Age::Counts {
            // What served goes on while the compiler is at work.
            self.recall(&name, Some(digest)).await;
        }
        loop {
            let (modules, named) = (self.clone(), name.clone());
            let on_state =
                move |state: ModuleState| modules.0.update(&named, |entry| entry.now(digest, state));
            let prepared = self.prepare_or_reuse(candidate, Floor::default(), age, Box::new(on_state)).await;
            let name = name.clone();
            let entered = match prepared {
                Ok(prepared) => self.step(move |modules| modules.enter_from_folder(prepared, seen)).await,
                Err(refusal) => {
                    return self.step(move |modules| modules.refuse_file(&name, seen.mark, &refusal)).await;
                }
            };
            match entered {
                Entered::Done(_) => return,
                Entered::Stale(again) => candidate = again,
            }
        }
    }

    /// Reads a file, and gives it back where it is to be loaded. Part of a step.
    pub(super) fn look_at(&self, name: &ModuleName, occasion: Occasion) -> Option<(Candidate, Seen)> {
        let before = self.0.folder.look(name);
        let candidate = match self.0.folder.read(name) {
            Ok(Some(candidate)) => candidate,
            Ok(None) => {
                self.file_is_gone(name);
                return None;
            }
            Err(error) => {
                let mark = FileMark::new(Digest::of(&[]), None);
                self.0.update(name, |entry| entry.arrive(name, mark.digest).now(ModuleState::Received));
                self.refuse_file(name, mark, &Refusal::new(format!("cannot be read: {error}")));
                return None;
            }
        };
        // Somebody writes it at this moment: it is looked at again when it rests.
        let rests = matches!((&before, self.0.folder.look(name)), (Ok(then), Ok(now)) if *then == now);
        let (digest, mark) = (candidate.digest, candidate.mark());
        if occasion == Occasion::Changed && !rests {
            return None;
        }
        let wanted_again = self.0.attempts.is_wanted_again(digest, &self.0.folder.file(name));
        let load = self.0.update(name, |entry| {
            let unchanged = entry.file == Some(mark) && !wanted_again;
            let rolled_back = entry.version(digest).is_some_and(|version| version.rolled_back.is_some());
            if unchanged && (occasion == Occasion::Changed || rolled_back) {
                return false;
            }
            entry.file = Some(mark);
            entry.arrive(name, digest);
            entry.now(digest, ModuleState::Received);
            true
        });
        let look = before.ok().flatten();
        load.then_some((candidate, Seen { mark, look }))
    }

    /// Part of a step.
    pub(super) fn enter_from_folder(&self, prepared: Prepared, seen: Seen) -> Entered {
        let (name, digest) = (prepared.candidate.name.clone(), prepared.candidate.digest);
        let current = self.0.set().get(&name).and_then(|entry| entry.file) == Some(seen.mark);
        if current && self.is_as_seen(&name, seen) {
            return self.enter(prepared, Some(seen.mark), None, "loaded", Origin::Folder);
        }
        // Another version came in between, on an overlord's word, or there is another file by now, which is
        // taken when it rests, or none.
        self.0.update(&name, |entry| {
            entry.file = entry.file.filter(|_| !current);
            entry.forgo(digest);
        });
        self.is_gone(&name);
        Entered::Done(None)
    }

    /// Whether a file is still what it was when it was read.
    fn is_as_seen(&self, name: &ModuleName, seen: Seen) -> bool {
        let look = self.0.folder.look(name).ok().flatten();
        look.is_some() && look == seen.look
            || matches!(self.0.folder.read(name), Ok(Some(now)) if now.mark() == seen.mark)
    }

    /// Lists a file with the reason why it is not in service. What serves goes on. Part of a step.
    fn refuse_file(&self, name: &ModuleName, mark: FileMark, refusal: &Refusal) {
        let digest = mark.digest;
        self.0.audit.module(&self.0.refused(name, digest, Origin::Folder, &refusal.reason));
        let serving = self.0.update(name, |entry| {
            entry.file = Some(mark);
            entry.failed(digest, refusal.clone());
            entry.serving.clone()
        });
        self.0.trim(name);
        let serving = serving.map(|module| module.describe().digest.short());
        let file = self.0.folder.file(name);
        let reason = &refusal.reason;
        tracing::warn!(module = %name, file = %file.display(), reason, serving, "a module's file is not in service");
    }

    /// Whether a module has no file, and so is out of service from now on. Part of a step.
    fn is_gone(&self, name: &ModuleName) -> bool {
        let gone = matches!(self.0.folder.look(name), Ok(None));
        if gone {
            self.file_is_gone(name);
        }
        gone
    }

    /// A module without a file is out of service. Part of a step.
    fn file_is_gone(&self, name: &ModuleName) {
        let had = self.0.set().get(name).is_some_and(|entry| entry.file.is_some() || entry.serving.is_some());
        if had {
            self.take_out(name, Origin::Folder);
        }
    }
}
