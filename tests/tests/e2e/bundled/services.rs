//! `service`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Bench, can_unshare};

#[test]
fn a_host_without_systemd_says_so() {
    if !can_unshare() || Path::new("/run/systemd/system").exists() {
        return;
    }
    let bench = Bench::new();
    for (method, arguments) in
        [("list", &[][..]), ("failed", &[]), ("status", &["ssh"]), ("restart", &["ssh"])]
    {
        let error = bench.error("manage", &format!("service.{method}"), arguments);
        assert!(
            error["unsupported"].as_str().is_some_and(|why| why.contains("systemd")),
            "{method}: {error}"
        );
    }
}

/// What systemd itself says of a unit.
fn shown(bench: &Bench, property: &str, unit: &str) -> String {
    bench.printed("systemctl", &["show", "--value", "--property", property, "--", unit]).trim().to_owned()
}

/// Units that do what services do: one runs and can be reloaded, one fails at once, one is started by others alone, and one
/// is a template.
fn with_units() -> Option<Bench> {
    let bench = Bench::booted()?;
    let install = "[Install]\nWantedBy=multi-user.target\n";
    let runs =
        "ExecStart=/bin/sh -c 'echo it runs; exec sleep infinity'\nExecReload=/bin/echo it was reloaded\n";
    for (name, service, install) in [
        ("runs.service", runs, install),
        ("fails.service", "Type=oneshot\nExecStart=/bin/false\n", install),
        ("static.service", "ExecStart=/bin/sleep infinity\n", ""),
        ("many@.service", "ExecStart=/bin/sleep infinity\n", install),
    ] {
        let text = format!(
            "[Unit]\nDescription=One = that {name}\nAfter=not-there.service\n[Service]\n{service}{install}"
        );
        fs::write(bench.path("/usr/lib/systemd/system").join(name), text).expect("written");
    }
    assert_eq!(bench.call("manage", "service.daemon-reload", &[]).code, 0);
    Some(bench)
}

#[test]
fn services_are_started_stopped_and_enabled_once() {
    let Some(bench) = with_units() else { return };
    let did = |method: &str, unit: &str| bench.value("manage", &format!("service.{method}"), &[unit]);
    let change = |changed: bool, active: &str| json!({ "changed": changed, "active": active });
    let before = bench.value("read", "service.status", &["runs"]);
    assert_eq!((&before["active"], &before["enabled"]), (&json!("inactive"), &json!("disabled")), "{before}");
    assert_eq!((&before["pid"], &before["since"]), (&Value::Null, &Value::Null), "{before}");

    assert!(bench.error("read", "service.start", &["runs"])["denied"].is_string());
    assert_eq!(bench.dry("manage", "service.start", &["runs"]).json()["value"], change(true, "inactive"));
    assert_eq!(shown(&bench, "ActiveState", "runs"), "inactive");
    assert_eq!(
        (did("start", "runs"), did("start", "runs")),
        (change(true, "active"), change(false, "active"))
    );
    let running = bench.value("read", "service.status", &["runs"]);
    assert_eq!(running["pid"].to_string(), shown(&bench, "MainPID", "runs"));
    assert_eq!(
        (&running["sub"], &running["description"]),
        (&json!("running"), &json!("One = that runs.service"))
    );
    assert!(running["since"]["text"].as_str().is_some_and(|text| text.ends_with('Z')), "{running}");

    assert_eq!(did("restart", "runs"), change(true, "active"));
    assert_ne!(running["pid"].to_string(), shown(&bench, "MainPID", "runs"));
    assert_eq!(did("reload", "runs"), change(true, "active"));
    bench.printed("journalctl", &["--sync"]);
    let lines = bench.value("read", "service.logs", &["runs"]).to_string();
    assert!(lines.contains("it runs") && lines.contains("it was reloaded"), "{lines}");
    assert_eq!(bench.value("read", "service.logs", &["runs", "1"]).as_array().map(Vec::len), Some(1));
    assert_eq!(
        (did("stop", "runs"), did("stop", "runs")),
        (change(true, "inactive"), change(false, "inactive"))
    );
    assert_eq!(shown(&bench, "ActiveState", "runs"), "inactive");

    for (method, state) in
        [("enable", "enabled"), ("disable", "disabled"), ("mask", "masked"), ("unmask", "disabled")]
    {
        assert_eq!(
            (did(method, "runs")["changed"].clone(), did(method, "runs")["changed"].clone()),
            (json!(true), json!(false)),
            "{method}"
        );
        assert_eq!(bench.printed("systemctl", &["is-enabled", "runs"]).trim(), state);
    }
    assert_eq!(did("enable", "many@one")["changed"], true);
    assert!(bench.path("/etc/systemd/system/multi-user.target.wants/many@one.service").is_symlink());
    assert_eq!(did("start", "many@one"), change(true, "active"));
}

#[test]
fn what_is_wrong_with_a_service_is_said() {
    let Some(bench) = with_units() else { return };
    let error = |method: &str, unit: &str| bench.error("manage", &format!("service.{method}"), &[unit]);
    assert_eq!(bench.value("read", "service.failed", &[]), json!([]));
    // Of one systemd waits for the end, of the other only until its program runs.
    let failed = error("start", "fails");
    assert!(failed["failed"]["stderr"].as_str().is_some_and(|why| why.contains("fails.service")), "{failed}");
    let listed = bench.value("read", "service.failed", &[]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["active"]),
        (&json!("fails.service"), &json!("failed")),
        "{listed}"
    );
    let listed = bench.value("read", "service.list", &[]);
    let names: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|unit| unit["name"].as_str()).collect();
    assert!(names.contains(&"systemd-journald.service"), "{names:?}");
    // Units that others only name are none.
    let shown = |name: &&&str| shown(&bench, "LoadState", name) == "not-found";
    assert_eq!(names.iter().find(shown), None);

    for method in ["status", "start", "stop", "enable", "logs"] {
        assert!(error(method, "no-such-unit")["not-found"].is_string(), "{method}");
    }
    assert!(error("start", "many@")["invalid"].is_string());
    assert!(error("enable", "static")["unsupported"].is_string());
    assert_eq!(bench.value("manage", "service.disable", &["static"])["changed"], false);
    assert!(error("reload", "static")["failed"].is_object());
    assert_eq!(bench.value("manage", "service.mask", &["static"])["changed"], true);
    assert!(error("start", "static")["failed"].is_object());
}
