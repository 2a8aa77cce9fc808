//! A setting is obeyed, or refused.

use std::fs;

use rig::{Fleet, modules_dir, refused_start};
use serde_json::json;

#[test]
fn settings_that_would_do_nothing_are_refused() {
    let fleet = Fleet::start(&["web1"]);
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text");
    for (arguments, named) in [
        (&["call", "*", "test.ping", "--max-failures", "1"][..], "--batch"),
        (&["call", "*", "test.ping", "--batch", "0"], "--batch"),
        (&["call", "*", "test.ping", "--batch", "0%"], "--batch"),
        (&["call", "*", "test.ping", "--batch", "1", "--max-failures", "0"], "--max-failures"),
        (&["call", "*", "test.ping", "--batch", "1", "--max-failures", "many"], "--max-failures"),
        (&["call", "*", "test.ping", "--timeout", "0s"], "--timeout"),
        (&["call", "*", "test.ping", "--timeout", "1us"], "--timeout"),
        (&["call", "*", "test.ping", "--queue", "0s"], "--queue"),
        (&["call", "*", "test.ping", "--wait", "0s"], "--wait"),
        (&["call", "*", "test.ping", "--nowait", "--wait", "1s"], "--nowait"),
        (&["call", "*", "test.ping", "--nowait", "--patience", "1s"], "--batch"),
        (&["job", "show", "0", "--wait", "1s"], "--follow"),
        (&["job", "rerun", "0", "--nowait", "--wait", "1s"], "--nowait"),
        (&["minion", "invite", "web2", "--ttl", "0s"], "--ttl"),
        (&["module", "push", "*", file, "--wait", "0s"], "--wait"),
    ] {
        let said = fleet.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.err.contains(named), "{arguments:?}: {said:?}");
    }
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"], json!([]));
}

#[test]
fn one_job_at_once_means_one_job_at_once() {
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let config = fleet.minion_dir("web1").join("minion.toml");
    // Nothing would ever run.
    for none in ["[limits]\njobs = 0\n", "[modules.\"*\"]\nlimits = { jobs = 0 }\n"] {
        fs::write(&config, none).expect("written");
        let refused = refused_start(fleet.minion_command("web1").arg("serve"));
        assert!(refused.code != 0 && refused.err.contains("no job would ever run"), "{refused:?}");
    }
    fs::write(&config, "[limits]\njobs = 1\n").expect("written");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    let submit = || {
        let said = fleet.run(&["call", "web1", "test.sleep", "600000", "--nowait"]);
        assert_eq!(said.code, 0, "{said:?}");
        said.out.trim().to_owned()
    };
    let state = |id: &str, state: &str| {
        fleet.await_job(id, |job| {
            let now = &job["results"]["web1"]["state"];
            assert!(state != "queued" || now != "running", "two at once: {job:#}");
            now == state
        });
    };
    let first = submit();
    state(&first, "running");
    let second = submit();
    state(&second, "queued");
    assert_eq!(fleet.run(&["job", "cancel", &first]).code, 0);
    state(&second, "running");
    assert_eq!(fleet.run(&["job", "cancel", &second]).code, 0);
}

#[test]
fn keys_of_an_older_overlord_hold_and_the_log_names_the_new_ones() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    fleet.take_overlord().stop();
    let path = fleet.overlord_dir().join("overlord.toml");
    let config = fs::read_to_string(&path).expect("read");
    let older = "retention = \"30days\"\nretention_size = \"1GiB\"\nconfirm_above = 1\n";
    fs::write(&path, format!("{config}\n{older}")).expect("written");
    fleet.start_overlord();
    for (old, new) in [
        ("confirm_above", "confirm-above"),
        ("retention", "retention.age"),
        ("retention_size", "retention.size"),
    ] {
        fleet.overlord().logged(&format!("old={old} new={new}"), 1);
    }
    ["web1", "web2"].iter().for_each(|name| fleet.await_connection(name, 1));
    assert_eq!(fleet.run(&["call", "*", "test.ping"]).code, 2, "it wants to be confirmed");

    fs::write(&path, format!("{config}\nconfirm_above = 1\nconfirm-above = 1\n")).expect("written");
    fleet.take_overlord().stop();
    let mut overlord = fleet.overlord_command();
    let refused = overlord.arg("serve").output().expect("runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("`confirm_above`"), "{said}");
    assert!(said.contains("keep `confirm-above`"), "{said}");
}
