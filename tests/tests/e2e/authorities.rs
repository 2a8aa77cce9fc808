//! A fleet moves from one authority to another: while calls are made, while daemons die, and where somebody is off.

mod elsewhere;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use machine::failpoint::Point;
use rig::{Fleet, Over, Said, until};
use serde_json::Value;

use crate::operators::Desk;

/// What `overlord ca status` says.
fn status(fleet: &Fleet) -> Value {
    let said = fleet.run(&["ca", "status", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.json()
}

/// Waits until the move is at this step.
fn await_step(fleet: &Fleet, step: &str) -> Value {
    until(|| {
        let status = status(fleet);
        if status["move"] == step { Ok(status) } else { Err(status.to_string()) }
    })
}

/// Waits until nobody is missing.
fn await_everybody(fleet: &Fleet) -> Value {
    until(|| {
        let status = status(fleet);
        let is_whole = status["missing"].as_array().is_some_and(Vec::is_empty);
        if is_whole { Ok(status) } else { Err(status.to_string()) }
    })
}

/// The fingerprint of the authority that signs.
fn fingerprint(status: &Value) -> String {
    let authorities = status["authorities"].as_array().expect("a list");
    let issuing = authorities.iter().find(|one| one["issues"] == true).expect("one");
    issuing["fingerprint"].as_str().expect("a text").to_owned()
}

/// The names of those who are missing.
fn missing(status: &Value) -> Vec<&str> {
    status["missing"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect()
}

fn ca(fleet: &Fleet, arguments: &[&str]) -> Said {
    let said = fleet.run(&[&["ca"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// Moves a fleet to a new authority, and lets go of the former one.
fn rotate(fleet: &Fleet) {
    ca(fleet, &["rotate"]);
    await_step(fleet, "serving");
    ca(fleet, &["rotate", "--finish"]);
    await_everybody(fleet);
}

fn trusted_by(fleet: &Fleet, minion: &str) -> usize {
    let path = fleet.minion_dir(minion).join("identity/authority.pem");
    fs::read_to_string(path).expect("reads").matches("BEGIN CERTIFICATE").count()
}

fn join(fleet: &mut Fleet, name: &str) {
    fleet.enrol(name);
    fleet.start_minion(name);
    fleet.await_connection(name, 1);
}

fn ping(fleet: &Fleet, minion: &str) {
    let called = fleet.run(&["call", minion, "test.ping"]);
    assert_eq!(called.code, 0, "{called:?}");
}

#[test]
fn a_fleet_moves_to_another_authority_while_calls_are_made_and_none_fails() {
    let fleet = Fleet::start(&["web1", "web2", "web3"]);
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    let former = fingerprint(&status(&fleet));
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let called = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]);
                    assert_eq!(called.code, 0, "{called:?}");
                    assert_eq!(called.json()["counts"]["ok"], 3, "{called:?}");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            // Ends the calls, also where it fails.
            let _over = Over(&over);
            ca(&fleet, &["rotate"]);
            until(|| {
                let status = status(&fleet);
                if missing(&status) == ["bob"] { Ok(()) } else { Err(status.to_string()) }
            });
            assert_eq!(status(&fleet)["move"], "issuing", "the one who is missing is waited for");
            // From another machine: the first command brings the certificate, and the next shows it.
            for _ in 0..2 {
                let called = desk.run(&["call", "web1", "test.ping"]);
                assert_eq!(called.code, 0, "{called:?}");
            }
            await_step(&fleet, "serving");
            assert!((1..=3).all(|number| trusted_by(&fleet, &format!("web{number}")) == 2));
            ca(&fleet, &["rotate", "--finish"]);
            for _ in 0..2 {
                let called = desk.run(&["call", "web1", "test.ping"]);
                assert_eq!(called.code, 0, "{called:?}");
            }
            await_everybody(&fleet);
        });
    });
    let status = status(&fleet);
    assert_ne!(fingerprint(&status), former);
    assert_eq!(
        (&status["move"], status["authorities"].as_array().map(Vec::len)),
        (&"settled".into(), Some(1))
    );
    for minion in ["web1", "web2", "web3"] {
        assert_eq!(trusted_by(&fleet, minion), 1, "{minion} trusts the former authority");
        assert_eq!(fleet.minion(minion).count("not linked"), 0, "{minion} lost its link");
        let audit = fs::read_to_string(fleet.minion_dir(minion).join("audit.jsonl")).expect("reads");
        assert!(audit.contains(r#""event":"authorities-changed""#), "{audit}");
    }
    assert_eq!(fleet.overlord().count("gone minion="), 0);
    assert!(!fleet.overlord_dir().join("authority.key").exists(), "the former key is gone");
    let audit = fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("reads");
    assert!(audit.contains("authority-rotated") && audit.contains("authority-finished"), "{audit}");
    println!("{} calls", calls.load(Ordering::Relaxed));
}

#[test]
fn who_is_off_during_the_move_is_waited_for_and_comes_back_whenever_it_is_on() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let former_token = fleet.run(&["minion", "invite", "web3"]).out.trim().to_owned();
    fleet.take_minion("web2").stop();
    ca(&fleet, &["rotate"]);
    until(|| {
        let status = status(&fleet);
        if missing(&status) == ["web2"] { Ok(()) } else { Err(status.to_string()) }
    });
    let shown = fleet.run(&["ca", "status"]);
    assert!(shown.out.contains("web2") && shown.out.contains("--leave-behind"), "{shown:?}");
    let refused = fleet.run(&["ca", "rotate", "--finish"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("\"web2\"") && refused.err.contains("--leave-behind NAME"), "{refused:?}");
    assert_eq!(fleet.run(&["ca", "rotate"]).code, 1, "one move at a time");

    // Newcomers come in by tokens of before and of now, and move like all others.
    let token = fleet.run(&["minion", "invite", "web4"]).out.trim().to_owned();
    for (name, token) in [("web3", &former_token), ("web4", &token)] {
        assert_eq!(fleet.join(name, token).code, 0, "{name}");
        fleet.enrolled(name);
        fleet.start_minion(name);
        fleet.await_connection(name, 1);
    }
    let late = fleet.run(&["minion", "invite", "web5"]).out.trim().to_owned();
    fleet.take_overlord().stop();
    fleet.start_overlord();
    fleet.start_minion("web2");
    await_step(&fleet, "serving");
    // The overlord is another now, and the token of before is good all the same.
    assert_eq!(fleet.join("web5", &late).code, 0);
    fleet.enrolled("web5");
    fleet.start_minion("web5");
    ca(&fleet, &["rotate", "--finish"]);
    await_everybody(&fleet);
    for minion in ["web1", "web2", "web3", "web4", "web5"] {
        ping(&fleet, minion);
    }
    // A token of the former authority finds another overlord from now on, and says what to do.
    let refused = fleet.join("web6", &former_token);
    assert!(refused.code != 0 && refused.err.contains("overlord minion invite NAME"), "{refused:?}");
}

#[test]
fn who_is_left_behind_is_told_how_to_come_back() {
    let mut fleet = Fleet::start(&["web1", "web2"]);
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    fleet.take_minion("web2").stop();
    ca(&fleet, &["rotate"]);
    until(|| {
        let status = status(&fleet);
        if missing(&status) == ["web2", "bob"] { Ok(()) } else { Err(status.to_string()) }
    });
    assert_eq!(fleet.run(&["ca", "rotate", "--finish", "--leave-behind", "web2"]).code, 2, "bob is left");
    ca(&fleet, &["rotate", "--finish", "--leave-behind", "web2", "--leave-behind", "bob"]);
    fleet.start_minion("web2");
    let why = fleet.minion("web2").logged("its certificate is of another authority", 1);
    assert!(why.contains("overlord minion invite NAME") && why.contains("minion join TOKEN"), "{why}");
    let refused = desk.run(&["status"]);
    assert!(refused.code == 4 && refused.err.contains("overlord login TOKEN"), "{refused:?}");
    let left = until(|| {
        let status = status(&fleet);
        if missing(&status) == ["web2", "bob"] { Ok(status) } else { Err(status.to_string()) }
    });
    assert!(left["missing"].as_array().expect("a list").iter().all(|one| one["lacks"] == "return"), "{left}");

    let token = fleet.run(&["minion", "invite", "web2"]).out;
    assert_eq!(fleet.join("web2", token.trim()).code, 0);
    fleet.await_connection("web2", 2);
    ping(&fleet, "web2");
    let token = fleet.run(&["operator", "invite", "bob", "--replace", "--role", "admin"]).out;
    assert_eq!(desk.run(&["login", token.trim()]).code, 0);
    assert_eq!(desk.run(&["status"]).code, 0);
    await_everybody(&fleet);
}

#[test]
fn the_way_back_leads_to_the_former_authority_from_each_step() {
    let mut fleet = Fleet::start(&["web1"]);
    let former = fingerprint(&status(&fleet));
    for step in ["issuing", "serving"] {
        if step == "issuing" {
            fleet.take_minion("web1").stop();
        }
        ca(&fleet, &["rotate"]);
        await_step(&fleet, step);
        ca(&fleet, &["rotate", "--back"]);
        if step == "issuing" {
            fleet.start_minion("web1");
        }
        let back = await_everybody(&fleet);
        assert_eq!((&back["move"], fingerprint(&back)), (&"back".into(), former.clone()));
        let refused = fleet.run(&["ca", "rotate", "--back"]);
        assert!(refused.code != 0 && refused.err.contains("--finish"), "{refused:?}");
        ca(&fleet, &["rotate", "--finish"]);
        assert_eq!(await_step(&fleet, "settled")["authorities"].as_array().map(Vec::len), Some(1));
        assert_eq!(trusted_by(&fleet, "web1"), 1);
        ping(&fleet, "web1");
    }
    join(&mut fleet, "web2");
    rotate(&fleet);
    assert_ne!(fingerprint(&status(&fleet)), former, "another move is possible");
}

/// Waits until those of these names are missing, and nobody else.
fn await_missing(fleet: &Fleet, names: &[&str]) {
    until(|| {
        let status = status(fleet);
        if missing(&status) == names { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn the_way_back_waits_for_who_was_given_the_new_certificate_and_has_not_shown_it() {
    let fleet = Fleet::start(&["web1"]);
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    ca(&fleet, &["rotate"]);
    await_missing(&fleet, &["bob"]);
    // It has the new certificate from now on, and nothing else.
    assert_eq!(desk.run(&["status"]).code, 0);
    ca(&fleet, &["rotate", "--back"]);
    await_missing(&fleet, &["bob"]);
    let refused = fleet.run(&["ca", "rotate", "--finish"]);
    assert!(refused.code == 2 && refused.err.contains("\"bob\""), "{refused:?}");
    for _ in 0..2 {
        assert_eq!(desk.run(&["status"]).code, 0);
    }
    await_everybody(&fleet);
    ca(&fleet, &["rotate", "--finish"]);
    assert_eq!(desk.run(&["status"]).code, 0);
}

#[test]
fn the_end_of_a_move_spares_who_asks_for_it_and_ends_the_connections_of_who_is_left() {
    let fleet = Fleet::start(&["web1"]);
    let desk = Desk::of(&fleet, "bob", &["admin"]);
    let mut follower =
        desk.command().args(["audit", "--follow"]).stdout(Stdio::null()).spawn().expect("starts");
    until(|| {
        let bob = fleet.run(&["operator", "show", "bob", "--json"]);
        if bob.json()["connection_count"] == 1 { Ok(()) } else { Err(bob.out) }
    });
    ca(&fleet, &["rotate"]);
    let refused = fleet.run(&["ca", "rotate", "--finish", "--force"]);
    assert!(refused.code == 2 && refused.err.contains("`overlord ca status`"), "{refused:?}");
    await_missing(&fleet, &["bob"]);
    ca(&fleet, &["rotate", "--finish", "--leave-behind", "bob"]);
    until(|| follower.try_wait().expect("waits").ok_or("it goes on".to_owned()));
    ping(&fleet, "web1");
    assert_eq!(fleet.minion("web1").count("not linked"), 0);
}

/// Runs a command over which the overlord dies, and starts the overlord again.
fn dies_over(fleet: &mut Fleet, point: Point, arguments: &[&str]) {
    fleet.failpoints("overlord").arm(point);
    let mut command = fleet.spawn(&[&["ca"], arguments].concat());
    fleet.take_overlord().await_kill();
    fleet.failpoints("overlord").disarm();
    fleet.start_overlord();
    command.wait().expect("ends");
}

#[test]
fn wherever_the_overlord_dies_over_the_move_it_goes_on_from_the_step_that_is_written() {
    std::thread::scope(|scope| {
        for point in [Point::MoveBefore, Point::MoveAfter] {
            scope.spawn(move || dies_over_each_step(point));
        }
    });
}

fn dies_over_each_step(point: Point) {
    let is_written = point == Point::MoveAfter;
    let mut fleet = Fleet::start(&["web1"]);
    let former = fingerprint(&status(&fleet));
    let step = |fleet: &mut Fleet, arguments: &[&str], before: &str, after: &str| {
        dies_over(fleet, point, arguments);
        assert_eq!(status(fleet)["move"], if is_written { after } else { before }, "{arguments:?}");
        if !is_written {
            ca(fleet, arguments);
        }
    };
    fleet.take_minion("web1").stop();
    step(&mut fleet, &["rotate"], "settled", "issuing");
    step(&mut fleet, &["rotate", "--back"], "issuing", "back");
    // Who has asked for it is somebody who goes back as well.
    await_everybody(&fleet);
    step(&mut fleet, &["rotate", "--finish"], "back", "settled");
    assert_eq!(fingerprint(&status(&fleet)), former);
    ca(&fleet, &["rotate"]);
    until(|| {
        let status = status(&fleet);
        if missing(&status) == ["web1"] { Ok(()) } else { Err(status.to_string()) }
    });
    // The step that the overlord takes by itself, once the last one has come.
    fleet.failpoints("overlord").arm(point);
    fleet.start_minion("web1");
    fleet.take_overlord().await_kill();
    fleet.failpoints("overlord").disarm();
    fleet.start_overlord();
    await_step(&fleet, "serving");
    fleet.await_connection("web1", 1);
    step(&mut fleet, &["rotate", "--finish"], "serving", "settled");
    await_everybody(&fleet);
    assert_ne!(fingerprint(&status(&fleet)), former);
    let folder = fs::read_dir(fleet.overlord_dir().join("authorities")).expect("listed");
    let keys = folder.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "key"))
    });
    assert_eq!(keys.count(), 1, "keys of authorities that are gone are left");
    ping(&fleet, "web1");
}
