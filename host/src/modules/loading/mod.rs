//! A version on its way from bytes to code: admitted, verified, compiled and linked, on a thread of its own.

mod attempts;

use std::path::PathBuf;
use std::sync::Arc;

use semver::Version as Semver;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use wire::digest::Digest;
use wire::memory::Held;
use wire::message::inventory;
use wire::message::module::Module;
use wire::message::outcome::FailureKind;
use wire::name::ModuleName;

use crate::modules::admission::{Admission, Age, NotAdmitted};
use crate::modules::candidate::Candidate;
use crate::modules::change_lock::ChangeGuard;
use crate::modules::error::Refusal;
use crate::modules::folder::ModulesFolder;
use crate::modules::shelf::{Progress, Shelf};
use crate::policy::{ByteSize, ModulePolicy, SignaturePolicy};
use crate::sandbox::{Defect, LoadError, LoadedModule, Sandbox};

use attempts::Attempts;

/// Makes code of what came. Clones share it.
#[derive(Clone)]
pub(super) struct Loader(Arc<Inner>);

struct Inner {
    sandbox: Sandbox,
    /// Says which files may be loaded.
    admission: Admission,
    /// What was being loaded when the minion died.
    attempts: Attempts,
    /// How many versions are read and compiled at the same time.
    loads: Semaphore,
    shelf: Shelf,
    folder: Arc<ModulesFolder>,
}

/// A version that can be put into service.
pub(super) struct Prepared {
    pub(super) candidate: Candidate,
    pub(super) module: Arc<LoadedModule>,
    pub(super) signer: Option<String>,
    /// The policy on signatures that let it through.
    under: Arc<SignaturePolicy>,
}

/// What a version must not fall behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Floor(pub(super) Option<String>);

/// Told how far a version is on its way.
pub(super) type OnProgress = Box<dyn Fn(Progress) + Send>;

impl Loader {
    /// Loads into this sandbox what is admitted. `attempts` is the folder of what was being loaded when the minion died.
    pub(super) fn new(
        sandbox: Sandbox,
        admission: Admission,
        attempts: PathBuf,
        shelf: Shelf,
        folder: Arc<ModulesFolder>,
    ) -> Self {
        let (attempts, loads) = (Attempts::new(attempts), Semaphore::new(LOADS_AT_ONCE));
        Self(Arc::new(Inner { sandbox, admission, attempts, loads, shelf, folder }))
    }

    /// The sandbox that all code runs in.
    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    /// Waits until few enough others hold a file in memory, and compile it. Ask for one before a file is read.
    pub(super) async fn permit(&self) -> SemaphorePermit<'_> {
        self.0.loads.acquire().await.expect("nobody closes it")
    }

    /// Whether a version is not tried any more because the minion died of it, and yet is to be: its file in the folder was
    /// changed or touched since.
    pub(super) fn is_wanted_again(&self, name: &ModuleName, digest: Digest) -> bool {
        self.0.attempts.is_wanted_again(digest, &self.0.folder.file(name))
    }

    /// The minion stops, and what is still being loaded ends with it: that is nobody's fault.
    pub(super) fn forgive(&self) {
        self.0.attempts.forgive();
    }

    /// Puts another policy on signatures into force and says what it changes, a line each.
    pub(super) fn apply(&self, _: &ChangeGuard, signatures: &SignaturePolicy) -> Vec<String> {
        self.0.admission.apply(signatures)
    }

    /// A version came into service: no older one of its name is admitted later, where policy has it so.
    pub(super) fn note_in_service(&self, _: &ChangeGuard, module: &Module, signer: Option<&str>) {
        self.0.admission.in_service(&module.name, module.version.as_deref(), signer);
    }

    /// Whether what policy says became something else since a version was held against it.
    pub(super) fn is_stale(&self, _: &ChangeGuard, prepared: &Prepared) -> bool {
        let Prepared { candidate, module, under, .. } = prepared;
        !Arc::ptr_eq(under, &self.0.admission.policy())
            || !module.policy().loads_like(&self.0.shelf.policy_of(&candidate.name))
    }

    /// Like [`compile`](Self::compile), but without the compiler where the code is at hand.
    pub(super) async fn prepare(
        &self,
        candidate: Candidate,
        floor: Floor,
        age: Age,
        on_progress: OnProgress,
    ) -> Result<Prepared, Refusal> {
        let at_hand = self.0.shelf.look(&candidate.name, |entry| entry.at_hand(candidate.digest)).flatten();
        match at_hand {
            Some(module) => {
                floor.check(module.describe().version.as_deref())?;
                let loader = self.clone();
                // It may have to look at every byte.
                let admitted = tokio::task::spawn_blocking(move || {
                    let under = loader.0.admission.policy();
                    let signer = loader.admit(&candidate, age)?;
                    Ok(Prepared { candidate, module, signer, under })
                });
                admitted.await.unwrap_or_else(|_| Err(Refusal::new(BROKE)))
            }
            None => self.compile(candidate, floor, age, on_progress).await,
        }
    }

    /// Takes a version as far as it can come without being put into service, under the policy of now.
    pub(super) async fn compile(
        &self,
        candidate: Candidate,
        floor: Floor,
        age: Age,
        on_progress: OnProgress,
    ) -> Result<Prepared, Refusal> {
        let policy = self.0.shelf.policy_of(&candidate.name);
        let (name, loader) = (candidate.name.clone(), self.clone());
        let (done, ends) = oneshot::channel();
        // A thread and not a task: a runtime that shuts down would wait for the compiler. Where nobody waits
        // for it any more it ends by itself, or with the process.
        let thread = std::thread::Builder::new().name("load".into()).spawn(move || {
            let _ = done.send(loader.load(candidate, &policy, &floor, age, &on_progress));
        });
        if let Err(error) = thread {
            return Err(Refusal::new(format!("cannot be loaded: there is no thread for it: {error}")));
        }
        let Ok(prepared) = ends.await else {
            return Err(Refusal::new(BROKE));
        };
        if let Ok(prepared) = &prepared {
            for warning in prepared.module.warnings() {
                tracing::warn!(module = %name, warning, "a module is loaded with a warning");
            }
        }
        prepared
    }

    fn load(
        &self,
        candidate: Candidate,
        policy: &ModulePolicy,
        floor: &Floor,
        age: Age,
        on_progress: &OnProgress,
    ) -> Result<Prepared, Refusal> {
        let Inner { sandbox, admission, attempts, folder, .. } = &*self.0;
        let under = admission.policy();
        let signer = self.admit(&candidate, age)?;
        let _attempt = attempts.begin(candidate.digest, &folder.file(&candidate.name))?;
        let verified = sandbox.verify(candidate.name.clone(), &candidate.bytes, policy)?;
        floor.check(verified.version())?;
        self.check_told(verified.module())?;
        on_progress(Progress::Verified);
        on_progress(Progress::Compiling);
        let module = sandbox.compile(verified, &candidate.bytes, policy)?;
        Ok(Prepared { candidate, module, signer, under })
    }

    /// Whether a file may be looked at any further, and who signed it: asked of every file, whichever way it came, before
    /// anything of it is compiled.
    fn admit(&self, candidate: &Candidate, age: Age) -> Result<Option<String>, Refusal> {
        let Candidate { name, bytes, signature, .. } = candidate;
        match self.0.admission.admit(name, bytes, signature.read(), age) {
            Ok(allowed) => Ok(allowed.signer.map(|signer| signer.to_string())),
            Err(NotAdmitted::NoModule(error)) => Err(error.into()),
            Err(refused) => Err(Refusal::new(refused.reason())),
        }
    }

    /// Whether a module can be told of beside all others that are in service.
    fn check_told(&self, module: &Module) -> Result<(), Refusal> {
        let active = self.0.shelf.all_serving();
        let others = active.iter().map(|other| other.describe()).filter(|other| other.name != module.name);
        let others: usize = others.map(Held::held).sum();
        let (held, most) = (others + module.held(), inventory::MAX_HELD - OTHER_ROWS);
        if held <= most {
            return Ok(());
        }
        let (held, most) = (ByteSize(held as u64), ByteSize(most as u64));
        Err(Refusal::new(format!(
            "cannot be told of: its signatures are too large: those of all modules here would take {held}, and {most} \
             is the most; remove a module"
        )))
    }
}

impl Floor {
    /// Whether this version is older, where both say which they are.
    pub(super) fn check(&self, version: Option<&str>) -> Result<(), Refusal> {
        let older = |version: &str, floor: &str| {
            let both = Semver::parse(version).ok().zip(Semver::parse(floor).ok());
            // Another build of a version is not older.
            both.is_some_and(|(version, floor)| version.cmp_precedence(&floor).is_lt())
        };
        match (version, &self.0) {
            (Some(version), Some(floor)) if older(version, floor) => Err(Refusal::new(format!(
                "would go back from version {floor} to {version}: say that you want that with \
                     `overlord module push --downgrade`"
            ))),
            _ => Ok(()),
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        let not_granted = |defect: &Defect| matches!(defect, Defect::NotGranted { .. });
        let kind = match error.defects.iter().all(not_granted) {
            true => FailureKind::CapabilityMissing,
            false => FailureKind::UnknownModule,
        };
        Self { reason: error.reason(), kind }
    }
}

/// How many versions are read and compiled at the same time.
pub(super) const LOADS_AT_ONCE: usize = 2;

/// The part of an inventory that is left for versions that are not in service, in bytes.
const OTHER_ROWS: usize = 512 << 10;

/// What is said of a module over which the minion itself breaks.
const BROKE: &str = "broke the minion's own code, whose log says how";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_it_is_older_is_older() {
        let floor = |version: Option<&str>| Floor(version.map(str::to_owned));
        for (from, to) in [
            (Some("1.2.3"), "1.2.4"),
            (Some("1.2.3"), "1.2.3"),
            (Some("1.2.3+9f"), "1.2.3+1a"),
            (Some("9"), "1.0.0"),
            (None, "0.1.0"),
        ] {
            assert!(floor(from).check(Some(to)).is_ok(), "{from:?} to {to}");
        }
        assert!(floor(Some("1.0.0")).check(None).is_ok());
        for (from, to) in [("1.10.0", "1.9.0"), ("1.0.0", "1.0.0-rc.1")] {
            let refusal = floor(Some(from)).check(Some(to)).expect_err("older");
            assert!(refusal.reason.contains("--downgrade"), "{refusal:?}");
        }
    }
}
