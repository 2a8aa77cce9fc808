//! A version on its way from bytes to code: verified, compiled and linked, on a thread of its own.

use std::sync::Arc;

use semver::Version as Semver;
use tokio::sync::oneshot;

use wire::message::held::Held;
use wire::message::inventory;
use wire::message::module::{Module, ModuleState};
use wire::message::outcome::FailureKind;

use crate::admission::Age;
use crate::modules::error::Refusal;
use crate::modules::folder::Candidate;
use crate::modules::{Modules, verdict};
use crate::policy::{ByteSize, ModulePolicy, SignaturePolicy};
use crate::sandbox::{Defect, LoadError, LoadedModule};

/// A version that can be put into service.
pub(super) struct Prepared {
    pub(super) candidate: Candidate,
    pub(super) module: Arc<LoadedModule>,
    pub(super) signer: Option<String>,
    /// The policy on signatures that let it through.
    pub(super) under: Arc<SignaturePolicy>,
}

/// What a version must not fall behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Floor(pub(super) Option<String>);

/// Told of every state on the way.
pub(super) type OnState = Box<dyn Fn(ModuleState) + Send>;

impl Modules {
    /// Takes a version as far as it can come without being put into service, under the policy of now.
    pub(super) async fn prepare(
        &self,
        candidate: Candidate,
        floor: Floor,
        age: Age,
        on_state: OnState,
    ) -> Result<Prepared, Refusal> {
        let policy = self.0.policy_of(&candidate.name);
        let (name, modules) = (candidate.name.clone(), self.clone());
        let (done, ends) = oneshot::channel();
        // A thread and not a task: a runtime that shuts down would wait for the compiler. Where nobody waits
        // for it any more it ends by itself, or with the process.
        let thread = std::thread::Builder::new().name("load".into()).spawn(move || {
            let _ = done.send(prepare(&modules, candidate, &policy, &floor, age, &on_state));
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
}

fn prepare(
    modules: &Modules,
    candidate: Candidate,
    policy: &ModulePolicy,
    floor: &Floor,
    age: Age,
    on_state: &OnState,
) -> Result<Prepared, Refusal> {
    let sandbox = modules.sandbox();
    let under = modules.0.admission.policy();
    let signer = verdict::judge(&modules.0.admission, &candidate, age)?;
    let _attempt = modules.0.attempts.begin(candidate.digest, &modules.0.folder.file(&candidate.name))?;
    let verified = sandbox.verify(candidate.name.clone(), &candidate.bytes, policy)?;
    floor.check(verified.version())?;
    modules.check_told(verified.module())?;
    on_state(ModuleState::Verified);
    on_state(ModuleState::Compiling);
    let module = sandbox.compile(verified, &candidate.bytes, policy)?;
    Ok(Prepared { candidate, module, signer, under })
}

impl Modules {
    /// Whether a module can be told of beside all others that are in service.
    fn check_told(&self, module: &Module) -> Result<(), Refusal> {
        let active = self.all_active();
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

/// What is left, of what a minion can tell of its modules, for versions that are not in service, in bytes.
const OTHER_ROWS: usize = 512 << 10;

/// What is said of a module over which the minion itself breaks.
pub(super) const BROKE: &str = "broke the minion's own code, whose log says how";

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
