//! More jobs at once than anyone looks at.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use overlord::client::{Client, ClientConfig, JobEvent};
use overlord::folder::Folder;
use overlord::report;
use rig::{Fleet, PATIENCE, Said, check_history};
use wire::message::job::{JobId, JobState, OutcomeKind};
use wire::message::operator::{Call, Follow, History, JobFilter, Target};
use wire::value::arguments::Arguments;

use crate::gate::Gated;

const JOBS: usize = 200;
const MINIONS: usize = 20;

pub(crate) async fn connect(fleet: &Fleet) -> Client {
    let config = ClientConfig::new(Folder::at(fleet.overlord_dir()), None).expect("a folder");
    Client::connect(&config).await.expect("reached")
}

/// Hands in a job for two of the minions, with a line that tells it from all others.
async fn submit(client: &Client, number: usize) -> JobId {
    let (one, other) = (number % MINIONS, (number + 7) % MINIONS);
    let target = Target::of(format!("web{one},web{other}"));
    let arguments = Arguments::Json(format!(r#"["/data/log", "job {number}", "/data/go"]"#));
    let method = "files.append-and-await".parse().expect("a method");
    let call = Call { durable: true, ..Call::new(target, method, arguments) };
    let mut events = client.call(call, Follow::No).await.expect("accepted");
    match events.next().await {
        Ok(Some(JobEvent::Accepted { job, .. })) => job,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Waits until so many jobs are in this state.
pub(crate) async fn await_count(fleet: &Fleet, state: JobState, count: usize) {
    let client = connect(fleet).await;
    let filter = JobFilter { state: Some(state), ..JobFilter::default() };
    let end = Instant::now() + PATIENCE;
    loop {
        let found = client.jobs(filter.clone(), 10_000).await.expect("listed").len();
        if found == count {
            return client.close().await;
        }
        assert!(Instant::now() < end, "{found} of {count} jobs are {state}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// That a history goes forward only, by its numbers and by the rules of both sides.
fn is_in_order(history: &History) {
    let seqs: Vec<u32> = history.transitions.iter().map(|transition| transition.seq).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    check_history(&report::history_json(history)).unwrap_or_else(|error| panic!("{error}"));
    let ends = history.transitions.iter().filter_map(|transition| transition.part.as_ref()?.1.outcome());
    assert!(ends.eq([OutcomeKind::Ok; 2]), "{history:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_jobs_outlive_a_killed_and_a_stopped_overlord_and_run_once() {
    let names: Vec<String> = (0..MINIONS).map(|number| format!("web{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut gated = Gated::start(&names);
    let client = connect(&gated.fleet).await;
    let mut ids = Vec::new();
    for number in 0..JOBS {
        ids.push(submit(&client, number).await);
    }
    client.close().await;
    await_count(&gated.fleet, JobState::Partial, JOBS).await;

    gated.fleet.take_overlord().kill();
    gated.fleet.start_overlord();
    names.iter().for_each(|name| gated.fleet.await_connection(name, 1));
    gated.fleet.take_overlord().stop();
    gated.fleet.start_overlord();
    names.iter().for_each(|name| gated.release(name));
    await_count(&gated.fleet, JobState::Finished, JOBS).await;

    let client = connect(&gated.fleet).await;
    for id in &ids {
        is_in_order(&client.history(&id.to_string()).await.expect("kept"));
    }
    client.close().await;
    for (place, name) in names.iter().enumerate() {
        let mut log = gated.log(name);
        log.sort();
        let mut expected: Vec<String> = (0..JOBS)
            .filter(|number| number % MINIONS == place || (number + 7) % MINIONS == place)
            .map(|number| format!("job {number}"))
            .collect();
        expected.sort();
        assert_eq!(log, expected, "on {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_jobs_of_fifty_callers_at_once_are_all_taken_and_finished() {
    const CALLERS: usize = 50;
    const CALLS: usize = 40;
    let fleet = Fleet::start(&["web1"]);
    let call = |_| {
        let call = || fleet.run(&["call", "web1", "test.ping", "--nowait"]);
        let mut said = call();
        // Fifty processes at once may keep each other from dialling in time; nothing was asked for then.
        let end = Instant::now() + PATIENCE;
        let unasked = |said: &Said| {
            ["no answer within", "during the handshake"].iter().any(|why| said.err.contains(why))
        };
        while unasked(&said) && Instant::now() < end {
            said = call();
        }
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
        said.out.trim().to_owned()
    };
    let caller = || (0..CALLS).map(call).collect::<Vec<_>>();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("all taken")).collect()
    });
    await_count(&fleet, JobState::Finished, CALLERS * CALLS).await;
    let listed = fleet.run(&["job", "list", "--state", "finished", "--limit", "2000", "--json"]).json();
    let listed: HashSet<&str> =
        listed["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["job"].as_str()).collect();
    assert_eq!(listed.len(), CALLERS * CALLS);
    assert!(ids.iter().all(|id| listed.contains(id.as_str())), "a job is not found under its id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_for_its_minion_costs_the_overlord_little() {
    /// With those before them, more than wait on a minion.
    const JOBS: usize = 1_300;
    /// Bytes a job, with what the ledger keeps in memory until it has written a table. Of the live job 4 KiB.
    const MAY_COST: u64 = 12 << 10;
    let mut fleet = Fleet::start(&["web1"]);
    fleet.take_minion("web1").stop();
    let client = connect(&fleet).await;
    let queue = async || {
        let call =
            Call::new(Target::of("web1"), "test.ping".parse().expect("a method"), Arguments::Values(vec![]));
        let call = Call { queue_ms: Some(3_600_000), ..call };
        let mut events = client.call(call, Follow::No).await.expect("accepted");
        match events.next().await {
            Ok(Some(JobEvent::Accepted { job, .. })) => job.to_string(),
            other => panic!("not accepted: {other:?}"),
        }
    };
    // What the first jobs cost is not theirs alone.
    for _ in 0..200 {
        queue().await;
    }
    let before = fleet.overlord().resident_bytes();
    let mut last = String::new();
    for _ in 0..JOBS {
        last = queue().await;
    }
    let each = fleet.overlord().resident_bytes().saturating_sub(before) / JOBS as u64;
    println!("{each} bytes a job");
    assert!(each < MAY_COST, "{each} bytes a job");

    // It serves before it has read all of them again, and knows them all the same.
    fleet.take_overlord().kill();
    fleet.start_overlord();
    let client = connect(&fleet).await;
    let cancelling = client.cancel(&last, None).await.expect("it is not over");
    assert_eq!(cancelling.answer.job.to_string(), last);
    fleet.start_minion("web1");
    await_count(&fleet, JobState::Finished, JOBS + 199).await;
    await_count(&fleet, JobState::RemoteError, 1).await;
    let failed = fleet.run(&["job", "list", "--failed", "--json"]).json();
    let failed: Vec<&str> =
        failed["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["job"].as_str()).collect();
    assert_eq!(failed, [last.as_str()], "nothing but what was cancelled");
}
