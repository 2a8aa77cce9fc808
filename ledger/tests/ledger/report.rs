use std::collections::HashSet;

use ledger::{Changed, Durability, PartMoved};
use wire::memory::Held as _;
use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::outcome::FailureKind;

use crate::rig::{Folder, Reports, T0, failed, id, job, minion_job, name, ok};

fn yes<T>(changed: Changed<T>) -> T {
    match changed {
        Changed::Yes(value) => value,
        Changed::No => panic!("nothing changed"),
    }
}

#[tokio::test]
async fn two_minions_go_through_the_six_steps_of_the_table() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2"]), Durability::Written).await.unwrap();
    ledger.runs(1, "web1", T0 + 2).await;
    ledger.runs(1, "web2", T0 + 3).await;
    ledger.ends(1, "web1", ok(5, T0 + 4)).await;
    let last = yes(ledger.ends(1, "web2", ok(5, T0 + 5)).await);
    assert!(last.job_state.is_over());
    drop(ledger);

    let ledger = folder.overlord();
    let history = ledger.history(id(1)).await.unwrap().unwrap();
    let steps: Vec<_> = history.transitions.iter().map(|step| (step.seq, step.job_state)).collect();
    let (running, partial) = (JobState::Running, JobState::Partial);
    let expected = [running, running, partial, partial, partial, JobState::Finished];
    assert_eq!(steps, (0..).zip(expected).collect::<Vec<_>>());
    assert_eq!(history.transitions[3].part, Some((name("web1"), MinionState::Finished(OutcomeKind::Ok))));
    assert_eq!(ledger.state(id(1)).await.unwrap(), Some((JobState::Finished, Some(T0 + 5))));
    assert!(ledger.live().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_state_that_is_heard_with_the_end_is_a_step_of_its_own_and_both_are_one_batch() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2"]), Durability::Written).await.unwrap();
    ledger.runs(1, "web1", T0 + 1).await;
    let before = ledger.commits().await.batches;
    for (minion, heard_at) in [("web2", T0 + 2), ("web1", T0 + 4)] {
        let moved = PartMoved { minion_job: minion_job(1), state: MinionState::Running, at: heard_at };
        let (name, report, at) = (name(minion), ok(5, heard_at + 1), heard_at + 1);
        let both = ledger.part_moved_and_ended(id(1), &name, moved, report, at, Durability::Written);
        yes(both.await.unwrap());
    }
    assert_eq!(ledger.commits().await.batches, before + 2);
    let history = folder.as_after_a_kill().overlord().history(id(1)).await.unwrap().unwrap();
    let steps: Vec<_> =
        history.transitions.into_iter().map(|step| (step.at, step.job_state, step.part)).collect();
    let part = |minion, state| Some((name(minion), state));
    let (runs, ended) = (MinionState::Running, MinionState::Finished(OutcomeKind::Ok));
    // That web1 runs was known before.
    let expected = [
        (steps[0].0, JobState::Running, None),
        (T0 + 1, JobState::Running, part("web1", runs)),
        (T0 + 2, JobState::Partial, part("web2", runs)),
        (T0 + 3, JobState::Partial, part("web2", ended)),
        (T0 + 5, JobState::Partial, part("web1", ended)),
        (T0 + 5, JobState::Finished, None),
    ];
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn the_first_outcome_stands_and_late_reports_change_nothing() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2"]), Durability::Written).await.unwrap();
    yes(ledger.ends(1, "web1", ok(1, T0 + 2)).await);
    let before = ledger.document(id(1)).await.unwrap();

    assert_eq!(ledger.runs(1, "web1", T0 + 3).await, Changed::No);
    assert_eq!(ledger.ends(1, "web1", ok(2, T0 + 4)).await, Changed::No);
    assert_eq!(ledger.ends(1, "web1", failed(FailureKind::Lost, T0 + 5)).await, Changed::No);
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.document(id(1)).await.unwrap(), before);
    assert_eq!(ledger.outcome(id(1), &name("web1")).await.unwrap(), Some(ok(1, T0 + 2)));
    assert_eq!(ledger.transitions(id(1)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_minion_that_was_not_asked_cannot_report() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    assert_eq!(ledger.ends(1, "web2", ok(1, T0)).await, Changed::No);
    assert_eq!(ledger.ends(2, "web1", ok(1, T0)).await, Changed::No);
    assert_eq!(ledger.outcomes(id(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_finished_state_without_its_outcome_is_no_change() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    let state = MinionState::Finished(OutcomeKind::Ok);
    let changed = ledger.part_moved(id(1), &name("web1"), minion_job(1), state, T0).await.unwrap();
    assert_eq!(changed, Changed::No);
    assert_eq!(ledger.state(id(1)).await.unwrap(), Some((JobState::Running, None)));
}

#[tokio::test]
async fn a_job_without_any_ok_is_a_remote_error() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2"]), Durability::Written).await.unwrap();
    ledger.ends(1, "web1", failed(FailureKind::Trapped, T0 + 1)).await;
    let last = yes(ledger.ends(1, "web2", failed(FailureKind::Undelivered, T0 + 2)).await);
    assert_eq!(last.job_state, JobState::RemoteError);
}

#[tokio::test]
async fn the_document_holds_each_minions_job_and_outcome() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2", "web3"]), Durability::Written).await.unwrap();
    ledger.runs(1, "web2", T0 + 1).await;
    ledger.ends(1, "web3", ok(3, T0 + 2)).await;
    drop(ledger);

    let document = folder.overlord().document(id(1)).await.unwrap().unwrap();
    assert_eq!(document.state, JobState::Running);
    let [web1, web2, web3] = &document.parts[..] else { panic!("three parts") };
    assert_eq!((web1.state, &web1.report), (None, &None));
    assert_eq!((web2.minion_job, web2.state), (Some(minion_job(1)), Some(MinionState::Running)));
    assert_eq!(web3.report, Some(ok(3, T0 + 2)));
}

#[tokio::test]
async fn a_document_has_as_many_reports_as_its_memory_holds_and_says_how_many_it_leaves_out() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2", "web3", "web4"]), Durability::Written).await.unwrap();
    for minion in ["web1", "web3", "web4"] {
        ledger.ends(1, minion, ok(1, T0 + 2)).await;
    }
    ledger.runs(1, "web2", T0 + 3).await;
    let one = ok(1, T0 + 2).held();
    for (memory, left_out) in
        [(0, 3), (one, 3), (one + 1, 2), (2 * one, 2), (2 * one + 1, 1), (3 * one, 1), (3 * one + 1, 0)]
    {
        let (document, count) = ledger.document_up_to(id(1), memory).await.unwrap().unwrap();
        let reports = document.parts.iter().filter(|part| part.report.is_some()).count();
        assert_eq!((reports, count), (3 - left_out, left_out), "{memory} bytes");
        let states: Vec<_> = document.parts.iter().map(|part| part.state).collect();
        let (ended, running) = (Some(MinionState::Finished(OutcomeKind::Ok)), Some(MinionState::Running));
        assert_eq!(states, [ended, running, ended, ended]);
    }
    assert_eq!(ledger.document_up_to(id(2), 0).await.unwrap(), None);
    let told = HashSet::from([name("web1"), name("web4")]);
    let (document, count) = ledger.document_without(id(1), &told, usize::MAX).await.unwrap().unwrap();
    let reports: Vec<bool> = document.parts.iter().map(|part| part.report.is_some()).collect();
    assert_eq!(
        (reports, count),
        (vec![false, false, true, false], 0),
        "those that were told are not left out"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reports_of_many_minions_at_once_end_the_job_once() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let names: Vec<String> = (0..100).map(|n| format!("m{n}")).collect();
    let targets: Vec<&str> = names.iter().map(String::as_str).collect();
    ledger.accept(job(1, &targets), Durability::Written).await.unwrap();
    let mut reports = tokio::task::JoinSet::new();
    for minion in names {
        let ledger = ledger.clone();
        reports.spawn(async move {
            ledger.runs(1, &minion, T0 + 1).await;
            // Twice, as after a lost acknowledgement.
            ledger.ends(1, &minion, ok(1, T0 + 2)).await;
            ledger.ends(1, &minion, ok(2, T0 + 3)).await
        });
    }
    assert!(reports.join_all().await.iter().all(|changed| *changed == Changed::No));
    let steps = ledger.transitions(id(1)).await.unwrap();
    assert_eq!(steps.len(), 202);
    assert!(steps.iter().enumerate().all(|(place, step)| step.seq as usize == place));
    assert_eq!(steps.iter().filter(|step| step.job_state.is_over()).count(), 1);
    assert!(ledger.outcomes(id(1)).await.unwrap().iter().all(|(_, report)| *report == ok(1, T0 + 2)));
}

#[tokio::test]
async fn the_order_of_the_history_does_not_depend_on_the_clock() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    ledger.runs(1, "web1", T0 - 3_600_000).await;
    ledger.ends(1, "web1", ok(1, T0 - 7_200_000)).await;
    let states: Vec<_> = ledger
        .transitions(id(1))
        .await
        .unwrap()
        .into_iter()
        .map(|step| step.part.map(|(_, state)| state))
        .collect();
    let ended = MinionState::Finished(OutcomeKind::Ok);
    assert_eq!(states, [None, Some(MinionState::Running), Some(ended), None]);
}
