//! Modules that change while minions work.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use overlord::client::{Client, ClientConfig, JobEvent, JobStream};
use overlord::folder::Folder;
use rig::{Fleet, Said, modules_dir, until};
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use wire::message::operator::{Call, Follow, Target};
use wire::message::outcome::{Outcome, Report};
use wire::value::Value;
use wire::value::arguments::Arguments;

/// A small component whose `version` gives back this number, which is also the version in its metadata.
pub(crate) fn which(number: u32) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m (func (export "version") (result i32) i32.const {number}))
            (core instance $i (instantiate $m))
            (func (export "version") (result u32) (canon lift (core func $i "version")))
            (@custom "version" "{number}.0.0"))"#
    );
    wat::parse_str(text).expect("a component")
}

/// The module `test`, calling itself this version.
fn test(version: &str) -> Vec<u8> {
    let mut bytes = fs::read(modules_dir().join("test.wasm")).expect("built");
    let section = [&[7][..], b"version", version.as_bytes()].concat();
    bytes.extend([0, u8::try_from(section.len()).expect("short")]);
    bytes.extend(section);
    bytes
}

/// A minion with a modules folder of its own.
pub(crate) struct Rig {
    pub(crate) fleet: Fleet,
    modules: PathBuf,
}

impl Rig {
    pub(crate) fn start(files: &[(&str, &[u8])]) -> Self {
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        let modules = fleet.minion_dir("web1").join("modules");
        fs::create_dir_all(&modules).expect("made");
        for (name, bytes) in files {
            fs::write(modules.join(name), bytes).expect("written");
        }
        let mut rig = Self { fleet, modules };
        rig.serve(1);
        rig
    }

    /// Starts the minion, and does not wait for it.
    pub(crate) fn launch(&mut self) {
        self.fleet.start_minion_with("web1", &self.modules);
    }

    pub(crate) fn serve(&mut self, nth: usize) {
        self.launch();
        self.fleet.await_connection("web1", nth);
    }

    /// Puts a file in the place of another, whole.
    pub(crate) fn rename_into_place(&self, name: &str, bytes: &[u8]) {
        let aside = self.modules.join("aside");
        fs::write(&aside, bytes).expect("written");
        fs::rename(aside, self.modules.join(name)).expect("renamed");
    }

    /// Has a file look as if it had just been written.
    pub(crate) fn touch(&self, name: &str) {
        let file = fs::File::options().append(true).open(self.modules.join(name)).expect("opened");
        file.set_modified(std::time::SystemTime::now()).expect("touched");
    }

    /// What the minion says of its modules.
    pub(crate) fn listed(&self) -> Json {
        let output = self.fleet.minion_command("web1").args(["modules", "--json"]).output();
        Said::from(output.expect("runs")).json()
    }

    /// Waits until versions of a module are in these states, newest first.
    pub(crate) fn await_versions(&self, name: &str, wanted: &[(&str, &str)]) {
        let versions = |listed: &Json| {
            let modules = listed["modules"].as_array().expect("a list").clone();
            let module = modules.into_iter().find(|module| module["name"] == name);
            let versions =
                module.and_then(|module| module["versions"].as_array().cloned()).unwrap_or_default();
            let text = |value: &Json| value.as_str().unwrap_or("-").to_owned();
            versions.iter().map(|v| (text(&v["version"]), text(&v["state"]))).collect::<Vec<_>>()
        };
        until(|| {
            let found = versions(&self.listed());
            let is_it = found.iter().map(|(v, s)| (v.as_str(), s.as_str())).eq(wanted.iter().copied());
            if is_it { Ok(()) } else { Err(format!("not {wanted:?} but {found:?}")) }
        });
    }

    fn client(&self) -> (Runtime, Client) {
        let runtime = Runtime::new().expect("threads");
        let folder = Folder::at(self.fleet.overlord_dir());
        let config = ClientConfig::new(folder, None).expect("an address");
        let client = runtime.block_on(Client::connect(&config)).expect("connected");
        (runtime, client)
    }

    pub(crate) fn called(&self, method: &str) -> Json {
        self.fleet.run(&["call", "web1", "--json", method]).json()["results"]["web1"].clone()
    }
}

#[test]
fn files_come_into_service_by_rename_and_by_copy_and_go_out_of_it() {
    let rig = Rig::start(&[]);
    rig.rename_into_place("which.wasm", &which(1));
    rig.await_versions("which", &[("1.0.0", "active")]);
    rig.fleet.minion("web1").logged("module=which version=\"1.0.0\"", 1);

    let source = rig.fleet.minion_dir("web1").join("two.wasm");
    fs::write(&source, which(2)).expect("written");
    fs::copy(&source, rig.modules.join("which.wasm")).expect("copied");
    rig.await_versions("which", &[("2.0.0", "active"), ("1.0.0", "retired")]);
    let shown = rig.fleet.minion_command("web1").args(["modules", "which"]).output().expect("runs");
    let shown = Said::from(shown).out;
    assert!(shown.contains("version 2.0.0") && shown.contains("retired"), "{shown}");

    fs::remove_file(rig.modules.join("which.wasm")).expect("removed");
    rig.await_versions("which", &[("2.0.0", "retired"), ("1.0.0", "retired")]);
    // What cannot be loaded for its name is shown, until it is gone.
    fs::write(rig.modules.join("not a name.wasm"), which(3)).expect("written");
    rig.await_versions("not-a-name", &[("-", "failed")]);
    for said in [rig.listed().to_string(), rig.fleet.run(&["module", "list", "--json"]).out] {
        assert!(said.contains("rename it, for example to"), "{said}");
    }
    fs::remove_file(rig.modules.join("not a name.wasm")).expect("removed");
    rig.await_versions("not-a-name", &[]);
    rig.rename_into_place("which.wasm", &which(1));
    rig.await_versions("which", &[("2.0.0", "retired"), ("1.0.0", "active")]);
}

#[test]
fn a_file_that_is_half_copied_is_not_taken_for_a_broken_one() {
    use std::io::Write as _;
    let rig = Rig::start(&[("which.wasm", &which(1))]);
    let two = which(2);
    let mut file = fs::File::create(rig.modules.join("which.wasm")).expect("opened");
    file.write_all(&two[..two.len() / 2]).expect("written");
    // What comes later is in service: the folder was looked at since.
    rig.rename_into_place("other.wasm", &which(7));
    rig.await_versions("other", &[("7.0.0", "active")]);
    rig.await_versions("which", &[("1.0.0", "active")]);
    file.write_all(&two[two.len() / 2..]).expect("written");
    drop(file);
    rig.await_versions("which", &[("2.0.0", "active"), ("1.0.0", "retired")]);
    assert_eq!(rig.fleet.minion("web1").count("is damaged"), 0);
}

#[test]
fn a_broken_file_keeps_the_version_before_it_serving_and_over_a_restart() {
    let mut rig = Rig::start(&[("which.wasm", &which(1))]);
    let broken = &which(2)[..60];
    rig.rename_into_place("which.wasm", broken);
    rig.await_versions("which", &[("-", "failed"), ("1.0.0", "active")]);
    for connection in [2, 3] {
        let minion = rig.fleet.take_minion("web1");
        if connection == 2 {
            minion.stop()
        } else {
            minion.kill()
        }
        rig.serve(connection);
        rig.await_versions("which", &[("-", "failed"), ("1.0.0", "active")]);
        let found = (0..500).any(|_| rig.called("which.version")["value"] == 1);
        assert!(found, "{}", rig.called("which.version"));
    }
    rig.rename_into_place("which.wasm", &which(2));
    rig.await_versions("which", &[("2.0.0", "active"), ("1.0.0", "retired")]);
}

#[test]
fn a_job_keeps_its_version_while_new_calls_get_the_new_one() {
    let rig = Rig::start(&[("test.wasm", &test("1.0.0"))]);
    let said = rig.fleet.run(&["call", "web1", "test.sleep", "600000", "--nowait"]);
    let id = said.out.trim().to_owned();
    rig.fleet.await_job(&id, |job| job["results"]["web1"]["state"] == "running");
    rig.rename_into_place("test.wasm", &test("2.0.0"));
    rig.await_versions("test", &[("2.0.0", "active"), ("1.0.0", "draining")]);
    let (runtime, client) = rig.client();
    let ran = |report: Report| report.module.and_then(|module| module.version);
    assert_eq!(runtime.block_on(call(&client, "test.ping")).map(ran), Some(Some("2.0.0".to_owned())));
    let status = rig.fleet.minion_command("web1").arg("status").output().expect("runs");
    assert!(Said::from(status).out.contains("draining"));

    assert_eq!(rig.fleet.run(&["job", "cancel", &id]).code, 0);
    let ended =
        runtime.block_on(async { end(client.attach(&id, Follow::Outcomes).await.expect("there")).await });
    assert_eq!(ended.map(ran), Some(Some("1.0.0".to_owned())));
    rig.await_versions("test", &[("2.0.0", "active"), ("1.0.0", "retired")]);
}

#[test]
fn a_version_that_traps_too_often_gives_way_and_everyone_is_told_why() {
    let rig = Rig::start(&[("test.wasm", &test("1.0.0"))]);
    let policy = "[modules.test]\nrollback = { traps = 3, within = \"1h\" }\n";
    fs::write(rig.fleet.minion_dir("web1").join("minion.toml"), policy).expect("written");
    rig.fleet.minion("web1").reload();
    rig.fleet.minion("web1").logged("rollback is 3 traps", 1);
    rig.rename_into_place("test.wasm", &test("2.0.0"));
    rig.await_versions("test", &[("2.0.0", "active"), ("1.0.0", "retired")]);
    for _ in 0..3 {
        let part = rig.called("test.explode");
        assert_eq!(part["outcome"], "trapped", "{part}");
    }
    rig.await_versions("test", &[("2.0.0", "failed"), ("1.0.0", "active")]);
    assert_eq!(fs::read(rig.modules.join("test.wasm")).expect("read"), test("1.0.0"));

    let why = "rolled back after 3 traps: ";
    rig.fleet.await_document(&["module", "show", "test", "--json"], |shown| {
        let known = shown["known"].as_array().expect("versions");
        let state =
            |version| known.iter().find(|known| known["version"] == version).map(|known| &known["state"]);
        shown["known"].to_string().contains(why)
            && state("2.0.0") == Some(&"failed".into())
            && state("1.0.0") == Some(&"active".into())
    });
    let listed = rig.fleet.run(&["module", "list", "web1"]).out;
    let row = listed.lines().find(|line| line.contains("test")).expect("a row");
    assert!(row.contains("1.0.0") && row.contains("active"), "{listed}");
    let shown = rig.fleet.run(&["module", "show", "test"]).out;
    assert!(shown.contains(why), "{shown}");
}

#[test]
fn ten_thousand_calls_during_a_hundred_swaps_all_get_one_version_and_memory_stays() {
    let rig = Rig::start(&[("which.wasm", &which(1))]);
    let known = (0..500).any(|_| rig.called("which.version")["value"] == 1);
    assert!(known, "{}", rig.called("which.version"));
    let (runtime, client) = rig.client();
    let swapped = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, swapped, calls) = (client.clone(), swapped.clone(), calls.clone());
            runtime.spawn(async move {
                let (mut seen, mut slowest) = ([0_usize; 3], Duration::ZERO);
                while !swapped.load(Ordering::SeqCst) || calls.load(Ordering::SeqCst) < CALLS {
                    let begun = Instant::now();
                    let report = call(&client, "which.version").await.expect("a report");
                    slowest = slowest.max(begun.elapsed());
                    let Outcome::Ok(Some(Value::Unsigned(number))) = report.outcome else {
                        panic!("a call failed: {report:?}")
                    };
                    let ran = report.module.and_then(|module| module.version).expect("a version");
                    assert_eq!(ran, format!("{number}.0.0"));
                    seen[usize::try_from(number).expect("small")] += 1;
                    if calls.fetch_add(1, Ordering::SeqCst) > CALLS {
                        // Enough: what is kept of more jobs would look like what swaps leave behind.
                        tokio::time::sleep(LEISURE).await;
                    }
                }
                (seen, slowest)
            })
        })
        .collect();

    let minion = rig.fleet.minion("web1");
    let mut early = 0;
    for swap in 1..=SWAPS {
        rig.rename_into_place("which.wasm", &which(1 + swap % 2));
        // The first was loaded at the start.
        minion.logged("change=\"loaded\" by=\"folder\"", swap as usize + 1);
        if swap == SWAPS / 5 {
            early = minion.resident_bytes() >> 10;
        }
    }
    swapped.store(true, Ordering::SeqCst);
    let seen = callers.into_iter().map(|caller| runtime.block_on(caller).expect("no call failed"));
    let (seen, slowest) = seen.fold(([0; 3], Duration::ZERO), |(sum, slowest), (seen, one)| {
        ([0, sum[1] + seen[1], sum[2] + seen[2]], slowest.max(one))
    });
    let late = minion.resident_bytes() >> 10;
    println!(
        "{seen:?} calls of each version, the slowest took {slowest:?}; {early} kB after {} swaps, {late} kB at the end",
        SWAPS / 5
    );
    assert!(seen[1] > 0 && seen[2] > 0 && seen[1] + seen[2] >= CALLS, "{seen:?}");
    rig.await_versions("which", &[("2.0.0", "retired"), ("1.0.0", "active")]);
    assert!(late < early + MAY_GROW, "{early} kB became {late} kB");
}

/// Calls a method without arguments.
async fn call(client: &Client, method: &str) -> Option<Report> {
    let method = method.parse().expect("a method");
    let call = Call::new(Target::of("web1"), method, Arguments::Values(Vec::new()));
    end(client.call(call, Follow::Outcomes).await.expect("accepted")).await
}

/// What became of the only part of a job.
async fn end(mut job: JobStream) -> Option<Report> {
    loop {
        match job.next().await.expect("told").expect("a document at the end") {
            JobEvent::Document(document) => {
                return document.parts.into_iter().next().and_then(|part| part.report);
            }
            JobEvent::Accepted { .. }
            | JobEvent::Update(_)
            | JobEvent::OutOfTouch(_)
            | JobEvent::WaitOver(_) => {}
        }
    }
}

const IN_FLIGHT: usize = 32;
const CALLS: usize = 10_000;
/// Between two calls of a caller when there were so many.
const LEISURE: Duration = Duration::from_millis(50);
const SWAPS: u32 = 100;
/// How much the minion's memory may grow by, in kB. The ledger takes some for each of the jobs, which is all that
/// was ever seen to grow.
const MAY_GROW: u64 = 64 << 10;
