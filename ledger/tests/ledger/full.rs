//! A disk without room, played by the limit that a process has on the size of its files.

use ledger::{Accepted, Changed, Durability, LedgerError, MinionLedger, OverlordLedger};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use wire::value::arguments::Arguments;

use crate::crash::{child, folder_of_child};
use crate::rig::{Folder, T0, id, job, ok, start};

fn limit_files(bytes: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, bytes.min(hard), hard).unwrap();
}

fn runs_as_child(test: &str, folder: &Folder) {
    let output = child(test, folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "a part of the test below it"]
async fn fills_the_disk_of_a_minion() {
    let Some(folder) = folder_of_child() else { return };
    let ledger = MinionLedger::open(&folder).unwrap();
    ledger.accept(start(1), T0, Durability::Synced).await.unwrap();

    limit_files(64 << 10);
    let large = wire::message::call::Start { arguments: Arguments::Json("x".repeat(1 << 20)), ..start(2) };
    let refused = ledger.accept(large.clone(), T0, Durability::Synced).await.unwrap_err();
    assert_eq!(refused, LedgerError::DiskFull { path: folder.clone() });
    assert!(ledger.job(&id(1)).unwrap().is_some(), "reads go on");
    assert!(ledger.job(&id(2)).unwrap().is_none(), "what was refused did not happen");

    limit_files(u64::MAX);
    assert_eq!(ledger.finished(id(1), ok(1, T0), Durability::Synced).await.unwrap(), Changed::Yes(()));
    assert!(ledger.job(&id(2)).unwrap().is_none());
    assert!(matches!(ledger.accept(large, T0, Durability::Synced).await.unwrap(), Accepted::New(_)));
    ledger.close().await;

    let ledger = MinionLedger::open(&folder).unwrap();
    assert_eq!(ledger.job(&id(1)).unwrap().unwrap().report, Some(ok(1, T0)));
    assert_eq!(ledger.unfinished().unwrap(), [id(2)]);
}

#[test]
fn a_full_disk_refuses_and_goes_on_by_itself_once_there_is_room() {
    runs_as_child("full::fills_the_disk_of_a_minion", &Folder::new());
}

#[tokio::test]
#[ignore = "a part of the test below it"]
async fn refuses_a_job_that_is_half_written() {
    let Some(folder) = folder_of_child() else { return };
    let ledger = OverlordLedger::open(&folder).unwrap();
    ledger.accept(job(1, &["web1"]), Durability::Synced).await.unwrap();
    // Room for the first half: what is left of the batch waits in memory for the file to be closed, and
    // reaches it then, because there is room again.
    limit_files(64 << 10);
    let large = ledger::JobRecord { arguments: Arguments::Json("x".repeat(70_000)), ..job(2, &["web1"]) };
    ledger.accept(large, Durability::Written).await.unwrap_err();
    limit_files(u64::MAX);

    ledger.accept(job(3, &["web1"]), Durability::Synced).await.unwrap();
    assert_eq!(ledger.live().await.unwrap(), [id(1), id(3)], "a refused job does not come back");
    ledger.close().await;
    assert_eq!(OverlordLedger::open(&folder).unwrap().live().await.unwrap(), [id(1), id(3)]);
}

#[test]
fn a_job_that_was_refused_half_written_does_not_come_back() {
    runs_as_child("full::refuses_a_job_that_is_half_written", &Folder::new());
}
