//! A minion whose modules take whatever they can get, and its neighbours, who do not.

use std::fs;
use std::path::{Path, PathBuf};

use rig::{Fleet, fixtures_dir, modules_dir, until};
use serde_json::Value;

/// The guests that run all at once: a method, and the arguments of each of its jobs. To add one is to add a line.
const GUESTS: &[(&str, &[&str])] = &[
    ("hoarder.empty-fields", &["2000", "200000"]),
    ("hoarder.empty-fields", &["2000", "100000"]),
    ("hoarder.empty-fields", &["100000", "1000"]),
    ("hoarder.long-lines", &["2000", "1000000"]),
    ("hoarder.long-notes", &["2000", "1000000"]),
    ("hoarder.empty-parts", &["1000000"]),
    ("hoarder.nothings", &["500000"]),
    ("hoarder.nothings", &["100000"]),
    ("hoarder.empty-texts", &["500000"]),
    ("hoarder.sockets", &["1000"]),
    ("hoarder.sockets", &["1000"]),
    ("hoarder.files", &["/data/file", "1000"]),
    ("hoarder.streams", &["file", "1000"]),
    ("hoarder.listings", &["900"]),
    ("hoarder.headers", &["900", "500"]),
    ("hoarder.requests", &["900", "1000000"]),
    ("hostile.bomb", &[]),
    ("hostile.fill-memory", &[]),
    ("hostile.huge-text", &["20"]),
    ("hostile.huge-list", &["500000"]),
    ("hostile.flood-stdout", &["64", "zeros"]),
    ("hostile.flood-log", &["100000", "1000"]),
    ("hostile.flood-progress", &["100000"]),
    ("hostile.flood-emit", &["100000", "1000"]),
    ("hostile.leak-handles", &["100000"]),
    ("hostile.recurse", &[]),
    ("programs.run", &["while :; do setsid sleep 71000001 & done"]),
    ("programs.run", &["setsid sh -c 'sleep 71000002 & disown'; setsid sleep 71000002 & echo"]),
    ("programs.start", &["yes", "100"]),
    ("programs.empty-arguments", &["100000"]),
    ("programs.unread", &["20000000"]),
];

/// The most memory that a minion may ever have had: a GiB.
const MAX_MEMORY: u64 = 1 << 30;

/// A folder with the guests and the bundled modules, and one for the hoarder to look into.
fn modules(fleet: &Fleet, minion: &str) -> PathBuf {
    let folder = fleet.minion_dir(minion).join("all-modules");
    fs::create_dir_all(&folder).expect("a folder");
    let guests = ["hoarder", "hostile", "programs"].map(|name| fixtures_dir().join(format!("{name}.wasm")));
    for module in guests.into_iter().chain([modules_dir().join("test.wasm")]) {
        fs::copy(&module, folder.join(module.file_name().expect("a name"))).expect("copied");
    }
    folder
}

/// A fleet of one minion, whose configuration has these lines besides the grants of the guests.
fn fleet(lines: &str) -> Fleet {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("m1");
    let data = fleet.minion_dir("m1").join("data");
    fs::create_dir_all(&data).expect("a folder");
    fs::write(data.join("file"), "text").expect("written");
    let config = format!(
        "{lines}\n[modules.hoarder]\nfiles = [{{ host = '{}', guest = '/data', mode = 'ro' }}]\n\
         [modules.programs]\nprocess = [{{ command = 'sh', args = ['-c', '*'] }}, \
         {{ command = 'true', args = ['**'] }}]\n",
        data.display()
    );
    fs::write(fleet.minion_dir("m1").join("minion.toml"), config).expect("written");
    fleet
}

/// Starts a job and returns its id.
fn begin(fleet: &Fleet, method: &str, arguments: &[&str]) -> String {
    let mut call = vec!["call", "m1", "--nowait", method];
    call.extend(arguments);
    let said = fleet.run(&call);
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

/// Waits until a job is over, however it ended.
fn ended(fleet: &Fleet, job: &str) {
    fleet.await_job(job, |job| job["results"]["m1"]["outcome"].is_string());
}

/// The neighbours are served.
fn assert_served(fleet: &Fleet) {
    for method in [&["test.ping"][..], &["test.add", "2", "3"]] {
        let said = fleet.run(&[&["call", "m1", "--json"], method].concat());
        assert_eq!(said.code, 0, "{said:?}");
    }
}

fn status(fleet: &Fleet) -> Value {
    let said = fleet.minion_command("m1").args(["status", "--json"]).output().expect("runs");
    assert!(said.status.success(), "{said:?}");
    serde_json::from_slice(&said.stdout).expect("a document")
}

/// Whether a process lives that has this among its arguments.
fn lives(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .any(|line| line.split('\0').any(|arg| arg == word))
}

/// Waits until something is so.
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    until(|| if is_so() { Ok(()) } else { Err(format!("not that {what}")) });
}

#[test]
fn a_minion_under_all_hostile_guests_at_once_stays_small_and_serves_their_neighbours() {
    let mut fleet = fleet("");
    let modules = modules(&fleet, "m1");
    fleet.start_minion_with("m1", &modules);
    fleet.await_connection("m1", 1);
    assert_served(&fleet);
    let jobs: Vec<String> =
        GUESTS.iter().map(|(method, arguments)| begin(&fleet, method, arguments)).collect();
    for job in &jobs {
        assert_served(&fleet);
        status(&fleet);
        ended(&fleet, job);
    }
    assert_served(&fleet);
    let peak = fleet.minion("m1").peak_bytes();
    assert!(peak < MAX_MEMORY, "{} MiB", peak >> 20);
    for number in ["71000001", "71000002"] {
        assert!(!lives(number), "{number}");
    }
    let status = status(&fleet);
    for taken in ["job_descriptors", "processes", "held_bytes"] {
        assert_eq!(status[taken], 0, "{taken}: {status:#}");
    }
}

#[test]
fn a_minion_with_few_descriptors_keeps_some_for_itself_and_for_each_job() {
    let mut fleet = fleet("");
    let modules = modules(&fleet, "m1");
    fleet.start_minion_with_descriptors("m1", &modules, 256);
    fleet.await_connection("m1", 1);
    let jobs: Vec<String> =
        (0..8).map(|_| begin(&fleet, "hoarder.files-for-ever", &["/data/file", "1000"])).collect();
    for job in &jobs {
        fleet.await_job(job, |job| job["results"]["m1"]["progress"]["note"] == "open");
    }
    assert_served(&fleet);
    let sockets = fleet.run(&["call", "m1", "--json", "hoarder.sockets", "1000"]);
    assert_eq!(sockets.json()["results"]["m1"]["value"], 0, "{sockets:?}");
    let files = fleet.run(&["call", "m1", "--json", "hoarder.files", "/data/file", "1"]);
    assert_eq!(files.json()["results"]["m1"]["value"], 1, "{files:?}");
    for job in &jobs {
        fleet.run(&["job", "cancel", job]);
        ended(&fleet, job);
    }
    await_that("they are given back", || status(&fleet)["job_descriptors"] == 0);
}

/// What programs do to outlive their jobs; the number is what they sleep for.
fn escapes(number: &str) -> Vec<String> {
    let escapes = [
        "setsid sh -c 'sleep N & disown' &",
        "(setsid sh -c '(setsid sleep N &) & exit' &)",
        "env -i setsid sleep N &",
        "env -i setsid sh -c 'trap \"\" TERM HUP INT; exec 0<&- 1>&- 2>&-; sleep N' &",
    ];
    escapes.map(|script| script.replace("sleep N", &format!("sleep {number}"))).to_vec()
}

/// A script that waits until a sleep for this number is there.
fn and_wait(script: &str, number: &str) -> String {
    // In brackets, so that no process is found that only looks for it.
    let (begin, end) = number.split_at(number.len() - 1);
    format!("{script}\nwhile ! grep -qszx '{begin}[{end}]' /proc/[0-9]*/cmdline; do :; done; echo up")
}

fn contains(control_groups: bool, number: &str) {
    let mut fleet = fleet(&format!("control-groups = {control_groups}"));
    let modules = modules(&fleet, "m1");
    fleet.start_minion_with("m1", &modules);
    fleet.await_connection("m1", 1);
    for script in escapes(number) {
        let script = and_wait(&script, number);
        let said = fleet.run(&["call", "m1", "--json", "programs.run", &script]);
        assert_eq!(said.json()["results"]["m1"]["value"], "up\n", "{said:?}");
        assert!(!lives(number), "{script}");
        called_here(&fleet, &modules, &script);
        assert!(!lives(number), "by `minion call`: {script}");
    }
    // A job that is cancelled, and then a minion that is killed.
    let script = format!("{}; exec sleep 1000", and_wait(&escapes(number).join("\n"), number));
    let held = begin(&fleet, "programs.hold", &[&script]);
    await_that("the programs are there", || lives(number));
    fleet.run(&["job", "cancel", &held]);
    ended(&fleet, &held);
    assert!(!lives(number), "after it was cancelled");
    // Without a control group, the next minion knows them by a mark in their environment.
    let known = if control_groups { 4 } else { 2 };
    let script = format!("{}; exec sleep 1000", and_wait(&escapes(number)[..known].join("\n"), number));
    begin(&fleet, "programs.hold", &[&script]);
    await_that("the programs are there again", || lives(number));
    fleet.take_minion("m1").kill();
    fleet.start_minion_with("m1", &modules);
    fleet.await_connection("m1", 2);
    await_that("the next minion has killed them", || !lives(number));
}

/// Runs a script by `minion call`.
fn called_here(fleet: &Fleet, modules: &Path, script: &str) {
    let mut command = fleet.minion_command("m1");
    let said = command.arg("call").arg(modules.join("programs.wasm")).args(["run", script]).output();
    let said = said.expect("runs");
    assert!(said.status.success(), "{said:?}");
}

#[test]
fn programs_die_with_their_job_in_control_groups() {
    contains(true, "72000001");
}

#[test]
fn programs_die_with_their_job_where_there_are_no_control_groups() {
    contains(false, "72000002");
}
