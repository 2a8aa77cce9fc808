//! A call and what it answers: values, failures, refusals and exit codes.

use rig::Fleet;
use serde_json::json;

#[test]
fn a_call_prints_a_value_for_each_minion() {
    let fleet = Fleet::start(&["web1", "web2", "db1"]);
    let said = fleet.run(&["call", "*", "test.add", "2", "3"]);
    assert_eq!(said.code, 0, "{said:?}");
    for name in ["web1", "web2", "db1"] {
        let line = said.out.lines().find(|line| line.contains(name)).expect("a line for each");
        assert!(line.contains("ok") && line.contains('5'), "{line}");
    }
}

#[test]
fn the_json_of_a_call_is_the_documented_one_and_stays_the_same_later() {
    let fleet = Fleet::start(&["web1", "db1"]);
    let said = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let document = said.json();
    assert_eq!(document["state"], "finished");
    assert_eq!(document["code"], 1);
    assert_eq!(document["method"], "test.add");
    assert_eq!(document["targets"], 2);
    assert_eq!(document["counts"], json!({ "ok": 2 }));
    assert_eq!(document["results"]["web1"]["outcome"], "ok");
    assert_eq!(document["results"]["web1"]["value"], 5);
    let web1 = &document["results"]["web1"];
    assert!(web1["ms"].is_number() && web1["cost"]["peak_memory"].is_number(), "{document}");
    assert_eq!(web1["module"]["digest"].as_str().map(str::len), Some(64), "{document}");
    assert_eq!(document["results"]["db1"]["minion_job"].as_str().map(str::len), Some(26));
    let id = document["job"].as_str().expect("a job id");
    assert_eq!(fleet.run(&["job", "show", id, "--json"]).json(), document);
}

#[test]
fn targets_are_globs_lists_and_exclusions() {
    let fleet = Fleet::start(&["web1", "web2", "db1"]);
    let names = |arguments: &[&str]| -> Vec<String> {
        let said = fleet.run(&[&["targets", "--json"], arguments].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let document = said.json();
        let minions = document["minions"].as_array().expect("a list").iter();
        minions
            .inspect(|minion| assert_eq!(minion["connected"], true))
            .map(|minion| minion["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names(&["web*"]), ["web1", "web2"]);
    assert_eq!(names(&["db1,web2"]), ["db1", "web2"]);
    assert_eq!(names(&["db1;WEB[1]"]), ["db1", "web1"]);
    assert_eq!(names(&["*", "-x", "web1"]), ["db1", "web2"]);
}

#[test]
fn an_error_a_panic_and_a_timeout_are_told_apart() {
    let fleet = Fleet::start(&["web1"]);
    let result = |arguments: &[&str]| {
        let said = fleet.run(&[&["call", "web1", "--json"], arguments].concat());
        assert_eq!(said.code, 1, "{said:?}");
        said.json()["results"]["web1"].clone()
    };
    let failed = result(&["test.fail", "no such unit"]);
    assert_eq!(failed["outcome"], "error");
    assert_eq!(failed["error"]["value"], "no such unit");
    let exploded = result(&["test.explode", "boom 42"]);
    assert_eq!(exploded["outcome"], "trapped");
    assert!(exploded["error"]["message"].as_str().expect("a message").contains("boom 42"), "{exploded}");
    let late = result(&["--timeout", "200ms", "test.sleep", "60000"]);
    assert_eq!(late["outcome"], "timed-out");
    assert_eq!(late["error"]["kind"], "timed-out");
}

#[test]
fn the_table_shows_what_went_wrong_and_the_exit_code_says_that_something_did() {
    let fleet = Fleet::start(&["web1"]);
    let said = fleet.run(&["call", "*", "test.explode", "boom 42"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("trapped") && said.out.contains("boom 42"), "{said:?}");
}

#[test]
fn a_mistake_is_told_before_anything_is_sent() {
    let fleet = Fleet::start(&["web1"]);
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let said = fleet.run(arguments);
        assert_eq!(said.code, code, "{said:?}");
        assert_eq!(said.err.trim().lines().count(), 1, "{said:?}");
        for word in words {
            assert!(said.err.contains(word), "no \"{word}\" in {said:?}");
        }
    };
    refused(&["call", "*", "test.ad", "2", "3"], 2, &["test.ad", "test.add"]);
    refused(&["call", "*", "tset.add", "2", "3"], 2, &["tset", "test.add"]);
    refused(&["call", "*", "test.add", "2", "x"], 2, &["\"b\"", "s64", "\"x\"", "test.add(a: s64, b: s64)"]);
    refused(&["call", "*", "test.add", "2"], 2, &["test.add(a: s64, b: s64)"]);
    refused(&["call", "mail*", "test.ping"], 3, &["mail*"]);
    let nonsense = fleet.run(&["call", "*", "nonsense"]);
    assert_eq!(nonsense.code, 2, "{nonsense:?}");
    assert!(nonsense.err.contains("test.ping"), "no example of a method: {nonsense:?}");
    let jobs = fleet.run(&["job", "list", "--json"]).json();
    assert_eq!(jobs["jobs"], json!([]), "a refused call left a job behind");
}

#[test]
fn without_an_overlord_the_cli_says_how_to_start_one() {
    let mut fleet = Fleet::without_minions();
    fleet.take_overlord().kill();
    let said = fleet.run(&["call", "*", "test.ping"]);
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("overlord serve"), "{said:?}");
}

#[test]
fn an_endless_loop_ends_by_its_limit_while_its_neighbours_go_on() {
    let fleet = Fleet::start(&["web1"]);
    let spinning = fleet.run(&["call", "web1", "test.spin", "--nowait", "--json"]).json();
    let id = spinning["job"].as_str().expect("a job id");
    for _ in 0..5 {
        let said = fleet.run(&["call", "web1", "test.add", "2", "3", "--json"]);
        assert_eq!(said.json()["results"]["web1"]["value"], 5);
    }
    let state = fleet.run(&["job", "show", id, "--json"]).json();
    assert_eq!(state["results"]["web1"]["state"], "running", "the loop ended before its neighbours did");
    let ended = fleet.run(&["job", "wait", id, "--json"]);
    assert_eq!(ended.json()["results"]["web1"]["outcome"], "timed-out", "{ended:?}");
}

#[test]
fn every_wit_type_comes_back_as_it_went() {
    let fleet = Fleet::start(&["web1"]);
    let echo = |method: &str, word: &str| {
        let said = fleet.run(&["call", "web1", method, "--json", "--", word]);
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["results"]["web1"]["value"].clone()
    };
    assert_eq!(echo("test.echo-bool", "true"), json!(true));
    assert_eq!(echo("test.echo-s64", "-9007199254740993"), json!("-9007199254740993"));
    assert_eq!(echo("test.echo-u64", "7"), json!(7));
    assert_eq!(echo("test.echo-f64", "1.5"), json!(1.5));
    assert_eq!(echo("test.echo-char", "ß"), json!("ß"));
    assert_eq!(echo("test.echo-string", "--flag {x}"), json!("--flag {x}"));
}
