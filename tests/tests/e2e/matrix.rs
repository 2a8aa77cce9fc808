//! A daemon that dies at any point loses no job that it accepted, and runs none twice.
//!
//! Each row of the matrix is one point and one kind of call. Several fleets take rows from one queue.

use std::collections::HashMap;
use std::fs;
use std::process::{Child, Output};
use std::sync::Mutex;
use std::time::Instant;

use ledger::MinionLedger;
use machine::failpoint::{Daemon, Point};
use rig::{Fleet, PATIENCE, Said, check_history, fixtures_dir};
use serde_json::Value;
use wire::message::job::{JobId, MinionState, OutcomeKind};

const MINIONS: [&str; 2] = ["web1", "web2"];

/// How many fleets take rows: most of a row is waiting for daemons to find each other again.
const FLEETS: usize = 4;

/// How a connection that died without a word is noticed quickly.
const IDLE_MS: u32 = 3000;

/// One death.
#[derive(Clone, Copy, Debug)]
struct Row {
    victim: &'static str,
    point: Point,
    /// Which of the two calls comes first, and so is the one that reaches the point.
    first: Kind,
}

/// A kind of call: with a job that is synced to disk before it is accepted, or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Durable,
    Waiting,
}

fn rows() -> Vec<Row> {
    let victims = |point: Point| match point.daemon() {
        Daemon::Overlord => &["overlord"][..],
        Daemon::Minion => &["web1"],
        Daemon::Both => &["overlord", "web1"],
        // See `hotload_deaths`, `renewal` and `authorities`.
        Daemon::Modules | Daemon::Renewal | Daemon::Move => &[],
    };
    let mut rows = Vec::new();
    // Nobody cancels here, or gives anything up: see `delivery.rs` and `patience.rs`.
    let passed = |point: &&Point| {
        !matches!(point, Point::CancelBefore | Point::CancelAfter | Point::GiveUpBefore | Point::GiveUpAfter)
    };
    for point in Point::ALL.iter().filter(passed) {
        for victim in victims(*point) {
            rows.extend([Kind::Durable, Kind::Waiting].map(|first| Row { victim, point: *point, first }));
        }
    }
    rows
}

#[test]
fn no_job_is_lost_or_run_twice_wherever_a_daemon_dies() {
    let queue = Mutex::new(rows());
    let next = || queue.lock().expect("no row panics in here").pop();
    std::thread::scope(|scope| {
        for _ in 0..FLEETS {
            scope.spawn(|| {
                let mut trial = Trial::start();
                while let Some(row) = next() {
                    // Shown only where the row fails.
                    println!("{row:?}");
                    trial.run(row);
                }
                trial.end();
            });
        }
    });
}

/// A fleet and what became of its jobs so far.
struct Trial {
    fleet: Fleet,
    calls: usize,
    /// The outcomes of all jobs whose id an operator was told.
    outcomes: HashMap<(JobId, &'static str), OutcomeKind>,
}

impl Trial {
    fn start() -> Self {
        let mut fleet = Fleet::without_minions();
        fleet.failpoints("cli").set_idle(IDLE_MS);
        for minion in MINIONS {
            fleet.enrol(minion);
            fleet.failpoints(minion).set_idle(IDLE_MS);
            let data = fleet.minion_dir(minion).join("data");
            fs::create_dir(&data).expect("made");
            let policy = format!(
                "[modules.files]\nfiles = [{{ host = \"{}\", guest = \"/data\", mode = \"rw\" }}]\n",
                data.display()
            );
            fs::write(fleet.minion_dir(minion).join("minion.toml"), policy).expect("written");
            fleet.start_minion_with(minion, &fixtures_dir());
            fleet.await_connection(minion, 1);
        }
        Self { fleet, calls: 0, outcomes: HashMap::new() }
    }

    fn run(&mut self, row: Row) {
        let failpoints = self.fleet.failpoints(row.victim);
        let second_death = match row.point {
            // These are only reached by a life that finds jobs of a former one.
            Point::ResumeBefore | Point::ResumeAfter => Some(Point::OutcomeBefore),
            Point::InterruptBefore | Point::InterruptAfter => Some(Point::GuestBefore),
            _ => None,
        };
        failpoints.arm(second_death.unwrap_or(row.point));
        let kinds = match row.first {
            Kind::Durable => [Kind::Durable, Kind::Waiting],
            Kind::Waiting => [Kind::Waiting, Kind::Durable],
        };
        let calls = kinds.map(|kind| self.call(kind));
        self.await_kill(row.victim);
        if second_death.is_some() {
            failpoints.arm(row.point);
            self.launch(row.victim);
            self.await_kill(row.victim);
        }
        failpoints.disarm();
        self.start_again(row.victim);
        for (line, child) in calls {
            let output = child.wait_with_output().expect("ends");
            match told(&output) {
                Some(job) => self.check(job, &line, &output),
                // The operator knows nothing of it, and it may or may not have been accepted.
                None => self.check_unknown(&line),
            }
        }
    }

    /// Makes a call that leaves a line of its own on each minion.
    fn call(&mut self, kind: Kind) -> (String, Child) {
        self.calls += 1;
        let line = format!("call {}", self.calls);
        let mut arguments = vec!["call", "*", "files.append", "/data/lines", &line, "50", "--json"];
        if kind == Kind::Durable {
            arguments.push("--async");
        }
        let child = self.fleet.spawn(&arguments);
        (line, child)
    }

    fn await_kill(&mut self, victim: &str) {
        let daemon = match victim {
            "overlord" => self.fleet.take_overlord(),
            minion => self.fleet.take_minion(minion),
        };
        daemon.await_kill();
    }

    fn launch(&mut self, victim: &str) {
        match victim {
            "overlord" => self.fleet.launch_overlord(),
            minion => self.fleet.start_minion_with(minion, &fixtures_dir()),
        }
    }

    fn start_again(&mut self, victim: &str) {
        if victim == "overlord" {
            self.fleet.start_overlord();
            MINIONS.iter().for_each(|minion| self.fleet.await_connection(minion, 1));
        } else {
            let before = self.fleet.overlord().count(&format!("connected minion={victim} "));
            self.launch(victim);
            self.fleet.await_connection(victim, before + 1);
        }
    }

    /// Waits for a job. The connections here give up soon, and a machine that stands still for that long costs one.
    fn waited(&self, job: &str) -> Said {
        let end = Instant::now() + PATIENCE;
        loop {
            let waited = self.fleet.run(&["job", "wait", job, "--json"]);
            if waited.code != 4 || Instant::now() > end {
                return waited;
            }
        }
    }

    /// Checks a job whose id was told.
    fn check(&mut self, job: JobId, line: &str, output: &Output) {
        let waited = self.waited(&job.to_string());
        assert!(matches!(waited.code, 0 | 1), "{waited:?} after {output:?}");
        let document = waited.json();
        for minion in MINIONS {
            let outcome = serde_json::from_value(document["results"][minion]["outcome"].clone());
            let outcome: OutcomeKind = outcome.unwrap_or_else(|_| panic!("no outcome: {document:#}"));
            let times = self.times(minion, line);
            let true_so = match outcome {
                OutcomeKind::Ok => times == 1,
                OutcomeKind::Interrupted => times <= 1,
                OutcomeKind::Undelivered => times == 0,
                // No kill explains any other.
                _ => false,
            };
            assert!(true_so, "{minion} did it {times} times: {document:#}");
            self.outcomes.insert((job, minion), outcome);
        }
        let history = self.fleet.run(&["job", "history", &job.to_string(), "--json"]).json();
        assert_eq!(check_history(&history), Ok(()));
    }

    /// Checks a call of which the operator heard nothing: if there is a job, it ends like any other.
    fn check_unknown(&self, line: &str) {
        for state in ["running", "partial"] {
            let live = self.fleet.run(&["job", "list", "--state", state, "--json"]).json();
            for job in live["jobs"].as_array().expect("jobs") {
                let waited = self.waited(job["job"].as_str().expect("an id"));
                assert!(matches!(waited.code, 0 | 1), "{waited:?}");
            }
        }
        for minion in MINIONS {
            let times = self.times(minion, line);
            assert!(times <= 1, "{minion} did \"{line}\" {times} times");
        }
    }

    /// How often a minion has done what a call asks for.
    fn times(&self, minion: &str, line: &str) -> usize {
        let path = self.fleet.minion_dir(minion).join("data/lines");
        // Without any job that ran there is no file.
        let lines = fs::read_to_string(path).unwrap_or_default();
        lines.lines().filter(|done| *done == line).count()
    }

    /// Checks that the minions have the same on record, and know that the overlord has it.
    fn end(mut self) {
        MINIONS.iter().for_each(|minion| self.fleet.take_minion(minion).stop());
        self.fleet.take_overlord().stop();
        for minion in MINIONS {
            let ledger = MinionLedger::open(&self.fleet.minion_dir(minion).join("ledger")).expect("opens");
            assert_eq!(ledger.unfinished(), Ok(Vec::new()));
            assert_eq!(ledger.unacknowledged(100), Ok(Vec::new()), "{minion} keeps them for nobody");
            for ((job, _), outcome) in self.outcomes.iter().filter(|((_, name), _)| *name == minion) {
                let recorded = ledger.job(job).expect("reads").map(|job| job.state);
                let agreed = match outcome {
                    OutcomeKind::Undelivered => recorded.is_none(),
                    outcome => recorded == Some(MinionState::Finished(*outcome)),
                };
                assert!(agreed, "job {job} is \"{outcome}\" for the overlord, and on {minion} {recorded:?}");
            }
        }
    }
}

/// The job's id, if the command line said it.
fn told(output: &Output) -> Option<JobId> {
    let document: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    if let Some(id) = document.and_then(|document| document["job"].as_str()?.parse().ok()) {
        return Some(id);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| word.parse().ok())
}
