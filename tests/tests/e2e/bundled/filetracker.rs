//! `filetracker`: what it says of files is what the system's programs say, and what changed is told.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rig::{Fleet, Said};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::grants::put;
use super::{grant, printed};

/// A minion that has the module at this level, and a folder that every user of the host may look into.
struct Tracking {
    fleet: Fleet,
    folder: TempDir,
}

impl Tracking {
    fn new(level: &str) -> Self {
        let mut fleet = Fleet::without_minions();
        fleet.enrol("web1");
        grant(&fleet.minion_dir("web1"), "filetracker", level);
        let modules = fleet.minion_dir("web1").join("modules");
        put(&["filetracker"], &modules);
        fleet.start_minion_with("web1", &modules);
        fleet.await_connection("web1", 1);
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("set");
        Self { fleet, folder }
    }

    fn call(&self, options: &[&str], method: &str, arguments: &[&str]) -> Said {
        let called = ["call", "web1", method, "--json"];
        self.fleet.run(&[&called, options, &["--"], arguments].concat())
    }

    fn value(&self, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(&[], method, arguments);
        assert_eq!(said.code, 0, "{method} {arguments:?}: {said:?}");
        said.json()["results"]["web1"]["value"].clone()
    }

    fn error(&self, method: &str, arguments: &[&str]) -> Value {
        let said = self.call(&[], method, arguments);
        assert_eq!(said.code, 1, "{method} {arguments:?}: {said:?}");
        said.json()["results"]["web1"]["error"]["value"].clone()
    }

    /// Whether a call changed something.
    fn changes(&self, method: &str, arguments: &[&str]) -> bool {
        self.value(method, arguments)["changed"] == true
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("text").to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }

    /// The paths of what is tracked.
    fn tracked(&self) -> Vec<String> {
        let state = self.value("filetracker.inventory", &[]);
        let items = state["items"].as_array().expect("a list");
        items.iter().map(|item| item["path"].as_str().expect("a path").to_owned()).collect()
    }

    /// Each path of what changed since a point, with what became of it and how.
    fn changed(&self, point: &[&str]) -> Vec<String> {
        let report = self.value("filetracker.changes", point);
        let differences = report["differences"].as_array().expect("a list");
        let one = |difference: &Value| {
            let path = difference["path"].as_str().expect("a path").rsplit_once('/').expect("whole").1;
            let event = difference["event"].as_str().expect("a word");
            let words: Vec<&str> = difference["changes"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|change| change.as_str()?.split(':').next())
                .collect();
            format!("{path} {event} {}", words.join(" ")).trim_end().to_owned()
        };
        differences.iter().map(one).collect()
    }
}

/// What the ancestor's suite asks of its module of this name (T44 to T49).
#[test]
fn globs_are_tracked_and_untracked_and_what_they_are_for_is_in_the_inventory() {
    let on = Tracking::new("manage");
    let one = on.file("one.conf", "1\n");
    let (two, three) = (on.file("two.conf", "2\n"), on.file("sub/three.conf", "3\n"));
    let track = |patterns: &Value| on.changes("filetracker.track", &[&patterns.to_string()]);
    // T44: one file; T45: a list of files; T46: a list with globs.
    assert!(track(&json!([one])) && !track(&json!([one])));
    assert!(track(&json!([one, two])));
    assert!(track(&json!([one, on.path("**/*.conf")])));
    // T48: the path is in the inventory, with what the system's programs say of it.
    assert_eq!(on.tracked(), [one.clone(), three.clone(), two.clone()]);
    let item = on.value("filetracker.inventory", &[&one])["items"][0].clone();
    assert_eq!(item["path"], *one, "{item}");
    let permissions = &item["permissions"];
    let told = format!(
        "{} {} {}:{} {}",
        permissions["mode"].as_str().expect("text").trim_start_matches('0'),
        item["modified"]["seconds"],
        permissions["uid"],
        permissions["gid"],
        item["size"]
    );
    assert_eq!(told, printed("stat", &["-c", "%a %Y %u:%g %s", &one]).trim(), "{item}");
    let sum = printed("sha256sum", &[&one]);
    assert_eq!(item["sha256"], sum.split_whitespace().next().expect("a sum"), "{item}");
    // T47: a glob, a list, a list with globs; T49: what is not tracked is not in the inventory.
    let untrack = |patterns: &Value| on.changes("filetracker.untrack", &[&patterns.to_string()]);
    assert!(untrack(&json!([on.path("**/*.conf")])));
    assert_eq!(on.tracked(), [one.clone(), two.clone()]);
    assert!(untrack(&json!([one, on.path("never/*")])) && !untrack(&json!([one])));
    assert_eq!(on.tracked(), std::slice::from_ref(&two));
    assert_eq!(on.value("filetracker.patterns", &[]), json!([{ "pattern": two, "content": true }]));
    assert!(on.error("filetracker.inventory", &[&one])["not-found"].is_string());
}

#[test]
fn what_changed_since_a_point_is_told_and_a_dry_run_keeps_nothing() {
    let on = Tracking::new("manage");
    for name in ["content", "mode", "gone", "same"] {
        on.file(name, "before\n");
    }
    symlink("content", on.path("link")).expect("made");
    let all = json!([on.path("**")]).to_string();
    let dry = on.call(&["--dry-run"], "filetracker.track", &[&all]);
    assert!(dry.code == 0 && dry.json()["results"]["web1"]["value"]["changed"] == true, "{dry:?}");
    assert_eq!(on.value("filetracker.patterns", &[]), json!([]));
    assert!(on.error("filetracker.mark", &[])["not-found"].is_string());
    on.value("filetracker.track", &[&all]);
    assert!(on.error("filetracker.changes", &[])["not-found"].is_string());
    let dry = on.call(&["--dry-run"], "filetracker.mark", &[]);
    assert_eq!((dry.code, on.value("filetracker.points", &[])), (0, json!([])), "{dry:?}");
    on.value("filetracker.mark", &[]);
    on.value("filetracker.mark", &["before"]);
    assert_eq!(on.changed(&[]), [""; 0]);

    // Of the same size, with the same time: what is in it tells.
    let time = fs::metadata(on.path("content")).expect("there").modified().expect("a time");
    on.file("content", "behind\n");
    let file = fs::File::options().write(true).open(on.path("content")).expect("opened");
    file.set_modified(time).expect("set");
    on.file("same", "before\n");
    fs::set_permissions(on.path("mode"), fs::Permissions::from_mode(0o600)).expect("set");
    fs::remove_file(on.path("gone")).expect("removed");
    fs::remove_file(on.path("link")).expect("removed");
    symlink("mode", on.path("link")).expect("made");
    on.file("new/file", "");
    let expected = [
        "content changed sha256",
        "gone removed",
        "link changed target",
        "mode changed mode",
        "new added",
        "file added",
    ];
    assert_eq!(on.changed(&["before"]), expected);
    on.value("filetracker.mark", &[]);
    assert_eq!(on.changed(&[]), [""; 0]);
    assert_eq!(on.changed(&["before"]), expected);

    let points = on.value("filetracker.points", &[]);
    let names = [&points[0]["name"], &points[1]["name"]];
    assert_eq!((names, &points[0]["items"]), ([&json!("before"), &json!("last")], &json!(5)), "{points}");
    assert!(on.changes("filetracker.forget", &["before"]) && !on.changes("filetracker.forget", &["before"]));
    // All of it is on the disk of the host, whatever becomes of the minion.
    let mut on = on;
    on.fleet.take_minion("web1").stop();
    let modules = on.fleet.minion_dir("web1").join("modules");
    on.fleet.start_minion_with("web1", &modules);
    on.fleet.await_connection("web1", 2);
    on.file("content", "after\n");
    assert_eq!(on.changed(&[]), ["content changed size sha256"]);
}

#[test]
fn who_may_read_keeps_nothing_and_sees_no_more_of_files_than_every_user() {
    let on = Tracking::new("read");
    let file = on.file("file", "content\n");
    let denied = on.error("filetracker.track", &[&json!([file]).to_string()]);
    assert!(denied["denied"].to_string().contains("quota"), "{denied}");
    assert_eq!(on.tracked(), [""; 0]);
    drop(on);
    let on = Tracking::new("manage");
    let hidden = on.file("hidden", "content\n");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).expect("set");
    on.value("filetracker.track", &[&json!([on.path("*")]).to_string()]);
    let items = on.value("filetracker.inventory", &[])["items"].clone();
    assert!(!items.to_string().contains(&printed("sha256sum", &[&hidden])[..64]), "{items}");
}
