use ledger::{Durability, Retention};
use wire::message::operator::JobFilter;

use crate::rig::{Folder, Reports, T0, id, id_made_at, job, ok, start};

const DAY: u64 = 24 * 60 * 60 * 1000;
const WEEK: Retention = Retention { keep_ms: Some(7 * DAY), bytes: None };

#[tokio::test]
async fn a_job_is_kept_from_its_end_and_not_from_its_beginning() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    ledger.ends(1, "web1", ok(1, T0 + 30 * DAY)).await;
    assert_eq!(ledger.purge(WEEK, T0 + 36 * DAY).await.unwrap(), 0);
    assert_eq!(ledger.purge(WEEK, T0 + 37 * DAY).await.unwrap(), 1);
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.job(id(1)).await.unwrap(), None);
    assert_eq!(ledger.list(&JobFilter::default(), 10).await.unwrap(), []);
    assert_eq!(ledger.transitions(id(1)).await.unwrap(), []);
    assert_eq!(ledger.outcomes(id(1)).await.unwrap(), []);
    assert_eq!(ledger.by_prefix(&id(1).to_string()).await.unwrap(), []);
}

#[tokio::test]
async fn a_job_that_is_not_over_is_never_purged() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    for number in 1..=2 {
        ledger.accept(job(number, &["web1"]), Durability::Written).await.unwrap();
    }
    ledger.runs(2, "web1", T0).await;
    let nothing = Retention { keep_ms: Some(0), bytes: Some(0) };
    assert_eq!(ledger.purge(nothing, u64::MAX).await.unwrap(), 0);
    assert_eq!(ledger.live().await.unwrap(), [id(1), id(2)]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_purges_nothing_early() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    ledger.accept(job(2, &["web1"]), Durability::Written).await.unwrap();
    // It ends, by the clock, years before it began.
    ledger.ends(1, "web1", ok(1, 5)).await;
    assert_eq!(ledger.purge(WEEK, T0 + 6 * DAY).await.unwrap(), 0);
    assert_eq!(ledger.purge(WEEK, 5).await.unwrap(), 0);
    assert_eq!(ledger.purge(WEEK, T0 + 8 * DAY).await.unwrap(), 1);
    assert_eq!(ledger.live().await.unwrap(), [id(2)]);
}

#[tokio::test]
async fn a_size_budget_takes_those_that_ended_first() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    for number in 1..=100 {
        ledger.accept(job(number, &["web1"]), Durability::Written).await.unwrap();
    }
    // They end in the opposite order.
    for number in (1..=100).rev() {
        ledger.ends(number, "web1", ok(1, T0 + 1000 - number)).await;
    }
    let all = ledger.purge(Retention { keep_ms: None, bytes: Some(1 << 30) }, T0).await.unwrap();
    assert_eq!(all, 0);
    let purged = ledger.purge(Retention { keep_ms: None, bytes: Some(10_000) }, T0).await.unwrap();
    let left: Vec<_> =
        ledger.list(&JobFilter::default(), 200).await.unwrap().iter().map(|line| line.job).collect();
    assert!((1..100).contains(&purged), "{purged}");
    assert_eq!(left, (1..=100 - purged as u64).rev().map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_minion_keeps_what_the_overlord_does_not_have() {
    let folder = Folder::new();
    let ledger = folder.minion();
    for number in 1..=3 {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
    }
    ledger.finished(id(1), ok(1, T0 + 1), Durability::Written).await.unwrap();
    ledger.finished(id(2), ok(1, T0 + 2), Durability::Written).await.unwrap();
    ledger.acknowledged(id(2)).await.unwrap();
    ledger.acknowledged(id(3)).await.unwrap();
    let nothing = Retention { keep_ms: Some(0), bytes: Some(0) };
    assert_eq!(ledger.purge(nothing, u64::MAX).await.unwrap(), 1);
    drop(ledger);

    let ledger = folder.minion();
    assert!(ledger.job(&id(2)).unwrap().is_none());
    assert_eq!(ledger.unacknowledged(10).unwrap(), [id(1)]);
    assert_eq!(ledger.unfinished().unwrap(), [id(3)]);
}

#[tokio::test]
async fn a_minion_counts_retention_from_the_end_even_with_the_clock_set_back() {
    let folder = Folder::new();
    let ledger = folder.minion();
    ledger.accept(start(1), T0, Durability::Written).await.unwrap();
    ledger.finished(id(1), ok(1, 5), Durability::Written).await.unwrap();
    ledger.acknowledged(id(1)).await.unwrap();
    assert_eq!(ledger.purge(WEEK, T0 + 6 * DAY).await.unwrap(), 0);
    assert_eq!(ledger.purge(WEEK, T0 + 7 * DAY).await.unwrap(), 1);
}

#[tokio::test]
async fn a_purged_ledger_gives_its_ids_free() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let at = T0 - 100 * DAY;
    let record = ledger::JobRecord { id: id_made_at(at, 1), accepted_at: at, ..job(1, &["web1", "web2"]) };
    for _ in 0..2 {
        ledger.accept(record.clone(), Durability::Written).await.unwrap();
        for minion in ["web1", "web2"] {
            let minion = crate::rig::name(minion);
            let report = ok(1, at + 1);
            ledger.part_ended(record.id, &minion, None, report, at + 1, Durability::Written).await.unwrap();
        }
        assert_eq!(ledger.transitions(record.id).await.unwrap().len(), 4);
        assert_eq!(ledger.purge(WEEK, T0).await.unwrap(), 1);
    }
}
