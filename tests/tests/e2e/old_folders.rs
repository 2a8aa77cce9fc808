//! Folders of earlier versions: they start, work, and get what is newer by themselves.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rig::Fleet;
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// When the folders were made.
const MADE: Duration = Duration::from_secs(1_795_682_981);

/// Sets the clocks of everybody to so long after the folders were made.
fn set_clocks(fleet: &Fleet, after: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let ms = |time: Duration| i64::try_from(time.as_millis()).expect("fits");
    for name in ["overlord", "cli", "web1"] {
        fleet.failpoints(name).set_clock(ms(MADE + after) - ms(now));
    }
}

/// Puts what lies in one folder into another, but for these files.
fn put(from: &Path, to: &Path, but: &[&str]) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("reads") {
        let entry = entry.expect("reads");
        if but.iter().all(|name| entry.file_name() != *name) {
            let copied = Command::new("cp").arg("-a").arg(entry.path()).arg(to).status().expect("runs");
            assert!(copied.success());
        }
    }
}

#[test]
fn folders_of_before_there_were_operators_and_renewals_start_work_and_renew() {
    let mut fleet = Fleet::without_minions();
    let address = fs::read_to_string(fleet.overlord_dir().join("address")).expect("noted");
    fleet.take_overlord().stop();
    let unpacked = tempfile::tempdir().expect("a folder");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("folders/before-operators.tar.gz");
    let tar = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(unpacked.path()).status();
    assert!(tar.expect("runs").success());
    let config = fs::read(fleet.overlord_dir().join("overlord.toml")).expect("reads");
    fs::remove_dir_all(fleet.overlord_dir()).expect("removed");
    put(&unpacked.path().join("overlord"), &fleet.overlord_dir(), &["overlord.toml"]);
    fs::write(fleet.overlord_dir().join("overlord.toml"), config).expect("written");
    put(&unpacked.path().join("minion"), &fleet.minion_dir("web1"), &["enrolment.toml"]);
    let enrolment = format!("overlord = \"{}\"\nname = \"web1\"\n", address.trim());
    fs::write(fleet.minion_dir("web1").join("enrolment.toml"), enrolment).expect("written");

    set_clocks(&fleet, DAY);
    fleet.start_overlord();
    fleet.overlord().logged("recorded as the first administrator", 1);
    fleet.enrolled("web1");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    assert_eq!(
        fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]).json()["counts"],
        json!({"ok": 1})
    );
    let whoami = fleet.run(&["whoami", "--json"]).json();
    assert_eq!(whoami["roles"][0]["name"], "admin", "{whoami:#}");

    // The minion's certificate is for thirty days: it is due.
    fleet.take_minion("web1").stop();
    fleet.take_overlord().stop();
    set_clocks(&fleet, 22 * DAY);
    let key = || fs::read(fleet.minion_dir("web1").join("identity/minion.key")).expect("reads");
    let before = key();
    fleet.start_overlord();
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    fleet.overlord().logged("its new key is in use minion=web1", 1);
    let key = || fs::read(fleet.minion_dir("web1").join("identity/minion.key")).expect("reads");
    assert!(before != key(), "it has its former key");
    assert_eq!(fleet.run(&["ping", "web1"]).code, 0);
}
