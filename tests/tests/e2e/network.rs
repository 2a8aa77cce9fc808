//! Networks that fail: silent, slow, lossy, and under another address.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rig::{Badness, Fleet, Network, Said, fixtures_dir};

/// Jobs write to `/log` on each minion, which is a file of this name in the minion's folder.
const LOG: &str = "log";

/// Enrols a minion that may write its log, and starts it.
fn add_minion(fleet: &mut Fleet, name: &str) {
    fleet.enrol(name);
    let folder = fleet.minion_dir(name).join(LOG);
    fs::create_dir(&folder).expect("made");
    let policy =
        format!("[modules.files]\nfiles = [{{ host = {folder:?}, guest = \"/{LOG}\", mode = \"rw\" }}]\n");
    fs::write(fleet.minion_dir(name).join("minion.toml"), policy).expect("written");
    fleet.start_minion_with(name, &fixtures_dir());
    fleet.await_connection(name, 1);
}

/// Calls the method that adds this line to a minion's log and then takes so long, and does not wait for it.
fn append(fleet: &Fleet, name: &str, line: &str, pause_ms: u64, options: &[&str]) -> String {
    let call = appends(name, line, pause_ms);
    let said = fleet.run(&[&["call", "--nowait"], options, &words(&call)].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

fn appends(name: &str, line: &str, pause_ms: u64) -> [String; 5] {
    [name, "files.append", &format!("/{LOG}/lines"), line, &pause_ms.to_string()].map(str::to_owned)
}

fn words(call: &[String; 5]) -> [&str; 5] {
    call.each_ref().map(String::as_str)
}

/// How often a line is in a minion's log.
fn times(fleet: &Fleet, name: &str, line: &str) -> usize {
    let path: PathBuf = fleet.minion_dir(name).join(LOG).join("lines");
    let text = fs::read_to_string(&path).unwrap_or_default();
    text.lines().filter(|candidate| *candidate == line).count()
}

fn outcome(fleet: &Fleet, id: &str, name: &str) -> String {
    let waited = fleet.run(&["job", "wait", id, "--json"]).json();
    waited["results"][name]["outcome"].as_str().unwrap_or_else(|| panic!("{waited:#}")).to_owned()
}

/// One silence for all that a silence does, because it takes until both ends give the connection up.
#[test]
fn a_network_that_falls_silent_loses_nothing_and_doubles_nothing() {
    let hosts = ["overlord", "web1", "web2", "web3", "desk"];
    let Some(network) = Network::of(&hosts) else { return };
    let mut fleet = Fleet::in_network(network);
    // Calls without `--queue` may be delivered for a moment only, and no longer than the silence.
    fleet.take_overlord().stop();
    let config = fleet.overlord_dir().join("overlord.toml");
    let text = fs::read_to_string(&config).expect("reads");
    fs::write(&config, text + "\ndelivery = \"1s\"\n").expect("written");
    fleet.start_overlord();
    for name in ["web1", "web2", "web3"] {
        add_minion(&mut fleet, name);
    }
    let brief = append(&fleet, "web1", "ends in the silence", 1000, &[]);
    let long = append(&fleet, "web1", "ends after it", 17_000, &[]);
    let call = appends("web1", "is watched", 17_000);
    let watched = fleet.spawn_on("desk", &[&["call"][..], &words(&call)].concat());
    let watched_id = fleet.await_newest_job(3);
    for id in [&brief, &long, &watched_id] {
        fleet.await_begun(id, "web1");
    }

    for host in &hosts[1..] {
        fleet.network().cut(host);
    }
    let queued = append(&fleet, "web2", "sent into the silence", 0, &["--queue", "10m"]);
    let missed = append(&fleet, "web3", "never delivered", 0, &[]);
    for name in ["web1", "web2", "web3"] {
        let gone = fleet.overlord().logged(&format!("gone minion={name} "), 1);
        assert!(gone.contains("timed out"), "{gone}");
        fleet.minion(name).logged("no overlord answers", 1);
    }
    let watcher: Said = watched.wait_with_output().expect("ends").into();
    assert_eq!(watcher.code, 4, "{watcher:?}");
    assert!(watcher.err.contains(&format!("overlord job wait {watched_id}")), "{watcher:?}");
    for host in &hosts[1..] {
        fleet.network().restore(host);
    }

    for id in [&brief, &long, &watched_id] {
        assert_eq!(outcome(&fleet, id, "web1"), "ok");
    }
    for line in ["ends in the silence", "ends after it", "is watched"] {
        assert_eq!(times(&fleet, "web1", line), 1, "{line}");
    }
    assert_eq!(outcome(&fleet, &queued, "web2"), "ok");
    assert_eq!(times(&fleet, "web2", "sent into the silence"), 1);
    let missed = fleet.run(&["job", "wait", &missed, "--json"]).json();
    let missed = &missed["results"]["web3"];
    assert_eq!(missed["outcome"], "undelivered", "{missed}");
    // It was on its way: the minion said itself that it will not start it.
    assert!(missed["error"]["message"].to_string().contains("delivery deadline"), "{missed}");
    let again = append(&fleet, "web3", "after it", 0, &[]);
    assert_eq!(outcome(&fleet, &again, "web3"), "ok");
    assert_eq!(times(&fleet, "web3", "never delivered"), 0);
}

#[test]
fn a_minion_under_another_address_ends_its_jobs_and_takes_new_ones() {
    let Some(network) = Network::of(&["overlord", "web1"]) else { return };
    let mut fleet = Fleet::in_network(network);
    add_minion(&mut fleet, "web1");
    let id = append(&fleet, "web1", "before", 3000, &[]);
    fleet.await_begun(&id, "web1");
    fleet.network().renumber("web1");
    let new = append(&fleet, "web1", "after", 0, &["--queue", "10m"]);
    for (id, line) in [(&id, "before"), (&new, "after")] {
        assert_eq!(outcome(&fleet, id, "web1"), "ok");
        assert_eq!(times(&fleet, "web1", line), 1, "{line}");
    }
    let address = fleet.network().address("web1").to_string();
    let minions = fleet.run(&["minion", "list", "--json"]).json();
    assert!(minions["minions"][0]["address"].to_string().contains(&address), "{minions}");
}

#[test]
fn a_bad_network_slows_calls_and_loses_or_doubles_none() {
    const CALLERS: usize = 4;
    const CALLS: usize = 50;
    // What waits for its turn at each caller.
    const AT_ONCE: usize = 5;
    let badness =
        Badness { lost: 20, doubled: 5, delay: Duration::from_millis(20), jitter: Duration::from_millis(60) };
    let mut fleet = Fleet::behind(badness);
    add_minion(&mut fleet, "web1");
    let fleet = &fleet;
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            scope.spawn(move || {
                let lines: Vec<String> = (0..CALLS).map(|call| format!("{caller}/{call}")).collect();
                for some in lines.chunks(AT_ONCE) {
                    let calls: Vec<_> = some
                        .iter()
                        .map(|line| {
                            let call = appends("web1", line, 0);
                            fleet.spawn(&[&["call"][..], &words(&call)].concat())
                        })
                        .collect();
                    for call in calls {
                        let said: Said = call.wait_with_output().expect("ends").into();
                        assert_eq!(said.code, 0, "{said:?}");
                    }
                }
            });
        }
    });
    for line in (0..CALLERS).flat_map(|caller| (0..CALLS).map(move |call| format!("{caller}/{call}"))) {
        assert_eq!(times(fleet, "web1", &line), 1, "{line}");
    }
}
