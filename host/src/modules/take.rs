//! Taking what is in the modules folder: new, changed and removed files.

use wire::digest::Digest;
use wire::module::ModuleState;
use wire::name::ModuleName;

use crate::admission::Age;
use crate::audit::{ModuleChange, Origin};
use crate::modules::Modules;
use crate::modules::activate::Entered;
use crate::modules::error::Refusal;
use crate::modules::folder::Candidate;
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

/// What to do with a file.
enum Wanted {
    /// It is what it was when it was last acted upon.
    Nothing,
    /// Load it.
    Load(Candidate, FileMark),
}

impl Modules {
    /// Makes what is in a module's file the version in service, unless it cannot be.
    pub(super) async fn take(&self, name: ModuleName, occasion: Occasion) {
        // Never closed. It bounds how many files are in memory at once.
        let Ok(_permit) = self.0.loads.acquire().await else { return };
        let wanted = self.step({
            let name = name.clone();
            move |modules| modules.look_at(&name, occasion)
        });
        let Wanted::Load(mut candidate, mark) = wanted.await else { return };
        let digest = candidate.digest;
        // What serves, or did when the minion stopped, may be older than others were: it was gone back to.
        let age = match self.0.set().get(&name).is_some_and(|entry| entry.served_last(digest)) {
            true => Age::Waived,
            false => Age::Counts,
        };
        loop {
            let (modules, named) = (self.clone(), name.clone());
            let on_state =
                move |state: ModuleState| modules.0.update(&named, |entry| entry.now(digest, state));
            let prepared = self.prepare_or_reuse(candidate, Floor::default(), age, Box::new(on_state)).await;
            let name = name.clone();
            let entered = match prepared {
                Ok(prepared) => self.step(move |modules| modules.enter_from_folder(prepared, mark)).await,
                Err(refusal) => {
                    return self.step(move |modules| modules.refuse_file(&name, mark, &refusal)).await;
                }
            };
            match entered {
                Entered::Done(_) => return,
                Entered::Stale(again) => candidate = again,
            }
        }
    }

    /// Reads a file and decides whether something is to be done about it. Part of a step.
    fn look_at(&self, name: &ModuleName, occasion: Occasion) -> Wanted {
        let before = self.0.folder.look(name);
        let candidate = match self.0.folder.read(name) {
            Ok(Some(candidate)) => candidate,
            Ok(None) => {
                self.file_is_gone(name);
                return Wanted::Nothing;
            }
            Err(error) => {
                let mark = FileMark::new(Digest::of(&[]), None);
                self.0.update(name, |entry| entry.arrive(name, mark.digest).now(ModuleState::Received));
                self.refuse_file(name, mark, &Refusal::new(format!("cannot be read: {error}")));
                return Wanted::Nothing;
            }
        };
        // Somebody writes it at this moment: it is looked at again when it rests.
        let rests = matches!((before, self.0.folder.look(name)), (Ok(then), Ok(now)) if then == now);
        let (digest, mark) = (candidate.digest, candidate.mark());
        if occasion == Occasion::Changed && !rests {
            return Wanted::Nothing;
        }
        let load = self.0.update(name, |entry| {
            let unchanged = entry.file == Some(mark);
            let rolled_back = entry.version(digest).is_some_and(|version| version.rolled_back);
            if unchanged && (occasion == Occasion::Changed || rolled_back) {
                return false;
            }
            entry.file = Some(mark);
            entry.arrive(name, digest);
            entry.now(digest, ModuleState::Received);
            true
        });
        if load { Wanted::Load(candidate, mark) } else { Wanted::Nothing }
    }

    /// Part of a step.
    fn enter_from_folder(&self, prepared: Prepared, mark: FileMark) -> Entered {
        let (name, digest) = (prepared.candidate.name.clone(), prepared.candidate.digest);
        if self.0.set().get(&name).and_then(|entry| entry.file) == Some(mark) {
            return self.enter(prepared, Some(mark), None, "loaded", Origin::Folder);
        }
        // Another version came in between, on an overlord's word.
        self.0.update(&name, |entry| entry.forgo(digest));
        Entered::Done(None)
    }

    /// Lists a file with the reason why it is not in service. What serves goes on. Part of a step.
    fn refuse_file(&self, name: &ModuleName, mark: FileMark, refusal: &Refusal) {
        let digest = mark.digest;
        let serving = self.0.update(name, |entry| {
            entry.file = Some(mark);
            entry.failed(digest, refusal.clone());
            entry.serving.clone()
        });
        self.0.trim(name);
        let goes_on = match &serving {
            Some(module) => format!("; {} goes on serving", module.describe().digest.short()),
            None => String::new(),
        };
        let file = self.0.folder.file(name);
        tracing::warn!("module \"{name}\" (\"{}\") {}{goes_on}", file.display(), refusal.reason);
        self.0.audit.module(&ModuleChange {
            what: "refused",
            by: Origin::Folder,
            module: name,
            digest: Some(digest),
            version: None,
            before: serving.map(|module| module.describe().digest),
            signer: None,
            reason: Some(&refusal.reason),
        });
    }

    /// A module without a file is out of service. Part of a step.
    fn file_is_gone(&self, name: &ModuleName) {
        let had = self.0.set().get(name).is_some_and(|entry| entry.file.is_some() || entry.serving.is_some());
        if had {
            self.take_out(name, Origin::Folder);
        }
    }
}
