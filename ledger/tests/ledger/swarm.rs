//! The ledgers of many minions in one folder.

use std::fs;

use ledger::{Accepted, Durability, LedgerError, MinionLedger, Retention, Side, SwarmLedger};
use wire::digest::Digest;
use wire::message::job::{MinionState, OutcomeKind};

use crate::rig::{Folder, T0, id, name, ok, start};

fn opened(folder: &Folder) -> SwarmLedger {
    SwarmLedger::open(&folder.path()).unwrap()
}

#[tokio::test]
async fn minions_of_a_swarm_see_nothing_of_each_other() {
    let folder = Folder::new();
    let swarm = opened(&folder);
    // One name begins as the other does.
    let (one, other) = (swarm.minion(&name("web1")), swarm.minion(&name("web11")));
    for ledger in [&one, &other] {
        let accepted = ledger.accept(start(1), T0, Durability::Synced).await.unwrap();
        assert!(matches!(accepted, Accepted::New(_)), "the same job is another minion's, too");
    }
    one.finished(id(1), ok(7, T0 + 1), Durability::Written).await.unwrap();
    assert_eq!(other.job(&id(1)).unwrap().unwrap().state, MinionState::Queued);
    let (kept, others) = (one.kv("m".parse().unwrap(), 1000), other.kv("m".parse().unwrap(), 1000));
    kept.set("key", vec![1]).await.unwrap();
    assert_eq!((others.get("key").unwrap(), others.usage().unwrap()), (None, 0));
    others.clear().await.unwrap();
    assert_eq!((kept.list("", 10).unwrap(), kept.usage().unwrap()), (vec!["key".to_owned()], 4));
    let (mine, yours) = (Digest::of(b"one"), Digest::of(b"other"));
    assert_eq!(one.instance(mine).await.unwrap(), mine);
    assert_eq!(other.instance(yours).await.unwrap(), yours);

    other.acknowledged(id(1)).await.unwrap();
    one.acknowledged(id(1)).await.unwrap();
    let nothing = Retention { keep_ms: Some(0), bytes: Some(0) };
    assert_eq!(one.purge(nothing, u64::MAX).await.unwrap(), 1);
    assert_eq!((one.recent(10).unwrap().len(), other.recent(10).unwrap().len()), (0, 1));
}

#[tokio::test]
async fn jobs_of_a_swarm_outlive_a_kill_each_with_its_minion() {
    let folder = Folder::new();
    let swarm = opened(&folder);
    let (one, other) = (swarm.minion(&name("web1")), swarm.minion(&name("web2")));
    one.accept(start(1), T0, Durability::Synced).await.unwrap();
    other.accept(start(2), T0, Durability::Synced).await.unwrap();
    other.finished(id(2), ok(7, T0 + 1), Durability::Synced).await.unwrap();

    let folder = folder.as_after_a_kill();
    // As where something in the folder could not be read: all indexes are made anew.
    fs::write(folder.path().join("indexes-are-stale"), "").unwrap();
    let swarm = opened(&folder);
    assert!(!folder.path().join("indexes-are-stale").exists());
    let (one, other) = (swarm.minion(&name("web1")), swarm.minion(&name("web2")));
    assert_eq!(other.interrupt_unfinished(T0 + 2).await.unwrap(), []);
    assert_eq!(one.interrupt_unfinished(T0 + 2).await.unwrap(), [id(1)]);
    assert_eq!(one.unacknowledged(10).unwrap(), [id(1)]);
    assert_eq!(other.unacknowledged(10).unwrap(), [id(2)]);
    let again = other.accept(start(2), T0 + 3, Durability::Synced).await.unwrap();
    let ended = MinionState::Finished(OutcomeKind::Ok);
    assert!(matches!(again, Accepted::Known(known) if known.state == ended));
}

#[tokio::test]
async fn a_minion_that_closes_its_ledger_does_not_close_that_of_others() {
    let folder = Folder::new();
    let swarm = opened(&folder);
    let (one, other) = (swarm.minion(&name("web1")), swarm.minion(&name("web2")));
    one.close().await;
    other.accept(start(1), T0, Durability::Synced).await.unwrap();
    swarm.close().await;
    let closed = LedgerError::Closed { path: folder.path() };
    assert_eq!(other.job(&id(1)).unwrap_err(), closed);
    // The folder is free, although handles live on.
    opened(&folder);
}

#[test]
fn the_ledger_of_a_swarm_is_no_minions_and_the_other_way_round() {
    let folder = Folder::new();
    drop(opened(&folder));
    let (path, found, wanted) = (folder.path(), Side::Swarm, Side::Minion);
    let error = MinionLedger::open(&folder.path()).err().unwrap();
    assert_eq!(error, LedgerError::WrongSide { path, found, wanted });
    let folder = Folder::new();
    drop(folder.minion());
    let error = SwarmLedger::open(&folder.path()).err().unwrap();
    assert!(error.to_string().contains("of a minion, not of a swarm of minions"), "{error}");
}
