use ledger::{Durability, Retention};
use wire::message::outcome::FailureKind;

use crate::rig::{Folder, Reports, T0, failed, id, job, name, ok};

#[tokio::test]
async fn what_is_to_stop_is_known_after_a_kill_and_says_nothing_of_other_parts() {
    let mut folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1", "web2", "web3"]), Durability::Written).await.unwrap();
    ledger.accept(job(2, &["web1"]), Durability::Written).await.unwrap();
    ledger.ends(1, "web3", ok(1, T0 + 2)).await;
    let before = ledger.document(id(1)).await.unwrap();
    // The third is over, and the last was never asked.
    let minions = ["web1", "web3", "db1"].map(name).to_vec();
    ledger.cancel(id(1), minions, T0 + 3, Durability::Written).await.unwrap();
    ledger.cancel(id(9), vec![name("web1")], T0 + 3, Durability::Written).await.unwrap();
    folder = folder.as_after_a_kill();
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.cancelled(id(1)).await.unwrap(), [name("web1")]);
    assert_eq!(ledger.cancelled(id(2)).await.unwrap(), []);
    assert_eq!(ledger.cancelled(id(9)).await.unwrap(), []);
    assert_eq!(ledger.document(id(1)).await.unwrap(), before);
}

#[tokio::test]
async fn the_wish_goes_when_its_job_does() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    ledger.cancel(id(1), vec![name("web1")], T0 + 2, Durability::Written).await.unwrap();
    ledger.ends(1, "web1", failed(FailureKind::Cancelled, T0 + 3)).await;
    assert_eq!(ledger.cancelled(id(1)).await.unwrap(), [name("web1")]);
    let nothing = Retention { keep_ms: Some(0), bytes: None };
    assert_eq!(ledger.purge(nothing, u64::MAX).await.unwrap(), 1);
    assert_eq!(ledger.cancelled(id(1)).await.unwrap(), []);
}
