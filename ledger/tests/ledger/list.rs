use ledger::{Durability, JobRecord, OverlordLedger};
use wire::message::job::{JobState, OutcomeKind};
use wire::message::operator::JobFilter;
use wire::message::outcome::FailureKind;

use crate::rig::{Folder, Reports, T0, failed, id, job, name, ok};

/// Six jobs: two operators, two modules, two minions, all states.
async fn six_jobs(ledger: &OverlordLedger) {
    let jobs = [
        (1, "ann", "test.ping", vec!["web1"]),
        (2, "bob", "test.ping", vec!["web2"]),
        (3, "ann", "service.restart", vec!["web1", "web2"]),
        (4, "bob", "service.restart", vec!["web1"]),
        (5, "ann", "test.ping", vec!["web2"]),
        (6, "annabel", "test2.ping", vec!["web11"]),
    ];
    for (number, operator, method, targets) in jobs {
        let record = JobRecord {
            operator: operator.parse().unwrap(),
            method: method.parse().unwrap(),
            ..job(number, &targets)
        };
        ledger.accept(record, Durability::Written).await.unwrap();
    }
    ledger.ends(1, "web1", ok(1, T0 + 10)).await;
    ledger.ends(2, "web2", failed(FailureKind::Error, T0 + 11)).await;
    ledger.runs(4, "web1", T0 + 12).await;
}

async fn numbers(ledger: &OverlordLedger, filter: JobFilter) -> Vec<u64> {
    let listed = ledger.list(&filter, 100).await.unwrap();
    listed.into_iter().map(|line| line.job.made_at() - T0).collect()
}

#[tokio::test]
async fn jobs_are_listed_by_each_filter_newest_first() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    drop(ledger);

    let ledger = folder.overlord();
    let all = JobFilter::default;
    let of = |operator: &str| JobFilter { operator: Some(operator.parse().unwrap()), ..all() };
    let calls = |module: &str| JobFilter { module: Some(module.parse().unwrap()), ..all() };
    let on = |minion: &str| JobFilter { target: Some(name(minion)), ..all() };
    let is = |state: JobState| JobFilter { state: Some(state), ..all() };
    assert_eq!(numbers(&ledger, all()).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(numbers(&ledger, of("ann")).await, [5, 3, 1]);
    assert_eq!(numbers(&ledger, calls("test")).await, [5, 2, 1]);
    assert_eq!(numbers(&ledger, on("web1")).await, [4, 3, 1]);
    assert_eq!(numbers(&ledger, is(JobState::Running)).await, [6, 5, 3]);
    assert_eq!(numbers(&ledger, is(JobState::Partial)).await, [4]);
    assert_eq!(numbers(&ledger, is(JobState::Finished)).await, [1]);
    assert_eq!(numbers(&ledger, is(JobState::RemoteError)).await, [2]);
    assert_eq!(numbers(&ledger, JobFilter { since: Some(T0 + 4), ..all() }).await, [6, 5, 4]);
    assert_eq!(numbers(&ledger, JobFilter { before: Some(T0 + 4), ..all() }).await, [3, 2, 1]);
    assert_eq!(numbers(&ledger, JobFilter { before: Some(0), ..all() }).await, [0_u64; 0]);
    let of_method = |method: &str| JobFilter { method: Some(method.parse().unwrap()), ..all() };
    assert_eq!(numbers(&ledger, of_method("service.restart")).await, [4, 3]);
    assert_eq!(numbers(&ledger, of_method("service.stop")).await, [0_u64; 0]);
}

#[tokio::test]
async fn a_method_is_found_under_its_own_name_and_under_that_of_its_interface() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    for (number, method) in
        [(1, "service.unit/restart"), (2, "service.timer/restart"), (3, "service.restart")]
    {
        let record = JobRecord { method: method.parse().unwrap(), ..job(number, &["web1"]) };
        ledger.accept(record, Durability::Written).await.unwrap();
    }
    for (method, found) in [
        ("service.restart", &[3, 2, 1][..]),
        ("service.unit/restart", &[1]),
        ("service.timer/restart", &[2]),
        ("service.unit/stop", &[]),
        ("test.restart", &[]),
    ] {
        let filter = JobFilter { method: Some(method.parse().unwrap()), ..JobFilter::default() };
        assert_eq!(numbers(&ledger, filter).await, found, "{method}");
    }
}

#[tokio::test]
async fn a_time_that_no_job_can_have_is_behind_them_all() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    for time in [(1 << 48) - 1, 1 << 48, u64::MAX] {
        let filter = JobFilter { before: Some(time), ..JobFilter::default() };
        assert_eq!(numbers(&ledger, filter).await, [6, 5, 4, 3, 2, 1], "before {time}");
        let filter = JobFilter { since: Some(time), ..JobFilter::default() };
        assert_eq!(numbers(&ledger, filter).await, [0_u64; 0], "since {time}");
    }
    assert_eq!(ledger.newest().await.unwrap(), Some(id(6)));
}

#[tokio::test]
async fn filters_narrow_each_other() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    let filter = JobFilter {
        state: Some(JobState::Running),
        operator: Some("ann".parse().unwrap()),
        target: Some(name("web2")),
        since: Some(T0 + 4),
        before: Some(T0 + 6),
        module: Some("test".parse().unwrap()),
        method: Some("test.ping".parse().unwrap()),
        ..JobFilter::default()
    };
    assert_eq!(numbers(&ledger, filter.clone()).await, [5]);
    assert_eq!(
        numbers(&ledger, JobFilter { operator: Some("bob".parse().unwrap()), ..filter }).await,
        [0_u64; 0]
    );
}

#[tokio::test]
async fn outcomes_are_counted_and_jobs_found_by_them() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    // One of its two parts is over already.
    ledger.ends(3, "web2", failed(FailureKind::Denied, T0 + 13)).await;
    let with = |outcomes: &[OutcomeKind]| JobFilter { outcomes: outcomes.to_vec(), ..JobFilter::default() };
    assert_eq!(numbers(&ledger, JobFilter { failed: true, ..JobFilter::default() }).await, [3, 2]);
    assert_eq!(numbers(&ledger, with(&[OutcomeKind::Ok])).await, [1]);
    assert_eq!(numbers(&ledger, with(&[OutcomeKind::Ok, OutcomeKind::Denied])).await, [3, 1]);
    assert_eq!(numbers(&ledger, with(&[OutcomeKind::Lost])).await, [0_u64; 0]);
    let counts: Vec<_> = ledger
        .list(&JobFilter::default(), 100)
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.counts.unwrap())
        .collect();
    let (ok, error, denied) = (OutcomeKind::Ok, OutcomeKind::Error, OutcomeKind::Denied);
    assert_eq!(counts, [vec![], vec![], vec![], vec![(denied, 1)], vec![(error, 1)], vec![(ok, 1)]]);
}

#[tokio::test]
async fn each_outcome_is_counted_as_often_as_it_occurred() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let minions = ["web1", "web2", "web3", "web4"];
    ledger.accept(job(1, &minions), Durability::Written).await.unwrap();
    let counts = async || ledger.list(&JobFilter::default(), 1).await.unwrap().remove(0).counts.unwrap();
    for minion in &minions[..2] {
        ledger.ends(1, minion, ok(1, T0 + 2)).await;
    }
    assert_eq!(counts().await, [(OutcomeKind::Ok, 2)]);
    for minion in &minions[2..] {
        ledger.ends(1, minion, failed(FailureKind::Lost, T0 + 3)).await;
    }
    assert_eq!(counts().await, [(OutcomeKind::Ok, 2), (OutcomeKind::Lost, 2)]);
}

#[tokio::test]
async fn a_list_is_as_long_as_asked_and_says_what_a_line_needs() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    assert_eq!(ledger.list(&JobFilter::default(), 2).await.unwrap().len(), 2);
    let line = ledger
        .list(&JobFilter { state: Some(JobState::Finished), ..JobFilter::default() }, 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((line.job, line.targets, line.ended_at), (id(1), 1, Some(T0 + 10)));
    assert_eq!((line.target.as_str(), line.accepted_at), ("*", T0 + 1));
}

#[tokio::test]
async fn live_jobs_are_those_that_are_not_over_oldest_first() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    assert_eq!(ledger.live().await.unwrap(), [3, 4, 5, 6].map(id));
}

#[tokio::test]
async fn a_shortened_id_finds_what_begins_with_it() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    six_jobs(&ledger).await;
    let text = id(3).to_string();
    assert_eq!(ledger.by_prefix(&text).await.unwrap(), [id(3)]);
    assert_eq!(ledger.by_prefix(&text[..10].to_lowercase()).await.unwrap(), [id(3)]);
    assert_eq!(ledger.by_prefix(&text[..6]).await.unwrap().len(), 6);
    for number in 7..=12 {
        ledger.accept(job(number, &["web1"]), Durability::Written).await.unwrap();
    }
    assert_eq!(ledger.by_prefix(&text[..6]).await.unwrap().len(), 10, "there are twelve");
    assert_eq!(ledger.by_prefix("0000").await.unwrap(), []);
    assert_eq!(ledger.by_prefix("not an id").await.unwrap(), []);
}
