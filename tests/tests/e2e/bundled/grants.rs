//! Granting what modules suggest.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rig::{Fleet, Said, binary, bundled_dir, said};
use serde_json::{Value, json};

use super::printed;
use super::processes::Sleeper;

#[test]
fn a_grant_that_the_minion_names_is_all_that_a_module_needs() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let modules = fleet.minion_dir("web1").join("modules");
    fs::create_dir_all(&modules).expect("made");
    for module in ["system", "process"] {
        let file = format!("{module}.wasm");
        fs::copy(bundled_dir().join(&file), modules.join(&file)).expect("copied");
    }
    let written = "# Ours.\n[limits]\njobs = 7 # enough\n";
    let config = fleet.minion_dir("web1").join("minion.toml");
    fs::write(&config, written).expect("written");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    let minion = |words: &[&str]| said(fleet.minion_command("web1").args(words));

    let refused = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.out.contains("minion grant system:read"), "{refused:?}");
    let unasked = minion(&["grant", "system"]);
    assert!(unasked.code != 0 && unasked.err.contains("--yes"), "{unasked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read"), written);

    let granted = minion(&["grant", "system", "--yes"]);
    assert_eq!(granted.code, 0, "{granted:?}");
    let now = fs::read_to_string(&config).expect("read");
    assert!(now.starts_with(written) && now.contains("[modules.system]"), "{now}");
    let again = minion(&["grant", "system", "--yes"]);
    assert_eq!((again.code, fs::read_to_string(&config).expect("read")), (0, now), "{again:?}");

    // The overlord hears of its methods when the minion has loaded it.
    let called = ["call", "web1", "system.info", "--json"];
    fleet.await_document(&called, |document| document["results"]["web1"]["value"].is_object());
    let info = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(info.code, 0, "{info:?}");
    let info = info.json()["results"]["web1"]["value"].clone();
    assert_eq!(info["hostname"], printed("hostname", &[]).trim(), "{info}");
    assert_eq!(info["kernel"], printed("uname", &["-r"]).trim(), "{info}");
    assert_eq!(info["arch"], printed("uname", &["-m"]).trim(), "{info}");
    let total = fs::read_to_string("/proc/meminfo").expect("read");
    let total: u64 = total.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(info["memory-total"], total * 1024, "{info}");
    assert_eq!(info["cpus"].to_string(), printed("nproc", &["--all"]).trim(), "{info}");

    let revoked = minion(&["revoke-grant", "system", "--yes"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(fs::read_to_string(&config).expect("read").trim_end(), written.trim_end());
    assert_ne!(fleet.run(&["call", "web1", "system.info"]).code, 0);
}

/// Joins with a new token and these options.
fn join(fleet: &Fleet, name: &str, options: &[&str]) -> Said {
    let invited = fleet.run(&["minion", "invite", name]);
    assert_eq!(invited.code, 0, "{invited:?}");
    said(fleet.minion_command(name).args(["join", invited.out.trim()]).args(options))
}

/// Puts modules into a folder.
pub(super) fn put(modules: &[&str], folder: &Path) {
    fs::create_dir_all(folder).expect("made");
    for module in modules {
        let file = format!("{module}.wasm");
        fs::copy(bundled_dir().join(&file), folder.join(&file)).expect("copied");
    }
}

#[test]
fn a_host_that_joins_with_a_level_is_of_use_at_once_and_what_comes_later_is_granted_nothing() {
    let mut fleet = Fleet::without_minions();
    let (dir, modules) = (fleet.minion_dir("web1"), fleet.minion_dir("web1").join("modules"));
    let config = dir.join("minion.toml");
    // What is wrong is said before the token is used.
    let unused = fleet.run(&["minion", "invite", "web1"]).out.trim().to_owned();
    let refused = |options: &[&str], named: &str| {
        let said = said(fleet.minion_command("web1").args(["join", &unused]).args(options));
        assert!(said.code != 0 && said.err.contains(named), "{options:?}: {said:?}");
    };
    refused(&["--grant", "read"], "put the modules there first");
    put(&["system", "test"], &modules);
    refused(&["--grant", "raed"], "no module in");
    refused(&["--grant", "Read"], "not the name of a level");
    refused(&["--modules", "/tmp"], "--grant");
    fs::write(&config, "jobs = 3\n").expect("written");
    refused(&["--grant", "read"], "line 1: unknown field");
    fs::write(&config, "# Ours.\n").expect("written");

    let joined = said(fleet.minion_command("web1").args(["join", &unused, "--grant", "read"]));
    assert_eq!(joined.code, 0, "{joined:?}");
    assert!(joined.err.contains("left out: test"), "{joined:?}");
    assert!(joined.out.contains("granted read to system\n"), "{joined:?}");
    assert!(joined.out.contains(&format!("in \"{}\"", config.display())), "{joined:?}");
    assert!(joined.out.contains("`minion revoke-grant MODULE` takes them out"), "{joined:?}");
    let said = joined.out.lines().chain(joined.err.lines()).count();
    assert!(said <= 5, "all the lines of a policy are no summary: {joined:?}");
    let written = fs::read_to_string(&config).expect("read");
    assert!(written.starts_with("# Ours.\n") && written.contains("[modules.system]"), "{written}");

    fleet.enrolled("web1");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    let info = fleet.run(&["call", "web1", "system.info", "--json"]);
    assert_eq!(info.code, 0, "{info:?}");
    let pushed =
        fleet.run(&["module", "push", "web1", bundled_dir().join("users.wasm").to_str().expect("text")]);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    assert_eq!(fs::read_to_string(&config).expect("read"), written);
}

#[test]
fn a_host_that_joins_without_a_level_is_told_how_to_grant_one() {
    let fleet = Fleet::without_minions();
    let joined = join(&fleet, "web1", &[]);
    assert_eq!(joined.code, 0, "{joined:?}");
    assert!(joined.err.contains("no module is granted anything"), "{joined:?}");
    assert!(
        joined.err.contains("`minion grant MODULE`") && joined.err.contains("--grant read"),
        "{joined:?}"
    );
    assert!(!fleet.minion_dir("web1").join("minion.toml").exists());
    // In another folder, as `minion serve --modules` has it.
    let elsewhere = tempfile::tempdir().expect("a folder");
    put(&["users", "network"], elsewhere.path());
    let elsewhere = elsewhere.path().to_str().expect("text");
    let joined = join(&fleet, "web2", &["--grant", "read,manage", "--modules", elsewhere, "--json"]);
    assert_eq!(joined.code, 0, "{joined:?}");
    let levels = |number: usize| joined.json()["grants"][number]["levels"].clone();
    assert_eq!((levels(0), levels(1)), (json!(["read"]), json!(["manage"])), "{joined:?}");
    let nowhere = said(fleet.minion_command("web3").args(["grant", "system", "--yes"]));
    assert!(nowhere.code == 1 && nowhere.err.contains("minion join TOKEN"), "{nowhere:?}");
    assert!(nowhere.err.contains("--dir"), "{nowhere:?}");
    let nowhere = said(fleet.minion_command("web3").args(["revoke-grant", "system", "--yes"]));
    assert!(nowhere.code == 1 && nowhere.err.contains("minion join TOKEN"), "{nowhere:?}");
}

/// What a minion says of a module.
fn state(fleet: &Fleet, minion: &str, module: &str) -> Value {
    let listed = said(fleet.minion_command(minion).args(["modules", "--json"])).json();
    let modules = listed["modules"].as_array().expect("modules");
    let found = modules.iter().find(|found| found["name"] == module);
    found.map_or(Value::Null, |found| found["state"].clone())
}

#[test]
fn a_pushed_module_waits_for_its_grant_and_then_for_the_next_push() {
    let mut fleet = Fleet::without_minions();
    for name in ["web1", "web2"] {
        fleet.enrol(name);
        fleet.start_empty_minion(name);
        fleet.await_connection(name, 1);
    }
    let file = bundled_dir().join("process.wasm");
    let push = ["module", "push", "*", file.to_str().expect("text"), "--json"];
    let refused = fleet.run(&push);
    assert_eq!(refused.code, 1, "{refused:?}");
    for name in ["web1", "web2"] {
        let reason = refused.json()["results"][name]["reason"].to_string();
        assert!(reason.contains("`minion grant process:read`"), "{refused:?}");
    }
    fleet.await_document(&["module", "list", "web1", "--json"], |document| {
        rig::named(&document["minions"], "web1")["modules"][0]["state"] == "failed"
    });
    let unknown = fleet.run(&["call", "web1", "process.list"]);
    assert!(unknown.code == 2 && unknown.err.contains("`minion grant process:read`"), "{unknown:?}");

    // The command that is named works: while the minion runs, and while it does not.
    let grant = |name: &str| said(fleet.minion_command(name).args(["grant", "process:read", "--yes"]));
    let granted = grant("web1");
    assert_eq!(granted.code, 0, "{granted:?}");
    assert!(granted.err.contains("`overlord module push`"), "{granted:?}");
    assert_eq!(state(&fleet, "web1", "process"), "staged");
    fleet.take_minion("web2").stop();
    let granted = said(fleet.minion_command("web2").args(["grant", "process:read", "--yes"]));
    assert_eq!(granted.code, 0, "{granted:?}");
    fleet.start_empty_minion("web2");
    fleet.await_connection("web2", 2);
    let pushed = fleet.run(&push);
    assert_eq!(pushed.code, 0, "{pushed:?}");
    assert_eq!(fleet.run(&["call", "*", "process.list", "--json"]).code, 0);
}

#[test]
fn an_assigned_module_comes_into_service_by_itself_once_it_is_granted_what_it_lacks() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    fleet.start_empty_minion("web1");
    fleet.await_connection("web1", 1);
    let file = bundled_dir().join("process.wasm");
    assert_eq!(fleet.run(&["module", "add", file.to_str().expect("text")]).code, 0);
    let version = fleet.run(&["module", "list", "--catalogue", "--json"]).json();
    let version = version["catalogue"][0]["version"].as_str().expect("a version").to_owned();
    assert_eq!(fleet.run(&["module", "assign", "*", &format!("process@{version}")]).code, 0);
    fleet.await_document(&["module", "assignments", "--json"], |document| {
        document["assignments"][0]["failures"][0]["reason"].to_string().contains("minion grant process:read")
    });
    let granted = said(fleet.minion_command("web1").args(["grant", "process", "--yes"]));
    assert_eq!(granted.code, 0, "{granted:?}");
    fleet.await_document(&["module", "assignments", "--json"], |document| {
        document["assignments"][0]["active_count"] == 1
    });
    assert_eq!(fleet.run(&["call", "web1", "process.list", "--json"]).code, 0);

    // What is taken back is out of service, and comes back with the next grant.
    assert_eq!(said(fleet.minion_command("web1").args(["revoke-grant", "process", "--yes"])).code, 0);
    assert_eq!(fleet.run(&["call", "web1", "process.list"]).code, 1);
    assert_eq!(said(fleet.minion_command("web1").args(["grant", "process", "--yes"])).code, 0);
    assert_eq!(fleet.run(&["call", "web1", "process.list"]).code, 0);
}

#[test]
fn a_policy_that_cannot_be_read_is_a_warning_and_no_more() {
    let mut bytes = fs::read(bundled_dir().join("test.wasm")).expect("read");
    let section = [&[13][..], b"minion:policy", b"[read"].concat();
    bytes.extend([&[0, u8::try_from(section.len()).expect("short")][..], &section].concat());
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let modules = fleet.minion_dir("web1").join("modules");
    fs::create_dir_all(&modules).expect("made");
    fs::write(modules.join("test.wasm"), bytes).expect("written");
    fleet.start_minion_with("web1", &modules);
    fleet.await_connection("web1", 1);
    let called = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]);
    assert_eq!((called.code, &called.json()["results"]["web1"]["value"]), (0, &json!(5)), "{called:?}");
    let minion = |words: &[&str]| said(fleet.minion_command("web1").args(words));
    let file = modules.join("test.wasm");
    let checked = minion(&["check", file.to_str().expect("text")]);
    assert!(checked.code == 0 && checked.out.contains("warning"), "{checked:?}");
    let granted = minion(&["grant", "test", "--yes"]);
    assert!(granted.code == 1 && granted.err.contains("cannot be read"), "{granted:?}");
    assert!(!fleet.minion_dir("web1").join("minion.toml").exists());
}

#[test]
fn what_a_grant_would_mend_names_it_where_it_is_rejected_and_where_it_is_denied() {
    let mut fleet = Fleet::without_minions();
    for name in ["web1", "web2"] {
        fleet.enrol(name);
        let modules = fleet.minion_dir(name).join("modules");
        put(&["process"], &modules);
        fleet.start_minion_with(name, &modules);
        fleet.await_connection(name, 1);
    }
    let granted = said(fleet.minion_command("web1").args(["grant", "process", "--yes"]));
    assert_eq!(granted.code, 0, "{granted:?}");
    fleet.await_document(&["module", "list", "--json"], |document| {
        rig::named(&document["minions"], "web1")["modules"][0]["state"] == "active"
    });
    let called = fleet.run(&["call", "*", "process.list", "--json"]);
    let results = called.json()["results"].clone();
    let outcome = |name: &str| results[name]["outcome"].clone();
    assert_eq!((outcome("web1"), outcome("web2")), (json!("ok"), json!("rejected")), "{called:?}");
    let message = results["web2"]["error"]["message"].to_string();
    assert!(message.contains("run `minion grant process:read` on its host"), "{called:?}");
    let sleeper = Sleeper::new();
    let denied = fleet.run(&["call", "web1", "process.kill", &sleeper.pid(), "--json"]);
    assert_eq!(denied.code, 1, "{denied:?}");
    let message = denied.json()["results"]["web1"]["error"]["message"].to_string();
    assert!(message.contains("`minion grant process:manage`"), "{denied:?}");
    // The two are all that is needed.
    for (minion, command) in [("web1", "process:manage"), ("web2", "process:read")] {
        assert_eq!(said(fleet.minion_command(minion).args(["grant", command, "--yes"])).code, 0);
    }
    assert_eq!(fleet.run(&["call", "*", "process.list"]).code, 0);
    assert_eq!(fleet.run(&["call", "web1", "process.kill", &sleeper.pid()]).code, 0);
}

#[test]
fn grants_that_are_made_at_once_are_all_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let real = folder.path().join("kept.toml");
    fs::write(&real, "# Ours.\r\n[limits]\r\njobs = 7\r\n").expect("written");
    std::os::unix::fs::symlink("kept.toml", folder.path().join("minion.toml")).expect("linked");
    let modules = ["groups", "network", "process", "service", "system", "users"];
    let minion = |words: &[&str]| {
        let mut command = Command::new(binary("minion"));
        command.args(words).arg("--yes").arg("--dir").arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let grants = modules.map(|module| {
        let file = bundled_dir().join(format!("{module}.wasm"));
        minion(&["grant", module, "--file", file.to_str().expect("text")]).spawn().expect("started")
    });
    for grant in grants {
        let ended = grant.wait_with_output().expect("ended");
        assert!(ended.status.success(), "{ended:?}");
    }
    let text = fs::read_to_string(&real).expect("read");
    for module in modules {
        assert!(text.contains(&format!("[modules.{module}]\r\n")), "{module}: {text}");
    }
    let revokes = modules.map(|module| minion(&["revoke-grant", module]).spawn().expect("started"));
    for revoke in revokes {
        let ended = revoke.wait_with_output().expect("ended");
        assert!(ended.status.success(), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(&real).expect("read"), "# Ours.\r\n[limits]\r\njobs = 7\r\n");
    assert!(fs::symlink_metadata(folder.path().join("minion.toml")).expect("there").is_symlink());
}
