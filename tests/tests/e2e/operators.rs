//! Operators come in by tokens, with a key that their own machine made, and can be shut out again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rig::{Fleet, Said, binary};
use tempfile::TempDir;
use wire::identity::Moment;

/// The machine of an operator: a folder that is not the overlord's.
pub(crate) struct Desk(TempDir);

impl Desk {
    /// A machine on which nobody has logged in.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A machine on which this operator has logged in.
    pub(crate) fn of(fleet: &Fleet, name: &str, roles: &[&str]) -> Self {
        let desk = Self::new();
        let token = invite(fleet, name, &roles.iter().flat_map(|role| ["--role", role]).collect::<Vec<_>>());
        let said = desk.run(&["login", &token]);
        assert_eq!(said.code, 0, "{said:?}");
        desk
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        rig::said(self.command().args(arguments))
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(binary("overlord"));
        command.env("OVERLORD_DIR", self.0.path()).env_remove("OVERLORD_ADDRESS").env_remove("RUST_LOG");
        command
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }
}

fn invite(fleet: &Fleet, name: &str, options: &[&str]) -> String {
    let said = fleet.run(&[&["operator", "invite", name, "--json"], options].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.json()["token"].as_str().expect("a token").to_owned()
}

/// The first operator, who has the overlord's folder.
fn first(fleet: &Fleet) -> String {
    fleet.run(&["whoami", "--json"]).json()["name"].as_str().expect("a name").to_owned()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn an_operator_logs_in_once_with_a_token_and_its_own_key() {
    let fleet = Fleet::start(&["web1"]);
    let token = invite(&fleet, "bob", &["--role", "admin"]);
    let desk = Desk::new();
    let none = desk.run(&["whoami"]);
    assert_eq!(none.code, 4, "{none:?}");
    assert!(none.err.contains("overlord login TOKEN"), "{none:?}");
    let logged_in = desk.run(&["login", &token, "--json"]).json();
    assert_eq!(logged_in["operator"], "bob", "{logged_in}");
    assert_eq!(desk.run(&["call", "web1", "test.add", "2", "3", "--json"]).json()["operator"], "bob");
    let me = desk.run(&["whoami", "--json"]).json();
    assert_eq!(
        (&me["name"], &me["kind"], &me["roles"][0]["name"]),
        (&"bob".into(), &"person".into(), &"admin".into())
    );
    assert_eq!(me["invited_by"], first(&fleet).as_str());
    let mut kept = Vec::new();
    files(desk.dir(), &mut kept);
    let keys: Vec<_> = kept.iter().filter(|path| path.extension().is_some_and(|end| end == "key")).collect();
    // That of its certificate, and that with which it signs calls.
    assert_eq!(keys.len(), 2, "{kept:?}");

    // Another machine gets nothing by the same token, and hears no more than that.
    let other = Desk::new();
    let refused = other.run(&["login", &token]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("refuses the token") && !refused.err.contains("bob"), "{refused:?}");
    // A token of a minion makes nobody an operator, nor the other way round.
    let of_minion = fleet.run(&["minion", "invite", "web2"]);
    assert_eq!(other.run(&["login", of_minion.out.trim()]).code, 4);
    let of_operator = invite(&fleet, "carl", &[]);
    assert_ne!(fleet.join("web2", &of_operator).code, 0);
    assert_eq!(other.run(&["login", &of_operator]).code, 0);
}

#[test]
fn a_name_that_is_in_use_goes_to_nobody_by_mistake() {
    let fleet = Fleet::without_minions();
    let former = Desk::of(&fleet, "bob", &["admin"]);
    let refused = fleet.run(&["operator", "invite", "bob"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("--replace"), "{refused:?}");
    let token = invite(&fleet, "bob", &["--replace", "--role", "admin"]);
    assert_eq!(former.run(&["status"]).code, 0);
    let desk = Desk::new();
    assert_eq!(desk.run(&["login", &token]).code, 0);
    assert_eq!(desk.run(&["status"]).code, 0);
    assert_eq!(former.run(&["status"]).code, 4, "the former key is good no more");
    fleet.overlord().logged("has logged in with another key since", 1);
}

#[test]
fn who_is_revoked_is_out_at_once_and_stays_out() {
    let mut fleet = Fleet::start(&["web1"]);
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    let mut follower = desk.command();
    follower.args(["call", "web1", "test.sleep", "600000", "--async"]);
    let follower =
        follower.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let job = fleet.await_newest_job(1);
    fleet.await_begun(&job, "web1");
    let late = invite(&fleet, "bob", &["--replace"]);

    let revoked = fleet.run(&["operator", "revoke", "bob", "--why", "stolen", "--json"]).json();
    assert_eq!((&revoked["standing"], &revoked["why"]), (&"revoked".into(), &"stolen".into()), "{revoked}");
    let ended: Said = follower.wait_with_output().expect("ends").into();
    assert_eq!(ended.code, 4, "the live connection goes on: {ended:?}");
    assert_eq!(desk.run(&["status"]).code, 4);
    assert_eq!(Desk::new().run(&["login", &late]).code, 4, "a token that was made before is good no more");
    let shown = fleet.run(&["operator", "show", "bob"]);
    assert!(shown.out.contains("revoked") && shown.out.contains("stolen"), "{shown:?}");
    assert_eq!(fleet.run(&["can", "bob", "test.ping", "web1"]).code, 1);

    fleet.take_overlord().stop();
    fleet.start_overlord();
    assert_eq!(desk.run(&["status"]).code, 4);
    fleet.overlord().logged("is revoked", 1);

    assert_eq!(fleet.run(&["operator", "unrevoke", "bob"]).code, 0);
    assert_eq!(desk.run(&["status"]).code, 0);
    assert_eq!(fleet.run(&["operator", "remove", "bob"]).code, 0);
    assert_eq!(desk.run(&["status"]).code, 4);
    assert_eq!(fleet.run(&["operator", "show", "bob"]).code, 2);
    assert_eq!(fleet.run(&["job", "show", &job, "--json"]).json()["operator"], "bob", "its jobs stay");

    let first = first(&fleet);
    for command in ["revoke", "remove"] {
        let refused = fleet.run(&["operator", command, &first]);
        assert_eq!(refused.code, 2, "nobody shuts itself out: {refused:?}");
    }
    let audit = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("an audit log");
    for event in
        ["operator-invited", "operator-login", "operator-revoked", "operator-unrevoked", "operator-removed"]
    {
        assert!(audit.contains(&format!("\"event\":\"{event}\"")), "{event}: {audit}");
    }
}

#[test]
fn a_service_account_has_a_certificate_of_its_own_life() {
    let fleet = Fleet::without_minions();
    let token = invite(&fleet, "ci", &["--service", "--role", "admin", "--lifetime", "2h"]);
    let desk = Desk::new();
    assert_eq!(desk.run(&["login", &token]).code, 0);
    let me = desk.run(&["whoami", "--json"]).json();
    assert_eq!(me["kind"], "service", "{me}");
    let ends = me["valid_until_at"].as_str().expect("a time").to_owned();
    let Moment(now) = Moment::now();
    let (least, most) = (Moment(now + 7_000).to_string(), Moment(now + 7_200).to_string());
    assert!(least < ends && ends <= most, "{least} {ends} {most}");
    let short = fleet.run(&["operator", "invite", "ci2", "--lifetime", "1s"]);
    assert_eq!(short.code, 2, "{short:?}");
    let unknown = fleet.run(&["operator", "invite", "ci2", "--role", "nothing"]);
    assert!(unknown.code == 2 && unknown.err.contains("[roles.nothing]"), "{unknown:?}");
}

#[test]
fn one_folder_has_several_contexts() {
    let (one, two) = (Fleet::without_minions(), Fleet::without_minions());
    let desk = Desk::of(&one, "bob", &["admin"]);
    let token = invite(&two, "robert", &["--role", "admin"]);
    assert_eq!(desk.run(&["login", &token, "--context", "second"]).code, 0);
    assert_eq!(desk.run(&["whoami", "--json"]).json()["name"], "robert");
    let listed = desk.run(&["context", "list", "--json"]).json();
    let listed: Vec<_> = listed["contexts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["name"], &one["current"]))
        .collect();
    assert_eq!(listed, [(&"bob@127.0.0.1".into(), &false.into()), (&"second".into(), &true.into())]);
    assert_eq!(desk.run(&["context", "use", "bob@127.0.0.1"]).code, 0);
    assert_eq!(desk.run(&["whoami", "--json"]).json()["name"], "bob");
    let unknown = desk.run(&["context", "use", "third"]);
    assert!(unknown.code == 2 && unknown.err.contains("overlord context list"), "{unknown:?}");
    // The folder of an overlord has its own identity too.
    let said = one.run(&["login", &invite(&two, "guest", &["--role", "admin"]), "--context", "two"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(one.run(&["whoami", "--json"]).json()["name"], "guest");
    assert_eq!(one.run(&["context", "use", "local"]).code, 0);
    assert_eq!(one.run(&["whoami", "--json"]).json()["invited_by"], serde_json::Value::Null);
}

#[test]
fn an_older_folder_has_its_operator_as_the_first_administrator() {
    let mut fleet = Fleet::start(&["web1"]);
    fleet.overlord().logged("recorded as the first administrator", 1);
    fleet.take_overlord().stop();
    fleet.start_overlord();
    fleet.await_connection("web1", 1);
    let me = fleet.run(&["whoami", "--json"]).json();
    assert_eq!(
        (&me["roles"][0]["name"], &me["invited_by"]),
        (&"admin".into(), &serde_json::Value::Null),
        "{me}"
    );
    assert_eq!(fleet.run(&["call", "web1", "test.add", "2", "3"]).code, 0);
}
