//! `process`.

use std::os::fd::AsRawFd as _;
use std::process::{Child, Command};

use serde_json::json;

use super::{Bench, can_unshare, printed};

/// A process that sleeps until it is dropped.
pub(super) struct Sleeper(pub(super) Child);

impl Sleeper {
    pub(super) fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().expect("started"))
    }

    pub(super) fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It may have ended by a signal of the test.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn processes_are_those_of_the_host_and_get_signals() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let mut sleeper = Sleeper::new();
    let pid = sleeper.pid();
    let info = bench.value("read", "process.info", &[&pid]);
    let own = std::process::id();
    assert_eq!(
        (&info["parent"], &info["name"], &info["command"]),
        (&json!(own), &json!("sleep"), &json!("sleep 600"))
    );
    let user = printed("id", &["-un"]);
    assert_eq!(info["user"], user.trim());
    let by_name = bench.value("read", "process.by-name", &["sleep"]);
    assert!(by_name.as_array().expect("a list").contains(&info), "{by_name}");
    let tree = bench.value("read", "process.tree", &[&own.to_string()]);
    let child =
        tree.as_array().expect("a list").iter().find(|branch| branch["process"]["pid"] == info["pid"]);
    assert_eq!(child.expect("in the tree")["depth"], 1);
    let top = bench.value("read", "process.top", &["memory", "2"]);
    let memory = |place: usize| top[place]["memory"].as_u64().expect("a number");
    assert!(memory(0) >= memory(1) && top[2].is_null(), "{top}");
    let top = bench.value("read", "process.top", &["cpu", "1000000"]);
    let top = top.as_array().expect("a list");
    let share = |one: &serde_json::Value| one["cpu-percent"].as_f64().expect("a number");
    assert!(top.windows(2).all(|pair| share(&pair[0]) >= share(&pair[1])), "{top:?}");
    let had = |one: &serde_json::Value| one["cpu-time-s"].as_f64().expect("a number");
    let age = |one: &serde_json::Value| one["age-s"].as_f64().expect("a number").max(1.0);
    assert!(top.iter().all(|one| (share(one) - 100.0 * had(one) / age(one)).abs() < 0.06), "{top:?}");

    assert!(bench.error("read", "process.kill", &[&pid])["denied"].is_string());
    assert!(sleeper.0.try_wait().expect("asked").is_none(), "it was killed without a grant");
    assert!(bench.error("manage", "process.kill", &["1"])["denied"].is_string());
    assert!(bench.error("manage", "process.kill", &["4194305"])["not-found"].is_string());
    assert_eq!(bench.value("manage", "process.kill", &[&pid])["changed"], true);
    assert!(!sleeper.0.wait().expect("ends").success());
    let nobody = bench.value("manage", "process.kill-by-name", &["no-such-program"]);
    assert_eq!(nobody, json!({ "changed": false, "pids": [] }));
}

#[test]
fn what_a_process_holds_open_is_what_it_opened() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a name with\na line end");
    let file = std::fs::File::create(&path).expect("made");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    let caller = std::net::TcpStream::connect(address).expect("connected");
    let own = std::process::id().to_string();

    let files = bench.value("read", "process.open-files", &[&own]);
    let of = |fd: i32, found: &serde_json::Value| {
        found.as_array().expect("a list").iter().find(|one| one["fd"] == fd).expect("told").clone()
    };
    let told = of(file.as_raw_fd(), &files);
    assert_eq!((&told["access"], &told["target"]), (&json!("write"), &json!(path)));
    assert!(of(listener.as_raw_fd(), &files)["target"].as_str().expect("text").starts_with("socket:["));

    let sockets = bench.value("read", "process.sockets", &[&own]);
    let told = of(listener.as_raw_fd(), &sockets);
    let port = address.port();
    assert_eq!(
        (&told["state"], &told["port"], &told["peer"]),
        (&json!("listening"), &json!(port), &json!(null))
    );
    let told = of(caller.as_raw_fd(), &sockets);
    let peer = json!({ "address": "127.0.0.1", "port": port });
    assert_eq!(
        (&told["state"], &told["protocol"], &told["peer"]),
        (&json!("established"), &json!("tcp"), &peer)
    );

    for method in ["process.open-files", "process.sockets"] {
        assert!(bench.error("read", method, &["4194305"])["not-found"].is_string());
    }
    // The test started the minion that answers.
    assert!(bench.error("manage", "process.kill", &[&own])["denied"].is_string());
}
