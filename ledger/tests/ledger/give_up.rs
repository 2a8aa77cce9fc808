//! Parts that are given up, and what is said of them later.

use ledger::{Durability, GiveUp, JobRecord, OverlordLedger, Retention};
use wire::message::job::{JobState, OutcomeKind};
use wire::message::outcome::FailureKind;

use crate::rig::{Folder, Reports as _, T0, failed, id, job, name, ok};

async fn give_up(ledger: &OverlordLedger, minions: &[(&str, bool)], at: u64) -> Vec<String> {
    let part = |(minion, sent): &(&str, bool)| GiveUp {
        minion: name(minion),
        report: failed(if *sent { FailureKind::Lost } else { FailureKind::Undelivered }, at),
        sent: *sent,
    };
    let parts = minions.iter().map(part).collect();
    let operator = "bob".parse().unwrap();
    let given_up = ledger.give_up(id(1), parts, operator, at, Durability::Synced).await.unwrap();
    given_up.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_part_that_is_given_up_is_over_and_the_word_of_its_minion_stands_beside_that() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let record = JobRecord { patience_ms: Some(2000), ..job(1, &["web1", "web2", "web3"]) };
    ledger.accept(record.clone(), Durability::Synced).await.unwrap();
    ledger.runs(1, "web1", T0 + 2).await;
    ledger.ends(1, "web2", ok(2, T0 + 3)).await;
    // The first outcome of each stands.
    let all = [("web1", true), ("web2", true), ("web3", false)];
    assert_eq!(give_up(&ledger, &all, T0 + 4).await, ["web1", "web3"]);
    assert_eq!(give_up(&ledger, &all, T0 + 5).await, [""; 0]);
    assert_eq!(ledger.state(id(1)).await, Ok(Some((JobState::Finished, Some(T0 + 4)))));
    // Only what was sent can be heard of.
    assert_eq!(ledger.unheard().await, Ok(vec![(name("web1"), id(1))]));

    let folder = folder.as_after_a_kill();
    let ledger = folder.overlord();
    assert_eq!(ledger.job(id(1)).await.unwrap().unwrap().patience_ms, Some(2000));
    assert_eq!(ledger.is_unheard(id(1), &name("web1")).await, Ok(true));
    ledger.ends(1, "web1", ok(5, T0 + 6)).await;
    // What is said twice is heard once.
    ledger.ends(1, "web1", ok(6, T0 + 7)).await;
    ledger.ends(1, "web3", ok(7, T0 + 7)).await;
    assert_eq!(ledger.unheard().await, Ok(Vec::new()));
    let document = ledger.document(id(1)).await.unwrap().unwrap();
    let kinds: Vec<_> = document.parts.iter().map(|part| part.state.unwrap().outcome().unwrap()).collect();
    assert_eq!(kinds, [OutcomeKind::Lost, OutcomeKind::Ok, OutcomeKind::Undelivered]);
    let given_up = document.parts[0].given_up.clone().unwrap();
    assert_eq!((given_up.operator.as_str(), given_up.at), ("bob", T0 + 4));
    assert_eq!(given_up.later.as_ref().map(|later| &later.report), Some(&ok(5, T0 + 6)));
    assert!(document.parts[1].given_up.is_none());
    assert!(document.parts[2].given_up.as_ref().is_some_and(|given_up| given_up.later.is_none()));
    let history = ledger.history(id(1)).await.unwrap().unwrap();
    assert_eq!(history.given_up[0], (name("web1"), given_up));
    assert_eq!(history.given_up.len(), 2);
}

#[tokio::test]
async fn a_job_that_is_purged_leaves_nothing_to_be_heard() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Synced).await.unwrap();
    assert_eq!(give_up(&ledger, &[("web1", true)], T0 + 4).await, ["web1"]);
    let nothing = Retention { keep_ms: Some(0), bytes: None };
    assert_eq!(ledger.purge(nothing, T0 + 9_000_000).await, Ok(1));
    assert_eq!(ledger.unheard().await, Ok(Vec::new()));
    assert_eq!(ledger.is_unheard(id(1), &name("web1")).await, Ok(false));
    ledger.ends(1, "web1", ok(5, T0 + 6)).await;
    assert_eq!(ledger.document(id(1)).await, Ok(None));
}
