//! Versions that are assigned to minions, now and whenever they connect.

use rig::fixtures_dir;
use serde_json::{Value, json};

use crate::pushes::{Pushes, results};

#[test]
fn a_minion_that_is_not_there_holds_a_push_up_and_gets_it_when_it_is_assigned() {
    let mut pushes = Pushes::to(&["web1", "web2"]);
    pushes.fleet.take_minion("web2").kill();
    pushes.fleet.overlord().logged("gone", 1);
    let file = pushes.file("1.0.0", 0);
    let said = pushes.push("*", &file, &[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(results(&said), json!({"web1": "not-sent", "web2": "not-connected"}));
    let table = pushes.fleet.run(&["module", "push", "*", file.to_str().expect("text")]);
    assert!(table.out.contains("not connected") && table.out.contains("--partial"), "{table:?}");
    let said = pushes.push("*", &file, &["--partial"]);
    assert_eq!(results(&said), json!({"web1": "active", "web2": "not-connected"}));

    let assigned = pushes.fleet.run(&["module", "assign", "web*", "test@1.0.0", "--json"]);
    assert_eq!(assigned.code, 0, "{assigned:?}");
    assert_eq!(
        assigned.json()["minions"],
        json!([{"name": "web1", "connected": true}, {"name": "web2", "connected": false}])
    );
    pushes.fleet.start_empty_minion("web2");
    pushes.await_version("web2", &json!("1.0.0"));
    // One that nobody knew of when it was assigned.
    pushes.join("web3");
    pushes.await_version("web3", &json!("1.0.0"));
    pushes.fleet.await_document(&["module", "assignments", "--json"], |document| {
        let one = &document["assignments"][0];
        one["minion_count"] == 3 && one["active_count"] == 3 && one["failures"] == json!([])
    });
    let warned = pushes.push("web1", &pushes.file("2.0.0", 0), &[]);
    assert_eq!(warned.code, 0, "{warned:?}");
    assert!(warned.json()["results"]["web1"]["reason"].to_string().contains("is assigned"), "{warned:?}");
}

#[test]
fn an_assignment_that_is_refused_is_told_and_not_tried_again_until_it_is_repeated() {
    let mut pushes = Pushes::to(&["web1"]);
    let file = fixtures_dir().join("capabilities.wasm");
    let added = pushes.fleet.run(&["module", "add", file.to_str().expect("text"), "--json"]);
    assert_eq!(added.code, 0, "{added:?}");
    let digest = added.json()["digest"].as_str().expect("a digest").to_owned();
    let unknown = pushes.fleet.run(&["module", "assign", "*", "capabilities@9"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains(&digest[..12]) && unknown.err.contains("push it first"), "{unknown:?}");

    let assign = ["module", "assign", "*", &format!("capabilities@{}", &digest[..8])];
    assert_eq!(pushes.fleet.run(&assign).code, 0);
    let refused = |document: &Value| {
        document["assignments"][0]["failures"][0]["reason"]
            .as_str()
            .is_some_and(|why| why.contains("minion.toml"))
    };
    pushes.fleet.await_document(&["module", "assignments", "--json"], refused);
    assert_eq!(pushes.fleet.overlord().count("bringing what is assigned"), 1);

    // A second minion shows when what was to be done at the connection of the first is done.
    pushes.fleet.take_overlord().kill();
    pushes.fleet.start_overlord();
    pushes.fleet.await_connection("web1", 1);
    pushes.join("web2");
    pushes.fleet.overlord().logged("what is assigned is refused", 1);
    assert_eq!(pushes.fleet.overlord().count("bringing what is assigned minion=web1"), 0);
    assert!(
        refused(&pushes.fleet.run(&["module", "assignments", "--json"]).json()),
        "it is told all the same"
    );
    assert_eq!(pushes.fleet.run(&assign).code, 0);
    pushes.fleet.overlord().logged("bringing what is assigned minion=web1", 1);
    pushes.fleet.await_document(&["module", "assignments", "--json"], refused);

    // Taken back and made anew is as good as repeated.
    assert_eq!(pushes.fleet.run(&["module", "unassign", "*", "capabilities"]).code, 0);
    assert_eq!(pushes.fleet.run(&assign).code, 0);
    pushes.fleet.overlord().logged("bringing what is assigned minion=web1", 2);
}

#[test]
fn an_assignment_that_is_taken_back_leaves_what_serves_and_names_what_holds_instead() {
    let mut pushes = Pushes::to(&["web1"]);
    for version in ["1.0.0", "2.0.0"] {
        let added = pushes.fleet.run(&["module", "add", pushes.file(version, 0).to_str().expect("text")]);
        assert_eq!(added.code, 0, "{added:?}");
    }
    for (expression, version) in [("*", "test@1.0.0"), ("web*", "test@2.0.0")] {
        assert_eq!(pushes.fleet.run(&["module", "assign", expression, version]).code, 0);
        pushes.await_version("web1", &json!(&version[5..]));
    }
    let taken = pushes.fleet.run(&["module", "unassign", "web*", "test", "--json"]);
    assert_eq!(taken.code, 0, "{taken:?}");
    assert_eq!(taken.json()["version"], "2.0.0");
    assert_eq!(taken.json()["instead"][0]["version"], "1.0.0", "{taken:?}");
    assert_eq!(pushes.in_service("web1"), "2.0.0");
    let again = pushes.fleet.run(&["module", "unassign", "web*", "test"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("is not assigned to \"web*\""), "{again:?}");
    pushes.fleet.take_minion("web1").kill();
    pushes.fleet.start_empty_minion("web1");
    pushes.await_version("web1", &json!("1.0.0"));

    let taken = pushes.fleet.run(&["module", "unassign", "*", "test"]);
    assert_eq!((taken.code, taken.err.as_str()), (0, ""), "nothing holds instead: {taken:?}");
    let left = pushes.fleet.run(&["module", "assignments", "--json"]).json();
    assert_eq!(left["assignments"], json!([]));
    pushes.join("web2");
    pushes.join("web3");
    assert_eq!((pushes.in_service("web1"), pushes.in_service("web2")), (json!("1.0.0"), Value::Null));
}

#[test]
fn an_expression_too_long_to_be_assigned_is_refused_and_the_overlord_goes_on() {
    let pushes = Pushes::to(&["web1"]);
    let file = pushes.file("1.0.0", 0);
    assert_eq!(pushes.fleet.run(&["module", "add", file.to_str().expect("text")]).code, 0);
    let long = vec!["web1"; 15_000].join(",");
    for arguments in [["assign", &long, "test@1.0.0"], ["unassign", &long, "test"]] {
        let refused = pushes.fleet.run(&[&["module"], &arguments[..]].concat());
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("give the minions a label"), "{refused:?}");
    }
    assert_eq!(pushes.fleet.run(&["module", "assign", "*", "test@1.0.0"]).code, 0);
    pushes.await_version("web1", &json!("1.0.0"));
}

#[test]
fn what_only_the_catalogue_has_is_shown_and_listed() {
    let pushes = Pushes::to(&[]);
    let file = pushes.file("1.0.0", 0);
    assert_eq!(pushes.fleet.run(&["module", "add", file.to_str().expect("text")]).code, 0);
    let shown = pushes.fleet.run(&["module", "show", "test", "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert_eq!(shown.json()["catalogue"][0]["version"], "1.0.0");
    let unknown = pushes.fleet.run(&["module", "show", "other"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    let listed = pushes.fleet.run(&["module", "list", "--catalogue", "--json"]);
    assert_eq!(listed.json()["catalogue"][0]["module"], "test", "{listed:?}");
    let table = pushes.fleet.run(&["module", "list", "--catalogue"]).out;
    assert!(table.starts_with("MODULE") && table.contains("1.0.0"), "{table}");
}
