//! `nagios`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rig::{binary, bundled_dir, said};
use serde_json::json;

use super::{Bench, can_unshare, has_programs};

/// Whether this host has the checks that are tried.
fn can_check() -> bool {
    has_programs(
        &["/usr/lib/nagios/plugins/check_load", "/usr/lib/nagios/plugins/check_http"],
        "monitoring-plugins-basic",
    ) && can_unshare()
}

#[test]
fn a_check_is_a_state_and_numbers() {
    if !can_check() {
        return;
    }
    let bench = Bench::new();
    let load = bench.value("read", "nagios.run", &["check_load", "1000,1000,1000", "2000,2000,2000"]);
    assert_eq!(load["state"], "ok", "{load}");
    assert!(load["summary"].as_str().is_some_and(|it| it.contains("load average")), "{load}");
    let metric = &load["metrics"][0];
    assert_eq!((&metric["label"], &metric["critical"]["high"]), (&json!("load1"), &json!(2000.0)), "{load}");
    assert!(metric["value"].as_f64().is_some_and(|value| value >= 0.0), "{load}");

    let disk = |warning: &str, critical: &str| {
        let arguments = ["check_disk", warning, critical, r#"["-p", "/bench"]"#];
        bench.value("read", "nagios.run", &arguments)["state"].clone()
    };
    assert_eq!(
        (disk("1%", "1%"), disk("100%", "1%"), disk("100%", "100%")),
        (json!("ok"), json!("warning"), json!("critical"))
    );
    let unread = bench.value("read", "nagios.run", &["check_load", "x", "y"]);
    assert_eq!(unread["state"], "unknown", "{unread}");
    assert!(unread["summary"].as_str().is_some_and(|it| !it.is_empty()), "{unread}");

    let listed = bench.value("read", "nagios.list", &[]);
    let listed = listed.as_array().expect("a list");
    assert!(listed.contains(&json!("check_disk")) && listed.contains(&json!("check_http")), "{listed:?}");
    let nothing = bench.error("read", "nagios.run", &["check_disk", "1%", "1%", r#"["-X", "x"]"#]);
    assert!(nothing["denied"].is_string(), "{nothing}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let words = json!(["-H", "127.0.0.1", "-p", port.to_string()]).to_string();
    let open = ["check_tcp", "none", "none", &words];
    assert!(
        bench.error("read", "nagios.run", &open)["denied"].to_string().contains("minion grant nagios:check")
    );
    assert_eq!(bench.value("check", "nagios.run", &open)["state"], "ok");
    drop(listener);
    assert_eq!(bench.value("check", "nagios.run", &open)["state"], "critical");
}

#[test]
fn a_check_of_the_owners_own_runs_where_it_is_granted() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let folder = bench.path("/opt/checks");
    fs::create_dir_all(&folder).expect("made");
    let script =
        "#!/bin/sh\necho \"QUEUE WARNING - 7 wait | 'in queue'=7;5;10;0 age=1.5s\"\necho more\nexit 1\n";
    fs::write(folder.join("check_queue"), script).expect("written");
    fs::set_permissions(folder.join("check_queue"), fs::Permissions::from_mode(0o755)).expect("set");
    let policy = "[modules.nagios]\nsettings = { folders = [\"/opt/checks\"] }\n\
                  process = [{ command = \"/opt/checks/check_queue\", args = [\"-w\", \"*\"], read-only = true }]\n";
    fs::write(bench.path("/bench/minion.toml"), policy).expect("written");
    let call = |arguments: &[&str]| {
        let mut command = bench.within(binary("minion"));
        command.args(["call", "--policy", "/bench/minion.toml", "--json", "--dry-run"]);
        said(command.arg(bundled_dir().join("nagios.wasm")).arg("run").args(arguments))
    };
    let checked = call(&["check_queue", "5"]);
    let value = checked.json()["value"].clone();
    assert_eq!((&value["state"], &value["details"]), (&json!("warning"), &json!(["more"])), "{checked:?}");
    let bounds = |low: f64, high: f64| json!({ "low": low, "high": high, "inside": false });
    let queue = &value["metrics"][0];
    assert_eq!((&queue["label"], &queue["value"]), (&json!("in queue"), &json!(7.0)), "{checked:?}");
    assert_eq!(
        (&queue["warning"], &queue["critical"]),
        (&bounds(0.0, 5.0), &bounds(0.0, 10.0)),
        "{checked:?}"
    );
    assert_eq!(
        (&value["metrics"][1]["unit"], &value["metrics"][1]["value"]),
        (&json!("s"), &json!(1.5)),
        "{checked:?}"
    );
    assert!(call(&["check_queue", "5", "6"]).json()["error"]["value"]["denied"].is_string());
    assert!(call(&["check_load", "5"]).json()["error"]["value"]["denied"].is_string());
}
