//! What minions say of their hosts, and targets that ask for it.

use std::fs;

use rig::{Fleet, fixtures_dir};

#[test]
fn targets_find_minions_by_their_labels_and_facts_shows_them() {
    let mut fleet = Fleet::without_minions();
    for name in ["db1", "web1"] {
        fleet.enrol(name);
    }
    fs::write(fleet.minion_dir("db1").join("minion.toml"), "[labels]\nrole = \"db\"\n").expect("written");
    for name in ["db1", "web1"] {
        fleet.start_minion(name);
    }
    for name in ["db1", "web1"] {
        fleet.await_connection(name, 1);
    }

    let matched = fleet.run(&["targets", "role=db", "--json"]).json();
    let names: Vec<_> = matched["minions"].as_array().expect("minions").iter().map(|m| &m["name"]).collect();
    assert_eq!(names, ["db1"]);
    let called = fleet.run(&["call", "labels.role=db & cpus>=1", "--json", "test.add", "2", "3"]);
    assert_eq!(called.code, 0, "{called:?}");
    let results = called.json()["results"].as_object().expect("results").clone();
    assert_eq!(results.keys().collect::<Vec<_>>(), ["db1"]);
    let nobody = fleet.run(&["targets", "role=cache"]);
    assert_eq!(nobody.code, 3, "{nobody:?}");

    let shown = fleet.run(&["facts", "*", "role", "mem"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let role = |line: &&str| line.split_whitespace().collect::<Vec<_>>() == ["db1", "role", "db"];
    assert_eq!(shown.out.lines().filter(role).count(), 1, "{shown:?}");
    assert!(shown.out.contains("mem.total") && !shown.out.contains("kernel"), "{shown:?}");
    let all = fleet.run(&["facts", "*", "--json"]).json();
    assert_eq!(rig::named(&all["minions"], "db1")["facts"]["labels.role"], "db");
    assert_eq!(rig::named(&all["minions"], "web1")["facts"]["labels.role"], serde_json::Value::Null);
    assert!(rig::named(&all["minions"], "web1")["facts"]["os"].is_string(), "{all}");
    assert!(rig::named(&all["minions"], "web1")["facts"]["modules.test"].is_string(), "{all}");
    let missing = fleet.run(&["facts", "web1", "role"]);
    assert!(missing.code == 1 && missing.err.contains("\"role\""), "{missing:?}");

    // Labels are read again on SIGHUP, and what is not is named.
    let config = "keep-versions = 5\n[labels]\nrole = \"cache\"\nrack = \"b12\"\n[limits]\njobs = 7\n";
    fs::write(fleet.minion_dir("db1").join("minion.toml"), config).expect("written");
    let minion = fleet.minion("db1");
    minion.reload();
    for told in ["label rack is", "label role is", "keep-versions takes effect", "[limits] takes effect"] {
        assert!(minion.logged(told, 1).contains("the configuration was read again"), "{told}");
    }
    assert_eq!(minion.count("takes effect"), 2);
    fleet.await_document(&["facts", "db1", "--json"], |facts| {
        let facts = &rig::named(&facts["minions"], "db1")["facts"];
        facts["role"] == "cache" && facts["labels.rack"] == "b12"
    });
    assert_eq!(fleet.run(&["targets", "role=db"]).code, 3);
}

#[test]
fn modules_read_what_is_granted_and_a_change_reaches_the_overlord() {
    let grants = "[labels]\nrole = \"db\"\n[modules.capabilities]\nfacts = [\"role\", \"modules.*\"]\n\
                  kv = { quota = \"1KiB\" }\nprocess = [{ command = \"true\" }]\n";
    let mut fleet = Fleet::without_minions();
    fleet.enrol("web1");
    let config = fleet.minion_dir("web1").join("minion.toml");
    fs::write(&config, grants).expect("written");
    fleet.start_minion_with("web1", &fixtures_dir());
    fleet.await_connection("web1", 1);

    let get = |path: &str| fleet.run(&["call", "web1", "--json", "capabilities.facts/get", path]);
    assert_eq!(get("role").json()["results"]["web1"]["value"], "db");
    assert!(get("modules.capabilities").json()["results"]["web1"]["value"].is_string());
    assert!(get("kernel").out.contains("denied"));
    let version = ["facts", "web1", "modules.capabilities"];
    assert_eq!(fleet.run(&version).code, 0);

    // Without its grants the module is out of service, and so is the fact that tells its version.
    fs::write(&config, "[labels]\nrole = \"db\"\n").expect("written");
    fleet.minion("web1").reload();
    fleet.minion("web1").logged("the configuration was read again", 1);
    let gone = (0..500).any(|_| fleet.run(&version).code == 1);
    assert!(gone, "{:?}", fleet.run(&version));
    assert_eq!(fleet.run(&["targets", "modules.capabilities!=nothing & role=db"]).code, 0);
}
