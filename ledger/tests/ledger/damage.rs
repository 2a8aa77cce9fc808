//! Wrong bytes on disk.

use std::fs;
use std::path::PathBuf;

use ledger::{Accepted, Durability, JobRecord, MinionLedger, OverlordLedger};
use wire::digest::Digest;
use wire::message::job::{JobState, MinionState, OutcomeKind};
use wire::message::operator::JobFilter;
use wire::message::outcome::{Outcome, Report};
use wire::name::MinionName;
use wire::value::Value;
use wire::value::arguments::Arguments;

use crate::rig::{Folder, Reports, T0, id, job, name, ok, read_file, start, write_file};

fn journal(folder: &Folder) -> PathBuf {
    folder.path().join("0.jnl")
}

/// Changes the first byte of `what` in the journal, wherever that is.
fn spoil(folder: &Folder, what: &[u8]) {
    let mut bytes = read_file(&journal(folder));
    let places: Vec<usize> =
        (0..bytes.len() - what.len()).filter(|at| bytes[*at..].starts_with(what)).collect();
    assert!(!places.is_empty(), "nothing to spoil");
    for place in places {
        bytes[place] ^= 0x20;
    }
    write_file(&journal(folder), &bytes);
}

async fn three_jobs(ledger: &OverlordLedger) {
    for number in 1..=3 {
        let arguments = Arguments::Json(format!("[\"argument {number}\"]"));
        let record = JobRecord { arguments, ..job(number, &["web1"]) };
        ledger.accept(record, Durability::Written).await.unwrap();
        ledger.ends(number, "web1", ok(1, T0 + number)).await;
    }
}

#[tokio::test]
async fn a_record_with_a_wrong_byte_is_set_aside_and_all_others_stay() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    three_jobs(&ledger).await;
    drop(ledger);
    spoil(&folder, b"argument 2");

    let ledger = folder.overlord();
    assert_eq!(ledger.job(id(2)).await.unwrap(), None, "its arguments are gone");
    assert_eq!(
        ledger.state(id(2)).await.unwrap(),
        Some((JobState::Finished, Some(T0 + 2))),
        "its course is not"
    );
    assert_eq!(ledger.outcome(id(2), &name("web1")).await.unwrap(), Some(ok(1, T0 + 2)));
    assert!(ledger.job(id(1)).await.unwrap().is_some() && ledger.job(id(3)).await.unwrap().is_some());
    // A write makes sure that the writer has put the record away.
    ledger.accept(job(4, &["web1"]), Durability::Written).await.unwrap();
    let [aside] = &ledger.set_aside(10).await.unwrap()[..] else { panic!("one record was damaged") };
    assert_eq!(aside.keyspace, "arguments");
    drop(ledger);

    let ledger = folder.overlord();
    assert_eq!(ledger.list(&JobFilter::default(), 10).await.unwrap().len(), 4);
    assert_eq!(ledger.set_aside(10).await.unwrap().len(), 1);
}

/// Wherever one byte is wrong: the ledger opens, all but what was written together with that byte is there,
/// and it goes on.
#[tokio::test]
async fn no_single_byte_keeps_a_ledger_from_opening_or_takes_more_than_its_batch() {
    let whole = Folder::new();
    let ledger = whole.overlord();
    three_jobs(&ledger).await;
    drop(ledger);
    let bytes = read_file(&journal(&whole));
    for place in (0..bytes.len()).step_by(41) {
        let folder = whole.as_after_a_kill();
        let mut spoiled = bytes.clone();
        spoiled[place] ^= 0x41;
        write_file(&journal(&folder), &spoiled);

        let ledger = folder.overlord();
        let mut whole_jobs = 0;
        for number in 1..=3 {
            let finished = ledger.state(id(number)).await.unwrap().is_some_and(|(state, _)| state.is_over());
            let outcome = ledger.outcome(id(number), &name("web1")).await.unwrap();
            whole_jobs += usize::from(finished && outcome.is_some());
        }
        assert!(whole_jobs >= 2, "byte {place} took more than one job");
        ledger.accept(job(4, &["web1"]), Durability::Written).await.unwrap();
        ledger.ends(4, "web1", ok(1, T0)).await;
        drop(ledger);
        assert_eq!(
            folder.overlord().state(id(4)).await.unwrap().unwrap().0,
            JobState::Finished,
            "byte {place}"
        );
    }
}

#[tokio::test]
async fn a_job_goes_on_without_the_record_of_a_part() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let long: MinionName = name("a-name-to-be-found");
    ledger.accept(job(1, &["a-name-to-be-found", "web2"]), Durability::Written).await.unwrap();
    ledger.runs(1, "a-name-to-be-found", T0 + 1).await;
    ledger.ends(1, "web2", ok(1, T0 + 2)).await;
    drop(ledger);
    // The names in all keys and records: the part, the targets, the index.
    spoil(&folder, b"a-name-to-be-found");

    let ledger = folder.overlord();
    let state = ledger.state(id(1)).await.unwrap().map(|(state, _)| state);
    assert_ne!(state, Some(JobState::Finished), "a part that is not over is not forgotten");
    assert_eq!(ledger.outcome(id(1), &name("web2")).await.unwrap(), Some(ok(1, T0 + 2)));
    assert_eq!(ledger.outcome(id(1), &long).await.unwrap(), None);
}

#[tokio::test]
async fn a_minion_does_not_start_a_job_twice_because_its_record_is_damaged() {
    let whole = Folder::new();
    let ledger = whole.minion();
    ledger.accept(start(1), T0, Durability::Written).await.unwrap();
    ledger.running(id(1), T0 + 1).await.unwrap();
    drop(ledger);
    let bytes = read_file(&journal(&whole));
    // From the record of the format on, which is a batch of its own.
    let first = bytes.windows(4).position(|window| window == b"FJL\x03").unwrap() + 4;
    for place in (first..bytes.len()).step_by(17) {
        let folder = whole.as_after_a_kill();
        let mut spoiled = bytes.clone();
        spoiled[place] ^= 0x41;
        write_file(&journal(&folder), &spoiled);

        let ledger = folder.minion();
        let again = ledger.accept(start(1), T0 + 2, Durability::Written).await.unwrap();
        assert!(matches!(again, Accepted::Known(_)), "byte {place} would start it again");
        ledger.interrupt_unfinished(T0 + 3).await.unwrap();
        let job = ledger.job(&id(1)).unwrap().unwrap();
        assert_eq!(job.state, MinionState::Finished(OutcomeKind::Interrupted), "byte {place}");
        assert!(ledger.unacknowledged(10).unwrap().contains(&id(1)), "byte {place}");
    }
}

#[tokio::test]
async fn a_batch_that_was_cut_off_is_as_if_it_had_not_been() {
    let folder = Folder::new();
    let ledger = folder.overlord();
    three_jobs(&ledger).await;
    drop(ledger);
    let bytes = read_file(&journal(&folder));
    write_file(&journal(&folder), &bytes[..bytes.len() - 20]);

    let ledger = folder.overlord();
    assert_eq!(ledger.state(id(3)).await.unwrap(), Some((JobState::Running, None)));
    assert_eq!(ledger.live().await.unwrap(), [id(3)]);
    ledger.ends(3, "web1", ok(1, T0 + 9)).await;
    assert!(!folder.path().join("damaged").exists());
}

#[test]
fn a_ledger_without_its_version_of_files_is_damaged_and_not_a_panic() {
    let folder = Folder::new();
    drop(folder.minion());
    fs::write(folder.path().join("version"), "nonsense").unwrap();
    let error = MinionLedger::open(&folder.path()).err().unwrap().to_string();
    assert!(error.contains("is damaged") && error.contains("restore it from a backup"), "{error}");
}

/// The first file of this kind with some mebibytes, once the ledger has written one.
fn large_file(folder: &Folder, kind: &str) -> Option<PathBuf> {
    let keyspaces = fs::read_dir(folder.path().join("keyspaces")).unwrap().map(Result::unwrap);
    let files = keyspaces.filter_map(|keyspace| fs::read_dir(keyspace.path().join(kind)).ok()).flatten();
    let large = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 2 << 20);
    files.map(|file| file.unwrap().path()).find(large)
}

#[tokio::test]
async fn a_wrong_byte_in_a_table_takes_its_block_and_not_what_lies_behind_it() {
    loses_little("tables", 2000, 2).await;
}

#[tokio::test]
async fn a_wrong_byte_in_a_large_value_takes_that_value() {
    loses_little("blobs", 200, 32).await;
}

/// Damages a file of this kind, once the outcomes of so many minions, each with so many kibibytes, are in one.
async fn loses_little(kind: &str, minions: usize, kibibytes: u32) {
    let folder = Folder::new();
    let ledger = folder.overlord();
    let names: Vec<String> = (0..minions).map(|n| format!("m{n:04}")).collect();
    let targets: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut jobs = 0;
    while large_file(&folder, kind).is_none() {
        jobs += 1;
        ledger.accept(job(jobs, &targets), Durability::Written).await.unwrap();
        for minion in &names {
            let report = Report::without_run(Outcome::Ok(Some(noise(minion, kibibytes))), T0);
            ledger.ends(jobs, minion, report).await;
        }
    }
    ledger.close().await;
    let file = large_file(&folder, kind).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x41;
    fs::write(&file, bytes).unwrap();

    for opening in ["first", "second"] {
        let ledger = folder.overlord();
        let mut outcomes = 0;
        for number in 1..=jobs {
            outcomes += ledger.outcomes(id(number)).await.unwrap().len();
        }
        assert!(outcomes < jobs as usize * names.len(), "nothing was damaged");
        assert!(outcomes > jobs as usize * names.len() - 10, "{outcomes} outcomes of {jobs} jobs");
        assert_eq!(ledger.list(&JobFilter::default(), 1000).await.unwrap().len(), jobs as usize);
        // They may not fit what was lost, and are made anew once.
        assert_eq!(folder.path().join("indexes-are-stale").exists(), opening == "first");
        let document = ledger.document(id(1)).await.unwrap().unwrap();
        assert!(document.parts.iter().all(|part| part.state == Some(MinionState::Finished(OutcomeKind::Ok))));
    }
}

/// A value that does not get smaller.
fn noise(seed: &str, kibibytes: u32) -> Value {
    let blocks = (0..kibibytes * 32).map(|n| *Digest::of(format!("{seed}{n}").as_bytes()).as_bytes());
    Value::Bytes(blocks.flatten().collect())
}
