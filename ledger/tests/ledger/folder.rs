use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ledger::{Commits, Durability, JobRecord, LedgerError, MinionLedger, OverlordLedger, Side};
use wire::message::call::Start;
use wire::value::arguments::Arguments;

use crate::rig::{Folder, T0, id, job, start};

#[test]
fn a_second_opening_says_that_the_folder_is_in_use() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let error = OverlordLedger::open(&folder.path()).err().unwrap();
    assert_eq!(error, LedgerError::Locked { path: folder.path() });
    let copy = ledger.clone();
    drop(ledger);
    assert!(OverlordLedger::open(&folder.path()).is_err(), "a handle still has it open");
    drop(copy);
    folder.overlord();
}

#[tokio::test]
async fn closing_frees_the_folder_while_handles_live_on() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let handle = ledger.clone();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    ledger.close().await;
    let closed = LedgerError::Closed { path: folder.path() };
    assert_eq!(handle.job(id(1)).await.unwrap_err(), closed);
    assert_eq!(handle.accept(job(2, &["web1"]), Durability::Written).await.unwrap_err(), closed);
    handle.close().await;
    assert!(folder.overlord().job(id(1)).await.unwrap().is_some());
}

#[test]
fn the_folder_of_the_other_side_is_refused_untouched() {
    let folder = Folder::new();
    drop(folder.minion());
    let error = OverlordLedger::open(&folder.path()).err().unwrap();
    let (path, found, wanted) = (folder.path(), Side::Minion, Side::Overlord);
    assert_eq!(error, LedgerError::WrongSide { path, found, wanted });
    folder.minion();
}

#[test]
fn a_folder_that_cannot_be_written_names_the_path_and_the_remedy() {
    // Nobody may make folders there, not even root.
    let path = Path::new("/sys/ledger");
    let error = MinionLedger::open(path).err().unwrap();
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("\"/sys/ledger\" cannot be written"), "{error}");
}

#[test]
fn a_folder_below_a_file_is_an_error_and_no_panic() {
    let folder = Folder::new();
    fs::write(folder.path(), "a file").unwrap();
    let error = MinionLedger::open(&folder.path().join("ledger")).err().unwrap();
    assert!(matches!(error, LedgerError::Io { .. }), "{error}");
}

#[tokio::test]
async fn a_ledger_says_where_it_is_and_what_it_takes() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let large = JobRecord { arguments: Arguments::Json("x".repeat(100_000)), ..job(1, &["web1"]) };
    ledger.accept(large, Durability::Synced).await.unwrap();
    let storage = ledger.storage().await;
    assert_eq!(storage.path, folder.path());
    assert!(storage.bytes.is_some_and(|bytes| bytes >= 100_000), "{storage:?}");
    assert!(storage.disk.free_bytes > 1, "{storage:?}");
    assert_eq!(ledger.commits().await, Commits { writes: 1, batches: 1 });

    let folder = Folder::new();
    let ledger = folder.minion();
    let large = Start { arguments: Arguments::Json("x".repeat(100_000)), ..start(1) };
    ledger.accept(large, T0, Durability::Synced).await.unwrap();
    assert_eq!(ledger.path(), folder.path());
    assert!(ledger.disk_bytes().unwrap() >= 100_000);
    assert!(ledger.disk().free_bytes > 1);
    assert_eq!(ledger.commits(), Commits { writes: 1, batches: 1 });
}

#[test]
fn only_this_user_may_look_into_a_new_folder() {
    let folder = Folder::new();
    let _ledger = folder.overlord();
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_folder_whose_making_was_interrupted_is_made_again() {
    let whole = Folder::new();
    drop(whole.overlord());
    for cut in ["no version", "empty version", "lock alone"] {
        let folder = whole.as_after_a_kill();
        let version = folder.path().join("version");
        match cut {
            "empty version" => fs::write(version, "").unwrap(),
            "no version" => fs::remove_file(version).unwrap(),
            _ => {
                fs::remove_dir_all(folder.path()).unwrap();
                fs::create_dir(folder.path()).unwrap();
                fs::write(folder.path().join("lock"), "").unwrap();
            }
        }
        assert_eq!(folder.overlord().live().await.unwrap(), [], "{cut}");
    }
}
