use ledger::{Accepted, Changed, Durability};
use wire::message::job::{MinionState, OutcomeKind};
use wire::message::outcome::{FailureKind, Outcome, Report};

use crate::rig::{Folder, T0, failed, id, ok, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_ask_for_one_job_it_is_new_once() {
    let folder = Folder::new();
    let ledger = folder.minion();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let ledger = ledger.clone();
        asked.spawn(async move { ledger.accept(start(1), T0, Durability::Synced).await.unwrap() });
    }
    let mut new = Vec::new();
    let mut known = Vec::new();
    for answer in asked.join_all().await {
        match answer {
            Accepted::New(minion_job) => new.push(minion_job),
            Accepted::Known(job) => known.push(job.minion_job),
        }
    }
    assert_eq!(new.len(), 1);
    assert_eq!(known, vec![new[0]; 99]);
}

#[tokio::test]
async fn a_job_keeps_its_course_over_a_restart() {
    let folder = Folder::new();
    let ledger = folder.minion();
    let Accepted::New(minion_job) = ledger.accept(start(1), T0, Durability::Synced).await.unwrap() else {
        panic!("not new");
    };
    assert_eq!(ledger.running(id(1), T0 + 1).await.unwrap(), Changed::Yes(()));
    assert_eq!(ledger.finished(id(1), ok(7, T0 + 2), Durability::Synced).await.unwrap(), Changed::Yes(()));
    drop(ledger);

    let ledger = folder.minion();
    let job = ledger.job(&id(1)).unwrap().unwrap();
    assert_eq!((job.minion_job, job.state), (minion_job, MinionState::Finished(OutcomeKind::Ok)));
    assert_eq!((job.accepted_at, job.started_at, job.ended_at), (T0, Some(T0 + 1), Some(T0 + 2)));
    assert_eq!((job.start, job.report, job.acknowledged), (Some(start(1)), Some(ok(7, T0 + 2)), false));
    let again = ledger.accept(start(1), T0 + 9, Durability::Synced).await.unwrap();
    assert!(matches!(again, Accepted::Known(known) if known.report == Some(ok(7, T0 + 2))));
}

#[tokio::test]
async fn a_job_never_goes_back_and_its_first_outcome_stands() {
    let folder = Folder::new();
    let ledger = folder.minion();
    ledger.accept(start(1), T0, Durability::Written).await.unwrap();
    ledger.finished(id(1), failed(FailureKind::Cancelled, T0 + 1), Durability::Written).await.unwrap();
    assert_eq!(ledger.running(id(1), T0 + 2).await.unwrap(), Changed::No);
    assert_eq!(ledger.finished(id(1), ok(1, T0 + 3), Durability::Written).await.unwrap(), Changed::No);
    assert_eq!(ledger.finished(id(2), ok(1, T0 + 3), Durability::Written).await.unwrap(), Changed::No);
    assert_eq!(ledger.job(&id(1)).unwrap().unwrap().report, Some(failed(FailureKind::Cancelled, T0 + 1)));
}

#[tokio::test]
async fn outcomes_wait_for_their_acknowledgement_first_ended_first() {
    let folder = Folder::new();
    let ledger = folder.minion();
    for (number, ended_at) in [(1, T0 + 30), (2, T0 + 10), (3, T0 + 20)] {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
        ledger.finished(id(number), ok(1, ended_at), Durability::Written).await.unwrap();
    }
    drop(ledger);

    let ledger = folder.minion();
    assert_eq!(ledger.unacknowledged(10).unwrap(), [2, 3, 1].map(id));
    assert_eq!(ledger.unacknowledged(1).unwrap(), [id(2)]);
    assert_eq!(ledger.acknowledged(id(3)).await.unwrap(), Changed::Yes(()));
    assert_eq!(ledger.acknowledged(id(3)).await.unwrap(), Changed::No);
    assert_eq!(ledger.unacknowledged(10).unwrap(), [2, 1].map(id));
    assert!(ledger.job(&id(3)).unwrap().unwrap().acknowledged);
}

#[tokio::test]
async fn receipts_that_nobody_waits_for_are_recorded_together_and_before_the_folder_is_closed() {
    let folder = Folder::new();
    let ledger = folder.minion();
    for number in 1..=4 {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
        ledger.finished(id(number), ok(1, T0 + number), Durability::Written).await.unwrap();
    }
    let before = ledger.commits().batches;
    let (sender, told) = std::sync::mpsc::channel();
    for number in [1, 3, 3] {
        let sender = sender.clone();
        ledger.acknowledged_soon(id(number), move |recorded| sender.send(recorded).unwrap()).await;
    }
    ledger.receipts_recorded().await.unwrap();
    assert_eq!(
        told.try_iter().collect::<Vec<_>>(),
        [Changed::Yes(()), Changed::Yes(()), Changed::No].map(Ok)
    );
    assert_eq!(ledger.unacknowledged(10).unwrap(), [2, 4].map(id));
    assert!(ledger.commits().batches <= before + 2, "the time may have been over between two of them");

    ledger.acknowledged_soon(id(2), |_| ()).await;
    ledger.close().await;
    assert_eq!(folder.minion().unacknowledged(10).unwrap(), [id(4)]);
}

#[tokio::test]
async fn a_receipt_that_nobody_waits_for_is_recorded_within_a_moment() {
    let folder = Folder::new();
    let ledger = folder.minion();
    ledger.accept(start(1), T0, Durability::Written).await.unwrap();
    ledger.finished(id(1), ok(1, T0), Durability::Written).await.unwrap();
    let (sender, told) = tokio::sync::oneshot::channel();
    ledger.acknowledged_soon(id(1), |recorded| sender.send(recorded).unwrap()).await;
    assert_eq!(told.await.unwrap(), Ok(Changed::Yes(())));
}

#[tokio::test]
async fn a_job_that_runs_at_once_is_recorded_as_running_once() {
    let folder = Folder::new();
    let ledger = folder.minion();
    let accepted = ledger.accept_running(start(1), T0, Durability::Written).await.unwrap();
    assert!(matches!(accepted, Accepted::New(_)));
    let Accepted::Known(job) = ledger.accept_running(start(1), T0 + 1, Durability::Written).await.unwrap()
    else {
        panic!("it is new twice")
    };
    assert_eq!((job.state, job.accepted_at, job.started_at), (MinionState::Running, T0, Some(T0)));
    assert_eq!(ledger.running(id(1), T0 + 2).await.unwrap(), Changed::No);
    let ledger = folder.as_after_a_kill().minion();
    assert_eq!(ledger.interrupt_unfinished(T0 + 3).await.unwrap(), [id(1)]);
}

#[tokio::test]
async fn a_job_that_is_not_over_cannot_be_acknowledged() {
    let folder = Folder::new();
    let ledger = folder.minion();
    ledger.accept(start(1), T0, Durability::Written).await.unwrap();
    assert_eq!(ledger.acknowledged(id(1)).await.unwrap(), Changed::No);
}

#[tokio::test]
async fn a_new_life_interrupts_what_the_old_one_left() {
    let folder = Folder::new();
    let ledger = folder.minion();
    for number in 1..=3 {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
    }
    ledger.running(id(2), T0 + 1).await.unwrap();
    ledger.finished(id(3), ok(1, T0 + 2), Durability::Written).await.unwrap();
    let killed = folder.as_after_a_kill();

    let ledger = killed.minion();
    assert_eq!(ledger.interrupt_unfinished(T0 + 10).await.unwrap(), [id(1), id(2)]);
    assert_eq!(ledger.interrupt_unfinished(T0 + 11).await.unwrap(), []);
    for (number, message) in [
        (1, "the minion was stopped before the job had its turn"),
        (2, "the minion was stopped while the job was running"),
    ] {
        let job = ledger.job(&id(number)).unwrap().unwrap();
        assert_eq!(job.state, MinionState::Finished(OutcomeKind::Interrupted));
        let outcome = Outcome::failed(FailureKind::Interrupted, message);
        assert_eq!(job.report, Some(Report::without_run(outcome, T0 + 10)));
    }
    assert_eq!(ledger.unacknowledged(10).unwrap(), [3, 1, 2].map(id));
}

#[tokio::test]
async fn recent_jobs_come_newest_first() {
    let folder = Folder::new();
    let ledger = folder.minion();
    for number in 1..=5 {
        ledger.accept(start(number), T0, Durability::Written).await.unwrap();
    }
    let recent: Vec<_> = ledger.recent(2).unwrap().into_iter().map(|job| job.job).collect();
    assert_eq!(recent, [id(5), id(4)]);
}
