//! What changes in between the steps of a version on its way into service.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;

use tempfile::TempDir;

use super::candidate::{Candidate, FileMark};
use super::error::Refusal;
use super::hotload::Occasion;
use super::loading::Floor;
use super::service::Entered;
use super::shelf::Progress;
use super::*;
use crate::audit::Origin;
use crate::highest_versions::HighestVersions;
use crate::modules::admission::Age;
use crate::policy::signatures::Requirement;
use crate::sandbox::SandboxConfig;

/// Modules without a minion, and the folder that they are in.
struct Rig {
    modules: Modules,
    dir: TempDir,
}

impl Rig {
    async fn new(policy: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let sandbox = Sandbox::new(SandboxConfig::default()).expect("made");
        let config = ModulesConfig {
            folder: dir.path().join("modules"),
            versions: dir.path().join("versions"),
            staged: dir.path().join("staged"),
            keep: NonZeroUsize::new(4).expect("some"),
        };
        let highest = HighestVersions::open(&dir.path().join("highest-versions.toml")).expect("opened");
        let admission = Admission::new(SignaturePolicy::default(), highest);
        let audit = Arc::new(Audit::open(&dir.path().join("audit.log")).expect("opened"));
        let modules = Modules::load(sandbox, config, &self::policy(policy), admission, audit).await;
        Self { modules: modules.expect("loaded"), dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("modules/which.wasm")
    }

    /// Puts a version into service by way of the folder.
    async fn serve(&self, bytes: &[u8]) {
        fs::write(self.file(), bytes).expect("written");
        self.modules.hotload.load(name(), Occasion::Changed).await;
        assert_eq!(self.serving(), Some(Digest::of(bytes)));
    }

    fn serving(&self) -> Option<Digest> {
        self.modules.shelf.serving_digest(&name())
    }

    fn file_mark(&self) -> Option<FileMark> {
        self.modules.shelf.look(&name(), |entry| entry.file()).flatten()
    }

    /// Reads a file and compiles it, lets something happen meanwhile, and makes the last step.
    async fn take_while(&self, bytes: &[u8], meanwhile: impl AsyncFnOnce()) -> Entered {
        fs::write(self.file(), bytes).expect("written");
        let (service, hotload) = (&self.modules.service, self.modules.hotload.clone());
        let wanted = service.change(move |guard| hotload.read(guard, &name(), Occasion::Changed)).await;
        let (candidate, seen) = wanted.expect("it looks new");
        let prepared = self.compile(candidate).await;
        meanwhile().await;
        let hotload = self.modules.hotload.clone();
        service.change(move |guard| hotload.enter(guard, prepared, seen)).await
    }

    async fn compile(&self, candidate: Candidate) -> loading::Prepared {
        let loader = self.modules.service.loader();
        let prepared = loader.compile(candidate, Floor::default(), Age::Counts, Box::new(|_| ())).await;
        prepared.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }
}

fn name() -> ModuleName {
    "which".parse().expect("a name")
}

fn policy(text: &str) -> Policy {
    toml::from_str::<crate::Config>(text).expect("a policy").modules
}

fn component(version: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (@custom \"version\" \"{version}\"))")).expect("a component")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_under_a_policy_that_is_past_never_comes_into_service() {
    let rig = Rig::new("[modules.which]\nfacts = [\"os\"]").await;
    let needs = wat::parse_str(
        r#"(component (import "minion:facts/facts@0.1.0" (instance
            (type $e (variant (case "denied" string) (case "cancelled") (case "other" string)))
            (export "error" (type $error (eq $e)))
            (export "get" (func (param "path" string) (result (result (option string) (error $error))))))))"#,
    )
    .expect("wat");
    let withdraw = async || drop(rig.modules.apply(&policy(""), &SignaturePolicy::default()).await);
    assert!(matches!(rig.take_while(&needs, withdraw).await, Entered::Stale(_)));

    let require = SignaturePolicy { policy: Requirement::Require, ..SignaturePolicy::default() };
    let plain = component("1.0.0");
    let demand = async || drop(rig.modules.apply(&policy(""), &require).await);
    assert!(matches!(rig.take_while(&plain, demand).await, Entered::Stale(_)));
    assert_eq!(rig.serving(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_stays_the_same_holds_nobody_up() {
    let rig = Rig::new("[modules.which]\nsettings = { x = nan }").await;
    let same = policy("[modules.which]\nsettings = { x = nan }");
    let again = async || drop(rig.modules.apply(&same, &SignaturePolicy::default()).await);
    assert!(matches!(rig.take_while(&component("1.0.0"), again).await, Entered::Done(None)));
    assert_eq!(rig.serving(), Some(Digest::of(&component("1.0.0"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_goes_while_it_is_compiled_takes_its_module_along() {
    let rig = Rig::new("").await;
    rig.serve(&component("1.0.0")).await;
    let remove = async || fs::remove_file(rig.file()).expect("removed");
    rig.take_while(&component("2.0.0"), remove).await;
    assert_eq!((rig.serving(), rig.file_mark()), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_put_back_while_another_is_compiled_goes_on_serving() {
    let rig = Rig::new("").await;
    let [one, two] = ["1.0.0", "2.0.0"].map(component);
    rig.serve(&one).await;
    let aside = rig.file().with_extension("aside");
    let put_back = async || {
        fs::write(&aside, &one).expect("written");
        fs::rename(&aside, rig.file()).expect("renamed");
    };
    rig.take_while(&two, put_back).await;
    assert_eq!(rig.serving(), Some(Digest::of(&one)));
    rig.modules.hotload.load(name(), Occasion::Changed).await;
    assert_eq!(rig.serving(), Some(Digest::of(&one)));
    assert_eq!(rig.file_mark(), Some(FileMark::new(Digest::of(&one), None)));

    // One that is only touched is what it was.
    let touch = async || {
        fs::File::open(rig.file()).expect("opened").set_modified(std::time::UNIX_EPOCH).expect("set")
    };
    rig.take_while(&two, touch).await;
    assert_eq!(rig.serving(), Some(Digest::of(&two)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_discarded_while_it_is_compiled_is_never_staged() {
    let rig = Rig::new("").await;
    let bytes = component("1.0.0");
    let digest = Digest::of(&bytes);
    rig.modules.shelf.receive(&name(), digest);
    rig.modules.shelf.come(&name(), digest, Progress::Compiling);
    let candidate = Candidate { name: name(), digest, bytes, signature: None.into() };
    let prepared = rig.compile(candidate).await;
    let answer = rig.modules.discard(name(), digest).await;
    assert!(matches!(answer, ModuleAnswer::Done { .. }), "{answer:?}");
    let staged = rig.modules.staging.staged().clone();
    let service = &rig.modules.service;
    let held = service.change(move |guard| staged.hold_ready(guard, prepared, Origin::Overlord)).await;
    assert!(held.expect_err("discarded").contains("discarded"));
    assert!(rig.modules.list().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_discarded_while_its_grant_is_looked_at_does_not_come_back() {
    let rig = Rig::new("").await;
    let bytes = component("1.0.0");
    let digest = Digest::of(&bytes);
    let candidate = Candidate { name: name(), digest, bytes, signature: None.into() };
    let Modules { shelf, service, activation, staging, .. } = rig.modules.clone();
    let waits = move |guard: &_| {
        shelf.keep(guard, &candidate).expect("kept");
        shelf.update(guard, &name(), |entry| {
            entry.receive(&name(), digest).set_kept(true);
            let kind = FailureKind::CapabilityMissing;
            entry.fail(digest, Refusal { kind, ..Refusal::new("lacks a grant") });
        });
    };
    service.change(waits).await;

    // Changes are made in the order in which they are asked for: its file is read, it is discarded, it is to be held ready.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let ungranted = Ungranted::new(service.clone(), activation, staging.staged().clone());
    let module = name();
    let mut blocker = pin!(service.change(move |_| wait.recv().expect("told to go on")));
    let mut look = pin!(ungranted.look_again(&module));
    let mut discard = pin!(staging.discard(name(), digest));
    assert!(futures::poll!(blocker.as_mut()).is_pending());
    assert!(futures::poll!(look.as_mut()).is_pending());
    assert!(futures::poll!(discard.as_mut()).is_pending());
    go.send(()).expect("it waits");
    tokio::join!(blocker, look, discard);
    assert!(rig.modules.list().is_empty());
}
