//! `containers`, with Podman in the copy of the host, and with Docker's program, which Podman's service answers as well.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rig::{Said, say_skipped};
use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs};

/// What runs in the containers: it says two words, then waits, and ends when it is asked to.
const PROGRAM: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void ended(int signal) { exit(7); }
int main(void) {
    signal(SIGTERM, ended);
    setvbuf(stdout, 0, _IONBF, 0);
    fputs("one\n", stdout);
    fputs("two\n", stderr);
    for (;;) pause();
}
"#;

/// How Podman can run here: without control groups of its own, with no limits that only a whole host may set, and with images
/// that are folders, which can be anywhere.
const PREPARE: &str = r#"
set -e
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /etc/containers /bench/image
printf '[containers]\ndefault_ulimits = ["nofile=512:512", "nproc=512:512"]\ncgroups = "disabled"\nnetns = "none"\n' >/etc/containers/containers.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/containers/storage"\nrunroot = "/run/containers/storage"\n' >/etc/containers/storage.conf
cc -static -o /bench/image/program -x c -
tar -C /bench/image -c program | podman import --change 'CMD ["/program"]' --change 'ENV SECRET=hunter2' - bench:1
podman create --name shop --label tier=web bench:1
"#;

/// The service of Podman in the copy, until it is dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A copy of the host with a container that is called `shop` and has never run; says so where there can be none.
fn with_container() -> Option<Bench> {
    if !has_programs(&["podman", "crun", "cc"], "podman") || !can_unshare() {
        return None;
    }
    let bench = Bench::new();
    fs::write(bench.path("/bench/program.c"), PROGRAM).expect("written");
    let mut command = bench.within("sh");
    command.args(["-c", &format!("exec </bench/program.c; {PREPARE}")]);
    let prepared = rig::said(&mut command);
    if prepared.code != 0 {
        say_skipped(&format!("Podman cannot run in a copy of this host: {prepared:?}"));
        return None;
    }
    Some(bench)
}

/// Starts the service and waits until it takes connections.
fn service(bench: &Bench) -> Service {
    let mut command = bench.within("podman");
    command.args(["system", "service", "--time=0", "unix:///run/podman/podman.sock"]);
    fs::create_dir_all(bench.path("/run/podman")).expect("made");
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    let service = Service(child);
    rig::until(|| {
        let connected = UnixStream::connect(bench.path("/run/podman/podman.sock"));
        connected.map(drop).map_err(|error| format!("the service of Podman: {error}"))
    });
    service
}

/// Waits until the log has both words, each from the output that it was written to.
fn await_words(bench: &Bench, engine: &str) {
    let word = |line: &Value| (line["text"].as_str().expect("text").to_owned(), line["is-error"] == true);
    rig::until(|| {
        let lines = bench.value("read", "containers.logs", &["shop", "none", engine]);
        let mut words: Vec<_> = lines.as_array().expect("a list").iter().map(word).collect();
        words.sort();
        let both = [("one".to_owned(), false), ("two".to_owned(), true)];
        if words == both { Ok(()) } else { Err(format!("the log is {lines}")) }
    });
}

#[test]
fn a_container_is_started_looked_at_and_stopped() {
    let Some(bench) = with_container() else { return };
    let listed = bench.value("read", "containers.list", &["podman"]);
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&json!("shop"), &json!("created")), "{listed}");
    let images = bench.value("read", "containers.images", &["podman"]);
    assert_eq!(images[0]["names"], json!(["localhost/bench:1"]), "{images}");
    assert!(images[0]["size"].as_u64().is_some_and(|size| size > 1000), "{images}");
    let details = bench.value("read", "containers.inspect", &["shop", "podman"]);
    assert_eq!(
        (&details["engine"], &details["command"]),
        (&json!("podman"), &json!(["/program"])),
        "{details}"
    );
    assert_eq!(details["labels"], json!([["tier", "web"]]), "{details}");
    assert!(
        details["environment"].as_array().is_some_and(|names| names.contains(&json!("SECRET"))),
        "{details}"
    );
    assert!(!details.to_string().contains("hunter2"), "{details}");
    assert!(bench.error("read", "containers.inspect", &["nobody", "podman"])["not-found"].is_string());

    let start = ["shop", "podman"];
    assert!(
        bench.error("read", "containers.start", &start)["denied"].to_string().contains("containers:manage")
    );
    let none = bench.error("manage", "containers.start", &start);
    assert!(none["unsupported"].to_string().contains("podman.socket"), "{none}");
    let service = service(&bench);
    let dry = bench.dry("manage", "containers.start", &start);
    assert_eq!(dry.json()["value"], json!({ "changed": true, "changes": ["started shop"] }), "{dry:?}");
    let state = || bench.value("read", "containers.list", &["podman"])[0].clone();
    assert_eq!(state()["state"], "created");
    for changed in [true, false] {
        assert_eq!(bench.value("manage", "containers.start", &start)["changed"], changed);
        // The job is over, and what it started is not.
        assert_eq!(state()["state"], "running");
    }
    let pid = bench.value("read", "containers.inspect", &start)["pid"].as_u64().expect("runs");
    await_words(&bench, "podman");
    let lines = bench.value("read", "containers.logs", &["shop", "1", "podman"]);
    assert!(lines[0]["time"]["seconds"].is_i64() && lines[1].is_null(), "{lines}");

    assert_eq!(bench.value("manage", "containers.restart", &["shop", "5", "podman"])["changed"], true);
    assert_ne!(bench.value("read", "containers.inspect", &start)["pid"], pid);
    let dry = bench.dry("manage", "containers.stop", &["shop", "5", "podman"]);
    assert!(dry.json()["value"]["changed"] == true && state()["state"] == "running", "{dry:?}");
    for changed in [true, false] {
        assert_eq!(bench.value("manage", "containers.stop", &["shop", "5", "podman"])["changed"], changed);
        assert_eq!((&state()["state"], &state()["exit"]), (&json!("exited"), &json!(7)));
    }
    drop(service);
}

#[test]
fn dockers_own_program_says_the_same() {
    if !has_docker() {
        return;
    }
    let Some(bench) = with_container() else { return };
    let service = service(&bench);
    std::os::unix::fs::symlink("podman/podman.sock", bench.path("/run/docker.sock")).expect("linked");
    let named = |engine: &str| {
        let said: Said = bench.call("read", "containers.inspect", &["shop", engine]);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["value"].clone()
    };
    // Asked for none, it is the one that answers first.
    let (docker, podman) = (named("none"), named("podman"));
    assert_eq!((&docker["engine"], &podman["engine"]), (&json!("docker"), &json!("podman")));
    for key in ["id", "name", "state"] {
        assert_eq!(docker["container"][key], podman["container"][key], "{key}");
    }
    assert_eq!(bench.value("manage", "containers.start", &["shop"])["changed"], true);
    assert_eq!(bench.value("read", "containers.list", &["docker"])[0]["state"], "running");
    let images = |engine: &str| bench.value("read", "containers.images", &[engine])[0]["id"].clone();
    assert_eq!(images("docker"), images("podman"));
    await_words(&bench, "docker");
    assert_eq!(bench.value("manage", "containers.stop", &["shop", "5"])["changed"], true);
    assert_eq!(bench.value("manage", "containers.stop", &["shop", "5"])["changed"], false);
    assert!(bench.error("manage", "containers.stop", &["nobody", "5"])["not-found"].is_string());
    drop(service);
}

/// Whether the program of Docker is there, which no package has alone: it is tried where it is.
fn has_docker() -> bool {
    let has = super::printed("sh", &["-c", "docker --version || true"]).starts_with("Docker");
    if !has {
        say_skipped("this host has no program of Docker");
    }
    has
}
