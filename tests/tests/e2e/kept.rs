//! Calls that are kept for a minion which has less room than there are of them.

use overlord::client::{Client, JobEvent};
use rig::until;
use wire::message::job::{JobId, JobState, OutcomeKind};
use wire::message::operator::{Call, Follow, JobFilter, JobSummary, Target};
use wire::value::arguments::Arguments;

use crate::gate::Gated;
use crate::scale::{await_count, connect};

/// How many jobs run at once on the minion.
const PLACES: usize = 4;
/// How many more may wait there.
const ROOM: usize = 8;
/// More than may be there, and more than are on their way to it at once.
const JOBS: usize = 150;

/// A minion with little room, whose jobs wait at the gate.
fn gated() -> Gated {
    Gated::with(&["web1"], &format!("[limits]\njobs = {PLACES}\nqueue = {ROOM}\n"))
}

/// Hands in a call that is kept for the minion and leaves a line of its own there.
async fn keep(client: &Client, number: usize) -> JobId {
    let arguments = Arguments::Json(format!(r#"["/data/log", "job {number}", "/data/go"]"#));
    let method = "files.append-and-await".parse().expect("a method");
    let call = Call { queue_ms: Some(3_600_000), ..Call::new(Target::of("web1"), method, arguments) };
    let mut events = client.call(call, Follow::No).await.expect("accepted");
    match events.next().await {
        Ok(Some(JobEvent::Accepted { job, .. })) => job,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Hands in so many, and gives their ids in that order.
async fn keep_all(gated: &Gated, numbers: std::ops::Range<usize>) -> Vec<JobId> {
    let client = connect(&gated.fleet).await;
    let mut ids = Vec::new();
    for number in numbers {
        ids.push(keep(&client, number).await);
    }
    client.close().await;
    ids
}

/// Waits until so many jobs have begun on the minion.
fn await_begun(gated: &Gated, begun: usize) {
    until(|| match gated.log("web1").len() {
        found if found == begun => Ok(()),
        found => Err(format!("{found} of {begun} have begun")),
    });
}

/// How often a job has begun.
fn times(log: &[String], number: usize) -> usize {
    log.iter().filter(|line| **line == format!("job {number}")).count()
}

/// The outcome of a job with one part.
fn outcome(jobs: &[JobSummary], id: JobId) -> OutcomeKind {
    let job = jobs.iter().find(|job| job.job == id).expect("listed");
    match job.counts.as_deref() {
        Some([(outcome, 1)]) => *outcome,
        other => panic!("job {id} ended with {other:?}"),
    }
}

async fn list(gated: &Gated) -> Vec<JobSummary> {
    let client = connect(&gated.fleet).await;
    let jobs = client.jobs(JobFilter::default(), 10_000).await.expect("listed");
    client.close().await;
    jobs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_them_run_once_also_where_the_overlord_dies_over_it() {
    let mut gated = gated();
    gated.fleet.take_minion("web1").stop();
    let ids = keep_all(&gated, 0..JOBS).await;
    gated.start_again("web1");
    await_begun(&gated, PLACES);
    gated.fleet.take_overlord().kill();
    gated.fleet.start_overlord();
    gated.fleet.await_connection("web1", 1);
    gated.release("web1");
    await_count(&gated.fleet, JobState::Finished, JOBS).await;
    let (jobs, log) = (list(&gated).await, gated.log("web1"));
    for (number, id) in ids.iter().enumerate() {
        assert_eq!((outcome(&jobs, *id), times(&log, number)), (OutcomeKind::Ok, 1), "job {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_those_that_their_minion_had_are_interrupted_where_it_dies() {
    let mut gated = gated();
    let ids = keep_all(&gated, 0..JOBS).await;
    await_begun(&gated, PLACES);
    gated.fleet.take_minion("web1").kill();
    gated.release("web1");
    gated.start_again("web1");
    for state in [JobState::Running, JobState::Partial] {
        await_count(&gated.fleet, state, 0).await;
    }
    let (jobs, log) = (list(&gated).await, gated.log("web1"));
    let mut interrupted = 0;
    for (number, id) in ids.iter().enumerate() {
        let times = times(&log, number);
        match outcome(&jobs, *id) {
            OutcomeKind::Ok => assert_eq!(times, 1, "job {number}"),
            OutcomeKind::Interrupted => {
                assert!(times <= 1, "job {number} began {times} times");
                interrupted += 1;
            }
            other => panic!("job {number} is {other}"),
        }
    }
    assert!((PLACES..=PLACES + ROOM).contains(&interrupted), "{interrupted} were interrupted");
}
