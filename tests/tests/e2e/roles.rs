//! Roles: what an operator may do is what its roles say, and all else is refused by name of the rule.

use rig::{Fleet, Said, modules_dir};

use crate::operators::Desk;

const ROLES: &str = r#"
[roles.web]
operators = ["bob"]
methods = ["test.add", "test.sleep"]
targets = "web*"

[roles.look]
operators = ["bob", "eve"]
targets = "mail"

[roles.pusher]
operators = ["pat"]
modules = ["push", "rollback"]
targets = "web*"

[roles.assigner]
operators = ["ass"]
modules = ["assign"]
targets = "web*"

[roles.helper]
operators = ["hal"]
methods = ["test.*"]
targets = "web*"
jobs = ["see", "cancel"]
minions = ["invite"]
"#;

/// A role that takes minions in and back.
const KEEPERS: &str = r#"
[roles.keeper]
operators = ["kim"]
targets = "web*"
minions = ["accept", "revoke", "remove"]
"#;

/// A fleet with these roles, which were read again while it ran.
fn fleet(minions: &[&str], roles: &str) -> Fleet {
    let fleet = Fleet::start(minions);
    reload(&fleet, roles, 1);
    fleet
}

/// Writes the roles, and lets the overlord read them again, for the nth time.
pub(crate) fn reload(fleet: &Fleet, roles: &str, nth: usize) {
    let folder = fleet.overlord_dir().join("roles.d");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("all.toml"), roles).expect("written");
    fleet.overlord().reload();
    fleet.overlord().logged("roles read again", nth);
}

pub(crate) fn is_denied(said: &Said, by: &str) {
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("may not") && said.err.contains(by), "{said:?}");
}

fn names(said: &Said) -> Vec<String> {
    let document = said.json();
    let minions = document["minions"].as_array().unwrap_or_else(|| panic!("no minions: {said:?}"));
    minions.iter().map(|minion| minion["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_call_goes_where_the_roles_allow_it_and_nowhere_else() {
    let fleet = fleet(&["db1", "mail", "web1", "web2"], ROLES);
    let bob = Desk::of(&fleet, "bob", &[]);
    assert_eq!(bob.run(&["call", "web*", "test.add", "2", "3"]).code, 0);
    is_denied(&bob.run(&["call", "db1", "test.add", "2", "3"]), "[roles.web]");
    is_denied(&bob.run(&["call", "web1", "test.echo-string", "x"]), "methods: \"test.echo-string\"");
    let part = bob.run(&["call", "*", "test.add", "2", "3"]);
    is_denied(&part, "on \"db1\", \"mail\" (2 of 4)");
    assert!(part.err.contains("targets \"web*\"") && part.err.contains("--permitted"), "{part:?}");
    let none = bob.run(&["call", "db1", "test.add", "2", "3", "--permitted"]);
    is_denied(&none, "db1");
    assert_eq!(fleet.run(&["job", "list", "--json"]).json()["jobs"].as_array().map(Vec::len), Some(1));
    let narrowed = bob.run(&["call", "*", "test.add", "2", "3", "--permitted", "--json"]).json();
    assert_eq!(narrowed["targets"], 2, "{narrowed:#}");
    assert_eq!(narrowed["warnings"][0]["kind"], "not-permitted", "{narrowed:#}");
    assert_eq!(narrowed["warnings"][0]["minions"].as_array().map(Vec::len), Some(2), "{narrowed:#}");

    // Whoever has no role has nothing, and learns no names.
    let carl = Desk::of(&fleet, "carl", &[]);
    for command in
        [&["call", "*", "test.add", "2", "3"][..], &["targets", "*"], &["status"], &["minion", "list"]]
    {
        let said = carl.run(command);
        is_denied(&said, "no role is given to it");
        assert!(!said.err.contains("web1"), "{said:?}");
    }
    assert_eq!(carl.run(&["whoami"]).code, 0);
    let audit = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("an audit log");
    let denied =
        audit.lines().filter(|line| line.contains(r#""decision":"denied""#) && line.contains("carl"));
    assert_eq!(denied.count(), 4, "{audit}");
}

#[test]
fn can_says_what_a_call_would_hear() {
    let fleet = fleet(&["db1", "web1"], ROLES);
    let bob = Desk::of(&fleet, "bob", &[]);
    for asker in
        [&bob.run(&["can", "bob", "test.add", "web1"]), &fleet.run(&["can", "bob", "test.add", "web1"])]
    {
        assert_eq!(asker.code, 0, "{asker:?}");
        assert!(asker.out.starts_with("yes: ") && asker.out.contains("[roles.web]"), "{asker:?}");
    }
    let no = fleet.run(&["can", "bob", "test.add", "*", "--json"]);
    assert_eq!(no.code, 1, "{no:?}");
    let no = no.json();
    assert_eq!(
        (&no["can"], &no["allowed"][0], &no["denied"][0], &no["decided_by"][0]),
        (&false.into(), &"web1".into(), &"db1".into(), &"web".into()),
        "{no:#}"
    );
    // By no fact does bob learn anything of a minion that its roles do not show.
    let by_fact = bob.run(&["can", "bob", "test.add", "mem.total>=1", "--json"]);
    let (code, by_fact) = (by_fact.code, by_fact.json());
    assert_eq!((code, &by_fact["allowed"]), (0, &["web1"][..].into()), "{by_fact:#}");
    assert_eq!(by_fact["denied"].as_array().map(Vec::len), Some(0), "{by_fact:#}");
    assert_eq!(bob.run(&["call", "mem.total>=1", "test.add", "2", "3", "--json"]).json()["targets"], 1);
    is_denied(&bob.run(&["can", "eve", "test.add", "*"]), "admin");
    let unknown = fleet.run(&["can", "nobody", "test.add", "*"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[test]
fn lists_show_only_what_one_may_see() {
    let fleet = fleet(&["db1", "mail", "web1"], ROLES);
    let bob = Desk::of(&fleet, "bob", &[]);
    let eve = Desk::of(&fleet, "eve", &[]);
    assert_eq!(names(&bob.run(&["minion", "list", "--json"])), ["mail", "web1"]);
    assert_eq!(names(&bob.run(&["targets", "*", "--json"])), ["mail", "web1"]);
    assert_eq!(names(&bob.run(&["targets", "!web*", "--json"])), ["mail"]);
    assert_eq!(names(&eve.run(&["facts", "*", "--json"])), ["mail"]);
    is_denied(&eve.run(&["facts", "web1"]), "\"web1\"");
    assert_eq!(eve.run(&["targets", "os=none"]).code, 3);
    assert_eq!(eve.run(&["ping", "mail"]).code, 0);
    is_denied(&eve.run(&["ping", "db1"]), "[roles.look]");
    let pattern = eve.run(&["targets", "db*"]);
    assert!(pattern.code == 3 && !pattern.err.contains("db1"), "{pattern:?}");
    let misspelt = eve.run(&["targets", "wbe1"]);
    assert!(misspelt.code == 2 && !misspelt.err.contains("web1"), "{misspelt:?}");
    assert_eq!(eve.run(&["call", "mail", "test.add", "2", "3"]).code, 4);
}

#[test]
fn jobs_of_others_are_for_those_whose_role_says_so() {
    let fleet = fleet(&["db1", "web1"], ROLES);
    let (bob, hal) = (Desk::of(&fleet, "bob", &[]), Desk::of(&fleet, "hal", &[]));
    let id = |said: Said| said.json()["job"].as_str().expect("an id").to_owned();
    let of_hal = id(hal.run(&["call", "web1", "test.sleep", "600000", "--nowait", "--json"]));
    let of_bob = id(bob.run(&["call", "web1", "test.sleep", "600000", "--nowait", "--json"]));
    let wide = id(fleet.run(&["call", "*", "test.sleep", "600000", "--nowait", "--json"]));
    let listed = |desk: &Desk| -> Vec<String> {
        let list = desk.run(&["job", "list", "--json"]).json();
        let jobs = list["jobs"].as_array().expect("a list").clone();
        jobs.iter().map(|job| job["job"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(listed(&bob), [of_bob.as_str()]);
    assert_eq!(listed(&hal), [of_bob.as_str(), &of_hal]);
    for command in [
        &["job", "show", &of_hal][..],
        &["job", "history", &of_hal],
        &["job", "cancel", &of_hal],
        &["job", "rerun", &of_hal],
    ] {
        is_denied(&bob.run(command), "jobs: \"");
    }
    is_denied(&hal.run(&["job", "show", &wide]), "db1");
    // The beginning of an id finds nothing of others.
    for beginning in [&of_hal[..25], ""] {
        let said = bob.run(&["job", "show", beginning]);
        assert!(said.code == 2 && !said.err.contains(&of_hal), "{said:?}");
    }
    is_denied(&hal.run(&["job", "purge", "--older-than", "1h"]), "purge");
    assert_eq!(hal.run(&["job", "show", &of_bob]).code, 0);
    assert_eq!(hal.run(&["job", "cancel", &of_bob]).code, 0);
    assert_eq!(bob.run(&["job", "wait", &of_bob]).code, 1);
    // To make the call of another once more, one has to be allowed to make it.
    let add = id(fleet.run(&["call", "web1", "test.fail", "no", "--json"]));
    assert_eq!(hal.run(&["job", "rerun", &add]).code, 1, "test.* is for hal");
}

#[test]
fn modules_and_enrolments_are_for_those_whose_role_says_so() {
    let fleet = fleet(&["db1", "web1"], ROLES);
    let (pat, hal) = (Desk::of(&fleet, "pat", &[]), Desk::of(&fleet, "hal", &[]));
    let file = modules_dir().join("test.wasm");
    let file = file.to_str().expect("text");
    assert_eq!(pat.run(&["module", "push", "web1", file]).code, 0);
    is_denied(&pat.run(&["module", "push", "*", file]), "on \"db1\" (1 of 2)");
    is_denied(&pat.run(&["module", "remove", "web1", "test"]), "modules: \"remove\"");
    is_denied(&pat.run(&["module", "assign", "web*", "test@0.1.0"]), "modules: \"assign\"");
    is_denied(&pat.run(&["call", "web1", "test.add", "2", "3"]), "methods: \"test.add\"");
    is_denied(&hal.run(&["module", "push", "web1", file]), "modules: \"push\"");
    let ass = Desk::of(&fleet, "ass", &[]);
    is_denied(&ass.run(&["module", "assign", "web*", "test@0.1.0"]), "[roles.assigner]");
    reload(&fleet, &ROLES.replace("\"assign\"]\ntargets = \"web*\"", "\"assign\"]\ntargets = \"*\""), 2);
    assert_eq!(ass.run(&["module", "assign", "web*", "test@0.1.0"]).code, 0);

    assert_eq!(hal.run(&["minion", "invite", "web7"]).code, 0);
    is_denied(&hal.run(&["minion", "invite", "db7"]), "[roles.helper]");
    is_denied(&pat.run(&["minion", "invite", "web7"]), "minions: \"invite\"");
    for command in [
        &["operator", "list"][..],
        &["operator", "invite", "x"],
        &["operator", "revoke", "pat"],
        &["operator", "show", "pat"],
    ] {
        is_denied(&hal.run(command), "admin");
    }
    assert_eq!(hal.run(&["operator", "show", "hal"]).code, 0, "everybody may look at itself");
}

#[test]
fn roles_are_read_again_on_a_hangup_and_bad_ones_change_nothing() {
    let fleet = fleet(&["db1", "web1"], ROLES);
    let bob = Desk::of(&fleet, "bob", &[]);
    is_denied(&bob.run(&["call", "db1", "test.add", "2", "3"]), "db1");
    reload(&fleet, &ROLES.replace("\"web*\"\n\n[roles.look]", "\"*\"\n\n[roles.look]"), 2);
    fleet.overlord().logged("web changed (targets)", 1);
    assert_eq!(bob.run(&["call", "db1", "test.add", "2", "3"]).code, 0);

    std::fs::write(fleet.overlord_dir().join("roles.d/bad.toml"), "[roles.x]\nmethod = ['a']")
        .expect("written");
    fleet.overlord().reload();
    fleet.overlord().logged("those before go on to hold", 1);
    fleet.overlord().logged("bad.toml", 1);
    assert_eq!(bob.run(&["call", "db1", "test.add", "2", "3"]).code, 0);

    std::fs::remove_file(fleet.overlord_dir().join("roles.d/bad.toml")).expect("removed");
    reload(&fleet, "", 3);
    is_denied(&bob.run(&["call", "web1", "test.add", "2", "3"]), "no role is given to it");
    assert_eq!(
        fleet.run(&["call", "web1", "test.add", "2", "3"]).code,
        0,
        "the first operator keeps everything"
    );
}

#[test]
fn enrolments_are_for_those_whose_role_says_so_and_only_for_its_names() {
    let mut fleet = fleet(&["db1", "web1"], &format!("{ROLES}{KEEPERS}"));
    let (bob, hal, kim) =
        (Desk::of(&fleet, "bob", &[]), Desk::of(&fleet, "hal", &[]), Desk::of(&fleet, "kim", &[]));
    for (verb, command) in [
        ("invite", &["invite", "web*", "--uses", "2"][..]),
        ("invite", &["invitations"]),
        ("invite", &["uninvite", "web1"]),
        ("accept", &["pending"]),
        ("accept", &["accept", "web1"]),
        ("accept", &["reject", "web1"]),
        ("revoke", &["revoke", "web1"]),
        ("revoke", &["unrevoke", "web1"]),
        ("remove", &["remove", "web1"]),
    ] {
        let command = [&["minion"], command].concat();
        is_denied(&bob.run(&command), &format!("minions: \"{verb}\""));
        if verb != "invite" {
            is_denied(&hal.run(&command), &format!("minions: \"{verb}\""));
        }
        assert_eq!(fleet.run(&["ping", "web1"]).code, 0, "{command:?} did nothing");
    }
    for command in [&["accept", "db1"][..], &["revoke", "db1"], &["unrevoke", "db1"], &["remove", "db1"]] {
        is_denied(&kim.run(&[&["minion"], command].concat()), "on \"db1\": [roles.keeper]");
    }
    let audit = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("an audit log");
    let denied = |operator: &str| {
        let of = format!(r#""operator":"{operator}""#);
        audit.lines().filter(|line| line.contains(r#""decision":"denied""#) && line.contains(&of)).count()
    };
    assert_eq!((denied("bob"), denied("hal"), denied("kim")), (9, 6, 4), "{audit}");

    // What the role names works, and is written down under the operator's name.
    assert_eq!(kim.run(&["minion", "revoke", "web1", "--why", "old"]).code, 0);
    assert_eq!(names(&bob.run(&["minion", "list", "--json"])), ["web1"], "one that is revoked is listed");
    assert_eq!(kim.run(&["minion", "unrevoke", "web1"]).code, 0);
    fleet.await_connection("web1", 1);
    assert_eq!(kim.run(&["minion", "remove", "web1"]).code, 0);
    for event in ["revoked", "unrevoked", "removed"] {
        let entries = fleet.run(&["audit", "--operator", "kim", "--json"]);
        assert!(entries.out.contains(&format!("\"{event}\"")), "{event}: {entries:?}");
    }
    drop(fleet.take_minion("web1"));
}

#[test]
fn tokens_are_made_shown_and_withdrawn_within_the_names_of_a_role() {
    let fleet = fleet(&[], ROLES);
    let hal = Desk::of(&fleet, "hal", &[]);
    for glob in ["web*", "db*", "*"] {
        assert_eq!(fleet.run(&["minion", "invite", glob, "--uses", "2"]).code, 0);
    }
    assert_eq!(hal.run(&["minion", "invite", "web*", "--uses", "2"]).code, 0);
    for glob in ["*", "db*", "web1*", "we*"] {
        is_denied(&hal.run(&["minion", "invite", glob, "--uses", "2"]), "[roles.helper]");
    }
    let shown = hal.run(&["minion", "invitations", "--json"]).json();
    let shown: Vec<_> =
        shown["invitations"].as_array().expect("a list").iter().map(|one| &one["names"]).collect();
    assert_eq!(shown, ["web*", "web*"]);
    for other in ["db*", "*"] {
        assert_eq!(hal.run(&["minion", "uninvite", other]).code, 2, "for it, there is none");
    }
    assert_eq!(hal.run(&["minion", "uninvite", "web*"]).code, 0);
    let left = fleet.run(&["minion", "invitations", "--json"]).json();
    assert_eq!(left["invitations"].as_array().map(Vec::len), Some(2), "{left:#}");
}

#[test]
fn whoever_may_only_invite_takes_no_name_from_a_minion() {
    let mut fleet = fleet(&["web1"], ROLES);
    let hal = Desk::of(&fleet, "hal", &[]);
    is_denied(&hal.run(&["minion", "invite", "web1", "--replace"]), "minions: \"remove\"");
    let token = hal.run(&["minion", "invite", "web2"]);
    assert_eq!(token.code, 0, "{token:?}");
    // Somebody has the name by the time that the token is used.
    fleet.enrol("web2");
    fleet.start_minion("web2");
    fleet.await_connection("web2", 1);
    let joined = fleet.join("thief", token.out.trim());
    assert!(joined.code == 1 && joined.err.contains("in use"), "{joined:?}");
    assert_eq!(fleet.run(&["ping", "web2"]).code, 0);

    reload(&fleet, &ROLES.replace("[\"invite\"]", "[\"invite\", \"remove\"]"), 2);
    assert_eq!(hal.run(&["minion", "invite", "web1", "--replace"]).code, 0);
    let joined = fleet.join("heir", token.out.trim());
    assert_eq!(joined.code, 0, "{joined:?}");
}

#[test]
fn what_a_minion_says_of_itself_shows_nobody_the_jobs_of_who_had_its_name_before() {
    let roles = "[roles.facts]\noperators = [\"sue\"]\ntargets = \"labels.tier=web\"\njobs = [\"see\"]\n\
                 [roles.names]\noperators = [\"sam\"]\ntargets = \"web*\"\njobs = [\"see\"]\n";
    let mut fleet = fleet(&[], roles);
    fleet.enrol("web1");
    std::fs::write(fleet.minion_dir("web1").join("minion.toml"), "[labels]\ntier = \"web\"\n")
        .expect("written");
    fleet.start_minion("web1");
    fleet.await_connection("web1", 1);
    let (sue, sam) = (Desk::of(&fleet, "sue", &[]), Desk::of(&fleet, "sam", &[]));
    let call = |fleet: &Fleet| {
        let called = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]).json();
        called["job"].as_str().expect("an id").to_owned()
    };
    let before = call(&fleet);
    assert_eq!(sue.run(&["job", "show", &before]).code, 0);

    fleet.take_minion("web1").stop();
    assert_eq!(fleet.run(&["minion", "remove", "web1"]).code, 0);
    let token = fleet.run(&["minion", "invite", "web1"]).out;
    assert_eq!(fleet.join("web1", token.trim()).code, 0);
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    let after = call(&fleet);
    assert_eq!(sue.run(&["job", "show", &after]).code, 0);
    is_denied(&sue.run(&["job", "show", &before]), "[roles.facts]");
    let listed = |desk: &Desk| desk.run(&["job", "list", "--json"]).json()["jobs"].as_array().map(Vec::len);
    assert_eq!((listed(&sue), listed(&sam)), (Some(1), Some(2)), "the name shows both");
    assert_eq!(sam.run(&["job", "show", &before]).code, 0);
}

#[test]
fn an_operator_gets_other_roles_at_once_and_only_from_an_administrator() {
    let fleet = fleet(&["web1"], ROLES);
    let (zed, bob) = (Desk::of(&fleet, "zed", &["look"]), Desk::of(&fleet, "bob", &[]));
    is_denied(&zed.run(&["call", "web1", "test.add", "2", "3"]), "methods: \"test.add\"");
    is_denied(&bob.run(&["operator", "set", "zed", "--role", "web"]), "admin");
    let unknown = fleet.run(&["operator", "set", "zed", "--role", "wbe"]);
    assert!(unknown.code == 2 && unknown.err.contains("[roles.wbe]"), "{unknown:?}");
    let set = fleet.run(&["operator", "set", "zed", "--role", "web"]);
    assert!(set.code == 0 && set.err.contains("zed has web"), "{set:?}");
    assert_eq!(zed.run(&["call", "web1", "test.add", "2", "3"]).code, 0);
    assert_eq!(fleet.run(&["operator", "set", "zed", "--no-role"]).code, 0);
    is_denied(&zed.run(&["call", "web1", "test.add", "2", "3"]), "no role is given to it");
    let audit = std::fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("an audit log");
    assert_eq!(audit.matches(r#""event":"operator-roles""#).count(), 2, "{audit}");
}
