use ledger::{Changed, Durability, JobRecord};
use wire::message::call::Share;
use wire::message::job::JobState;
use wire::value::arguments::{Arguments, Word};

use crate::rig::{Folder, T0, id, job, name};

#[tokio::test]
async fn a_job_is_the_same_after_the_folder_was_opened_again() {
    let folder = Folder::new();
    let asked = JobRecord {
        exclude: Some("db*".into()),
        arguments: Arguments::Words(vec![Word::File(vec![0; 100_000])]),
        queue_until: Some(T0 + 5000),
        dry_run: true,
        batch: Some(Share::Percent(10)),
        max_failures: Some(Share::Count(3)),
        rerun_of: Some(id(9)),
        patience_ms: Some(2000),
        ..job(1, &["web1", "web2"])
    };
    let ledger = folder.overlord();
    assert!(matches!(ledger.accept(asked.clone(), Durability::Written).await.unwrap(), Changed::Yes(_)));
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.arguments(id(1)).await.unwrap(), Some(asked.arguments.clone()));
    let document = ledger.document(id(1)).await.unwrap().unwrap();
    assert_eq!(document.target.exclude, asked.exclude);
    assert_eq!(ledger.job(id(1)).await.unwrap(), Some(asked));
    assert_eq!(ledger.state(id(1)).await.unwrap(), Some((JobState::Running, None)));
    assert_eq!(ledger.live().await.unwrap(), [id(1)]);
    assert!(ledger.parts(id(1)).await.unwrap().iter().all(|(_, part)| part.state.is_none()));
}

#[tokio::test]
async fn targets_are_kept_by_name_and_each_once() {
    let ledger_folder = Folder::new();
    let ledger = ledger_folder.overlord();
    ledger.accept(job(1, &["web2", "db", "web2"]), Durability::Written).await.unwrap();
    assert_eq!(ledger.job(id(1)).await.unwrap().unwrap().targets, [name("db"), name("web2")]);
}

#[tokio::test]
async fn an_id_is_accepted_once() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    ledger.accept(job(1, &["web1"]), Durability::Written).await.unwrap();
    let again = JobRecord { target: "something else".into(), ..job(1, &["db"]) };
    assert_eq!(ledger.accept(again, Durability::Written).await.unwrap(), Changed::No);
    assert_eq!(ledger.job(id(1)).await.unwrap().unwrap(), job(1, &["web1"]));
}

#[tokio::test]
async fn an_unknown_job_is_nothing_and_no_error() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    assert_eq!(ledger.job(id(1)).await.unwrap(), None);
    assert_eq!(ledger.arguments(id(1)).await.unwrap(), None);
    assert_eq!(ledger.newest().await.unwrap(), None);
    assert_eq!(ledger.state(id(1)).await.unwrap(), None);
    assert_eq!(ledger.document(id(1)).await.unwrap(), None);
    assert_eq!(ledger.history(id(1)).await.unwrap(), None);
    assert!(ledger.parts(id(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wide_job_is_recorded_whole() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let names: Vec<String> = (0..10_000).map(|n| format!("minion-{n:05}")).collect();
    let targets: Vec<&str> = names.iter().map(String::as_str).collect();
    ledger.accept(job(1, &targets), Durability::Synced).await.unwrap();
    drop(ledger);
    assert_eq!(folder.overlord().parts(id(1)).await.unwrap().len(), 10_000);
}
