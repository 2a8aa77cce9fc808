//! What an overlord's ledger keeps of modules.

use ledger::{Attempt, LedgerError};
use wire::digest::Digest;
use wire::message::catalogue::{Assignment, KeptModule};

use crate::registry;
use crate::rig::{Folder, T0, name};

fn kept(module: &str, code: &str) -> KeptModule {
    KeptModule {
        name: module.parse().unwrap(),
        digest: Digest::of(code.as_bytes()),
        version: None,
        size: 1,
        signature: None,
        pushed_by: "alice".parse().unwrap(),
        pushed_at: T0,
    }
}

fn assignment(expression: &str, code: &str) -> Assignment {
    Assignment {
        expression: expression.into(),
        name: "test".parse().unwrap(),
        digest: Digest::of(code.as_bytes()),
        version: None,
        assigned_by: "alice".parse().unwrap(),
        assigned_at: T0,
        place: 0,
    }
}

#[tokio::test]
async fn what_was_brought_last_is_the_newest_of_its_name_whatever_the_clock_says() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    for code in ["one", "two", "one"] {
        ledger.keep_module(kept("test", code)).await.unwrap();
    }
    ledger.keep_module(kept("a", "one")).await.unwrap();
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(
        ledger.kept_modules().await.unwrap(),
        [kept("a", "one"), kept("test", "one"), kept("test", "two")]
    );
    ledger.forget_module(&"test".parse().unwrap(), &Digest::of(b"one")).await.unwrap();
    assert_eq!(ledger.kept_modules().await.unwrap(), [kept("a", "one"), kept("test", "two")]);
}

#[tokio::test]
async fn a_signature_stays_with_its_version() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let signed = KeptModule { signature: Some("signed".into()), ..kept("test", "one") };
    ledger.keep_module(signed.clone()).await.unwrap();
    assert_eq!(ledger.keep_module(kept("test", "one")).await.unwrap(), signed);
}

#[tokio::test]
async fn an_assignment_that_is_repeated_is_the_newest_again() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    for expression in ["web*", "*", "web*"] {
        ledger.assign(assignment(expression, "one"), None).await.unwrap();
    }
    let order = async |ledger: &ledger::OverlordLedger| -> Vec<(String, u64)> {
        ledger.assignments().await.unwrap().into_iter().map(|one| (one.expression, one.place)).collect()
    };
    assert_eq!(order(&ledger).await, [("web*".to_owned(), T0 + 2), ("*".to_owned(), T0 + 1)]);
    let test = "test".parse().unwrap();
    assert_eq!(ledger.unassign(&test, "web*").await.unwrap().map(|one| one.place), Some(T0 + 2));
    assert_eq!(ledger.unassign(&test, "web*").await.unwrap(), None);
    drop(ledger);
    assert_eq!(order(&folder.overlord()).await, [("*".to_owned(), T0 + 1)]);
}

#[tokio::test]
async fn an_assignment_that_is_made_again_does_not_take_the_place_of_the_one_before() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.assign(assignment("*", "other"), None).await.unwrap();
    let first = ledger.assign(assignment("web*", "one"), None).await.unwrap();
    ledger.unassign(&first.name, "web*").await.unwrap();
    let second = Assignment { assigned_at: T0 + 1000, ..assignment("web*", "two") };
    assert_ne!(ledger.assign(second, None).await.unwrap().place, first.place);
}

#[tokio::test]
async fn an_expression_too_long_for_the_ledger_is_refused_and_the_next_write_goes_on() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let long = "a".repeat(70_000);
    let refused = ledger.assign(assignment(&long, "one"), None).await;
    assert!(matches!(refused, Err(LedgerError::LongKey { bytes: 70_005, .. })), "{refused:?}");
    assert_eq!(ledger.unassign(&"test".parse().unwrap(), &long).await, Ok(None));
    ledger.assign(assignment("*", "one"), None).await.unwrap();
    assert_eq!(ledger.assignments().await.unwrap().len(), 1);
}

#[tokio::test]
async fn attempts_are_forgotten_with_their_minion() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let (web1, web10, test) = (name("web1"), name("web10"), "test".parse().unwrap());
    let attempt = Attempt { place: 1, at: T0, failure: Some("no room".into()) };
    for minion in [&web1, &web10] {
        ledger.put_minion(registry::minion(minion.as_str())).await.unwrap();
        ledger.attempted(minion, &test, attempt.clone()).await.unwrap();
    }
    ledger.remove_minion(&web1).await.unwrap();
    ledger.attempted(&web1, &test, attempt.clone()).await.unwrap();
    assert_eq!(ledger.attempt(&web1, &test).await.unwrap(), None);
    assert_eq!(ledger.attempt(&web10, &test).await.unwrap(), Some(attempt));
}
