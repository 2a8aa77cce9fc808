//! Certificates that are renewed: while calls are made, while daemons die, and where nobody renews them.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use machine::failpoint::{Daemon, Point};
use rig::{Fleet, Over};
use serde_json::Value;
use wire::identity::{Authority, Identity, Lifetimes};

const DAY_MS: i64 = 24 * 3_600_000;

/// The lifetime with which several renewals come in a minute.
const BRIEF: &str = "lifetime = \"30s\"";

/// An overlord whose certificates are good for so long.
fn fleet(certificates: &str) -> Fleet {
    let mut fleet = Fleet::without_minions();
    configure(&mut fleet, certificates);
    fleet
}

fn configure(fleet: &mut Fleet, certificates: &str) {
    let path = fleet.overlord_dir().join("overlord.toml");
    let text = fs::read_to_string(&path).expect("reads");
    fs::write(&path, format!("{text}\n[certificates]\n{certificates}\n")).expect("written");
    fleet.take_overlord().stop();
    fleet.start_overlord();
}

fn join(fleet: &mut Fleet, name: &str) {
    fleet.enrol(name);
    fleet.start_minion(name);
    fleet.await_connection(name, 1);
}

/// A minion as the overlord lists it.
fn listed(fleet: &Fleet, name: &str) -> Value {
    let list = fleet.run(&["minion", "list", "--json"]).json();
    let minions = list["minions"].as_array().cloned().unwrap_or_default();
    minions.into_iter().find(|minion| minion["name"] == name).unwrap_or_default()
}

fn renewals(fleet: &Fleet, minion: &str) -> usize {
    fleet.overlord().count(&format!("its new key is in use minion={minion} "))
}

fn await_renewal(fleet: &Fleet, minion: &str, nth: usize) {
    fleet.overlord().logged(&format!("its new key is in use minion={minion} "), nth);
}

#[test]
fn calls_and_jobs_notice_nothing_of_renewals() {
    under_fire(8, 3);
}

#[test]
#[ignore = "takes five minutes: run by hand for its figures"]
fn calls_and_jobs_of_many_minions_notice_nothing_for_long() {
    under_fire(20, 15);
}

/// Gives the operator a certificate as brief as the configuration has them, in the place of the one that was made before it.
fn brief_operator(fleet: &Fleet) {
    let brief = Lifetimes { operator: Duration::from_secs(30), ..Lifetimes::default() };
    let authority = Authority::load(&fleet.overlord_dir()).expect("there");
    let former = Identity::load(&fleet.overlord_dir(), "operator").expect("there");
    let identity = authority.reissue(&former, brief).expect("issued");
    identity.save(&fleet.overlord_dir(), "operator").expect("saved");
}

/// Makes calls of so many minions until each of them has renewed its certificate so many times, with jobs going on that outlive
/// a certificate.
fn under_fire(minions: usize, times: usize) {
    let mut fleet = fleet(&format!("{BRIEF}\noperator-lifetime = \"30s\""));
    let names: Vec<String> = (1..=minions).map(|number| format!("web{number}")).collect();
    for minion in &names {
        join(&mut fleet, minion);
    }
    brief_operator(&fleet);
    let key = || fs::read(fleet.overlord_dir().join("operator.key")).expect("reads");
    let operator = key();
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let called = fleet.run(&["call", "*", "test.add", "2", "3", "--json"]);
                    assert_eq!(called.code, 0, "{called:?}");
                    assert_eq!(called.json()["counts"]["ok"], minions, "{called:?}");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let job = fleet.run(&["call", "*", "--nowait", "test.sleep", "45000"]).out.trim().to_owned();
                let ended = fleet.run(&["job", "wait", &job, "--json"]);
                assert_eq!(ended.json()["counts"]["ok"], minions, "{ended:?}");
            }
        });
        scope.spawn(|| {
            // Ends the calls, also where it fails.
            let _over = Over(&over);
            names.iter().for_each(|minion| await_renewal(&fleet, minion, times));
        });
    });
    let mut seen = 0;
    for minion in &names {
        seen += renewals(&fleet, minion);
        assert!(renewals(&fleet, minion) >= times, "{minion}");
        assert_eq!(fleet.minion(minion).count("not linked"), 0, "{minion} lost its link");
        let listed = listed(&fleet, minion);
        assert_eq!(
            (&listed["connected"], &listed["certificate"]),
            (&true.into(), &"good".into()),
            "{listed}"
        );
    }
    assert_eq!(fleet.overlord().count("gone minion="), 0);
    assert!(operator != key(), "the operator's certificate was not renewed");
    println!("{} calls of {minions} minions, {seen} renewals", calls.load(Ordering::Relaxed));
}

#[test]
fn wherever_a_daemon_dies_over_a_renewal_the_minion_is_let_in_and_renews() {
    let points = || Point::ALL.iter().filter(|point| point.daemon() == Daemon::Renewal);
    assert!(points().count() > 0);
    // Each waits for a certificate to be due, so they wait together.
    std::thread::scope(|scope| {
        for point in points() {
            scope.spawn(|| dies_over_a_renewal(*point));
        }
    });
}

fn dies_over_a_renewal(point: Point) {
    let mut fleet = fleet(BRIEF);
    join(&mut fleet, "web1");
    match point {
        Point::RenewalBefore | Point::RenewalAfter | Point::ProofBefore | Point::ProofAfter => {
            fleet.failpoints("overlord").arm(point);
            fleet.take_overlord().await_kill();
            fleet.failpoints("overlord").disarm();
            fleet.start_overlord();
            fleet.await_connection("web1", 1);
        }
        _ => {
            fleet.failpoints("web1").arm(point);
            fleet.take_minion("web1").await_kill();
            fleet.failpoints("web1").disarm();
            fleet.start_minion("web1");
            fleet.await_connection("web1", 2);
        }
    }
    assert!(!fleet.minion_dir("web1").join("identity/minion.replacing").exists(), "after {point:?}");
    let before = renewals(&fleet, "web1");
    await_renewal(&fleet, "web1", before + 1);
    let called = fleet.run(&["call", "web1", "test.ping"]);
    assert_eq!(called.code, 0, "after {point:?}: {called:?}");
}

#[test]
fn a_former_key_is_refused_once_the_new_one_was_seen() {
    let mut fleet = fleet(BRIEF);
    fleet.enrol("web1");
    let identity = fleet.minion_dir("web1").join("identity");
    let former = fleet.minion_dir("former");
    fs::create_dir_all(&former).expect("made");
    fs::create_dir_all(former.join("identity")).expect("made");
    fs::copy(fleet.minion_dir("web1").join("enrolment.toml"), former.join("enrolment.toml")).expect("copied");
    for file in ["minion.key", "minion.pem", "authority.pem"] {
        fs::copy(identity.join(file), former.join("identity").join(file)).expect("copied");
    }
    fleet.start_minion("web1");
    await_renewal(&fleet, "web1", 1);
    fleet.take_minion("web1").stop();
    fleet.enrolled("former");
    fleet.start_minion("former");
    fleet.overlord().logged("has renewed its key since, and this is a former one", 1);
    let web1 = listed(&fleet, "web1");
    assert_eq!((&web1["connected"], &web1["troubles"][0]["kind"]), (&false.into(), &"second-minion".into()));
    fleet.start_minion("web1");
    fleet.await_connection("web1", 2);
    let audit = fs::read_to_string(fleet.overlord_dir().join("audit.jsonl")).expect("reads");
    assert!(audit.contains(r#""event":"renew""#) && audit.contains(r#""minion":"web1""#), "{audit}");
}

#[test]
fn a_minion_that_was_off_for_too_long_is_listed_as_expired_and_joins_again() {
    let mut fleet = fleet("lifetime = \"10days\"");
    join(&mut fleet, "web1");
    assert_eq!(listed(&fleet, "web1")["certificate"], "good");
    fleet.take_minion("web1").stop();
    let set_clocks = |fleet: &Fleet, days: i64| {
        for name in ["overlord", "cli", "web1"] {
            fleet.failpoints(name).set_clock(days * DAY_MS);
        }
    };
    set_clocks(&fleet, 8);
    let list = fleet.run(&["minion", "list"]);
    assert!(list.out.contains("ending") && list.out.contains("renews that as soon as"), "{list:?}");
    set_clocks(&fleet, 11);
    let list = fleet.run(&["minion", "list"]);
    assert!(list.out.contains("expired") && list.out.contains("overlord minion invite web1"), "{list:?}");
    let listed = listed(&fleet, "web1");
    assert_eq!(listed["certificate"], "expired", "{listed}");
    assert!(listed["valid_until_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{listed}");

    fleet.start_minion("web1");
    let why = fleet.minion("web1").logged("its certificate has ended", 1);
    assert!(why.contains("overlord minion invite web1") && why.contains("minion join TOKEN"), "{why}");
    let token = fleet.run(&["minion", "invite", "web1"]).out;
    let joined = fleet.join("web1", token.trim());
    assert_eq!(joined.code, 0, "{joined:?}");
    fleet.await_connection("web1", 2);
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
}

#[test]
fn clocks_that_differ_by_minutes_do_no_harm_to_brief_certificates() {
    let mut fleet = fleet(&format!("{BRIEF}\noperator-lifetime = \"30s\""));
    for (minion, minutes) in [("slow", -20), ("fast", 20)] {
        fleet.failpoints(minion).set_clock(minutes * 60_000);
        join(&mut fleet, minion);
    }
    for minion in ["slow", "fast"] {
        await_renewal(&fleet, minion, 2);
        assert_eq!(fleet.minion(minion).count("not linked"), 0, "{minion}");
    }
    assert_eq!(fleet.overlord().count("gone minion="), 0);
}

#[test]
fn the_overlord_and_an_operator_renew_their_own_certificates_and_nobody_loses_a_link() {
    let mut fleet = Fleet::start(&["web1"]);
    let files = ["overlord.key", "overlord.pem", "operator.key", "operator.pem"];
    let read = |fleet: &Fleet| files.map(|file| fs::read(fleet.overlord_dir().join(file)).expect("reads"));
    let before = read(&fleet);
    assert_eq!(fleet.run(&["status"]).code, 0);
    assert_eq!(read(&fleet), before, "nothing was due");

    for name in ["overlord", "cli", "web1"] {
        fleet.failpoints(name).set_clock(250 * DAY_MS);
    }
    fleet.overlord().logged("renewed the overlord's own certificate", 1);
    // Without the authority in the folder, as on another host.
    let key = fleet.overlord_dir().join("authority.key");
    let elsewhere = fleet.overlord_dir().join("elsewhere.key");
    fs::rename(&key, &elsewhere).expect("moved");
    let status = fleet.run(&["status"]);
    assert_eq!((status.code, status.err.as_str()), (0, ""), "{status:?}");
    for (file, (before, after)) in files.iter().zip(before.iter().zip(read(&fleet))) {
        assert!(*before != after, "{file} is the former one");
    }
    assert_eq!(fleet.run(&["status"]).code, 0, "with the new one");
    fs::rename(&elsewhere, &key).expect("moved back");
    assert_eq!(fleet.run(&["call", "web1", "test.ping"]).code, 0);
    assert_eq!(fleet.overlord().count("gone minion="), 0);
    // It shows the new one to those who come, and they take it.
    fleet.take_overlord().stop();
    fleet.start_overlord();
    assert_eq!(fleet.run(&["status"]).code, 0);
}
