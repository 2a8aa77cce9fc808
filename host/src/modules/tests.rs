//! What changes in between the steps of a version on its way into service.

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use tempfile::TempDir;

use super::activate::Entered;
use super::folder::Candidate;
use super::index::{FileMark, Index, Kept};
use super::prepare::Floor;
use super::take::Occasion;
use super::*;
use crate::admission::Age;
use crate::highest_versions::HighestVersions;
use crate::policy::SignaturePolicy;
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
        self.modules.take(name(), Occasion::Changed).await;
        assert_eq!(self.serving(), Some(Digest::of(bytes)));
    }

    fn serving(&self) -> Option<Digest> {
        self.modules.0.set().get(&name()).and_then(set::Entry::serving_digest)
    }

    fn file_mark(&self) -> Option<FileMark> {
        self.modules.0.set().get(&name()).and_then(|entry| entry.file)
    }

    /// Reads a file and compiles it, lets something happen meanwhile, and makes the last step.
    async fn take_while(&self, bytes: &[u8], meanwhile: impl AsyncFnOnce()) -> Entered {
        fs::write(self.file(), bytes).expect("written");
        let wanted = self.modules.step(|modules| modules.look_at(&name(), Occasion::Changed)).await;
        let (candidate, seen) = wanted.expect("it looks new");
        let prepared = self.modules.prepare(candidate, Floor::default(), Age::Counts, Box::new(|_| ())).await;
        let prepared = prepared.expect("loaded");
        meanwhile().await;
        self.modules.step(move |modules| modules.enter_from_folder(prepared, seen)).await
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
    rig.modules.take(name(), Occasion::Changed).await;
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
    rig.modules.0.update(&name(), |entry| entry.arrive(&name(), digest).now(ModuleState::Compiling));
    let candidate = Candidate { name: name(), digest, bytes, signature: None.into() };
    let prepared = rig.modules.prepare(candidate, Floor::default(), Age::Counts, Box::new(|_| ())).await;
    let answer = rig.modules.discard(name(), digest).await;
    assert!(matches!(answer, ModuleAnswer::Done { .. }), "{answer:?}");
    let prepared = prepared.expect("loaded");
    let held = rig.modules.step(move |modules| modules.hold_ready(prepared, Origin::Overlord)).await;
    assert!(held.expect_err("discarded").contains("discarded"));
    assert!(rig.modules.list().is_empty());
}

#[test]
fn the_newest_version_that_lacks_a_grant_is_kept_until_a_newer_one_serves() {
    let digests = [b"1", b"2", b"3"].map(|bytes| Digest::of(bytes));
    let mut entry = set::Entry::new(policy("").of(&name()));
    let refused =
        || error::Refusal { kind: FailureKind::CapabilityMissing, ..error::Refusal::new("lacks one") };
    for digest in digests {
        entry.arrive(&name(), digest).kept = true;
        entry.failed(digest, refused());
    }
    // However few versions are kept: it is none of those that can be gone back to.
    assert_eq!(entry.let_go(1), [digests[1], digests[0]]);
    assert_eq!(entry.waiting().map(|version| version.about.digest), Some(digests[2]));
    assert!(entry.earlier().is_empty());
    let index = entry.index();
    let recalled = set::Entry::recalled(policy("").of(&name()), &name(), index);
    assert_eq!(recalled.waiting().and_then(|version| version.awaited_grant()), Some("lacks one"));
    assert!(matches!(
        recalled.absent(&name()),
        NoModule::Failed { kind: FailureKind::CapabilityMissing, .. }
    ));
    // One that is refused for another reason waits for nothing.
    entry.failed(digests[2], error::Refusal::new("is damaged"));
    assert!(entry.waiting().is_none());
}

#[test]
fn a_version_that_is_not_wanted_is_what_it_was_before_it_came() {
    let digest = Digest::of(b"a");
    let kept = |turn, rolled_back: Option<&str>| Kept {
        digest,
        version: None,
        signer: None,
        since: 1,
        turn,
        rolled_back: rolled_back.map(str::to_owned),
        not_granted: None,
    };
    let trapped = ModuleState::Failed("trapped".into());
    for (kept, state) in [
        (kept(None, None), ModuleState::Staged),
        (kept(Some(1), None), ModuleState::Retired),
        (kept(Some(1), Some("trapped")), trapped),
    ] {
        let index = Index { versions: vec![kept], ..Index::default() };
        let mut entry = set::Entry::recalled(policy("").of(&name()), &name(), index.clone());
        entry.now(digest, ModuleState::Received);
        entry.forgo(digest);
        assert_eq!(entry.version(digest).map(|version| version.state.clone()), Some(state));
        assert_eq!(entry.index().versions[0].rolled_back, index.versions[0].rolled_back);
    }
}
