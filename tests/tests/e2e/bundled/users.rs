//! `users` and `groups`.

use serde_json::json;

use super::{Bench, can_unshare, printed};

#[test]
fn users_and_groups_become_what_is_wished_once() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let changed =
        |method: &str, arguments: &[&str]| bench.value("manage", method, arguments)["changed"] == true;
    assert!(changed("groups.ensure", &["deployers", "4242"]));
    assert!(!changed("groups.ensure", &["deployers", "4242"]));
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:"));

    let wish =
        r#"{name: "deploy", uid: 4343, shell: "/bin/bash", comment: "Deploys", groups: ["deployers"]}"#;
    let dry = bench.dry("manage", "users.ensure", &[wish]);
    assert!(dry.code == 0 && dry.json()["value"]["changed"] == true, "{dry:?}");
    assert!(bench.line("passwd", "deploy:").is_none());
    assert!(changed("users.ensure", &[wish]) && !changed("users.ensure", &[wish]));
    assert!(bench.printed("getent", &["passwd", "deploy"]).starts_with("deploy:x:4343:"));
    let line = bench.line("passwd", "deploy:").expect("made");
    assert!(
        line.starts_with("deploy:x:4343:") && line.ends_with(":Deploys:/home/deploy:/bin/bash"),
        "{line}"
    );
    assert!(bench.path("home/deploy").is_dir());
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:deploy"));
    let info = bench.value("read", "users.info", &["deploy"]);
    assert_eq!(
        (&info["uid"], &info["groups"], &info["may-log-in"]),
        (&json!(4343), &json!(["deployers"]), &json!(true))
    );
    assert!(changed("users.ensure", &[r#"{name: "deploy", shell: "/usr/sbin/nologin", groups: []}"#]));
    assert_eq!(bench.value("read", "users.info", &["deploy"])["may-log-in"], false);
    assert_eq!(bench.line("group", "deployers:").as_deref(), Some("deployers:x:4242:"));

    assert_eq!(bench.value("read", "users.is-locked", &["deploy"]), true);
    let hash = "$6$salt$0123456789abcdef";
    assert!(changed("users.set-password", &["deploy", hash]));
    assert!(bench.line("shadow", "deploy:").is_some_and(|line| line.starts_with(&format!("deploy:{hash}:"))));
    assert!(changed("users.lock", &["deploy"]) && !changed("users.lock", &["deploy"]));
    assert!(changed("users.unlock", &["deploy"]) && !changed("users.unlock", &["deploy"]));
    assert!(changed("groups.add-member", &["deployers", "deploy"]));
    assert!(!changed("groups.add-member", &["deployers", "deploy"]));
    assert!(changed("groups.remove-member", &["deployers", "deploy"]));
    assert!(
        bench.error("manage", "groups.add-member", &["no-such-group", "deploy"])["not-found"].is_string()
    );

    assert!(changed("users.remove", &["deploy", "true"]) && !changed("users.remove", &["deploy"]));
    assert!(bench.line("passwd", "deploy:").is_none() && !bench.path("home/deploy").exists());
    assert!(changed("groups.remove", &["deployers"]) && !changed("groups.remove", &["deployers"]));
    assert!(bench.error("read", "users.info", &["deploy"])["not-found"].is_string());
    // The host's own tables are as they were.
    assert!(!printed("getent", &["passwd"]).contains("deploy"));
}
