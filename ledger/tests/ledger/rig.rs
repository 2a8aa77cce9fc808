//! Builders that hide what a test is not about.

use std::path::{Path, PathBuf};

use ledger::{Changed, Durability, JobRecord, MinionLedger, OverlordLedger};
use tempfile::TempDir;
use wire::message::call::Start;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::operator::Transition;
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::name::MinionName;
use wire::value::Value;
use wire::value::arguments::{Arguments, Word};

/// A folder that lives as long as the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        // In memory where there is such a place: what a test waits for otherwise is the disk.
        let memory = Path::new("/dev/shm");
        Self(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("ledger")
    }

    pub(crate) fn overlord(&self) -> OverlordLedger {
        OverlordLedger::open(&self.path()).unwrap()
    }

    pub(crate) fn minion(&self) -> MinionLedger {
        MinionLedger::open(&self.path()).unwrap()
    }

    /// What `kill -9` at this moment would leave: everything that the system was handed, and no goodbye.
    pub(crate) fn as_after_a_kill(&self) -> Folder {
        let copy = Folder::new();
        copy_tree(&self.path(), &copy.path());
        copy
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            write_file(&target, &read_file(&entry.path()));
        }
    }
}

const PAGE: usize = 4096;

/// A file without the empty space that journals have at their end.
pub(crate) fn read_file(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    if is_journal(path) {
        // Whole pages first: one byte after the other takes its time where code is not optimised.
        let used = bytes.chunks(PAGE).rposition(|page| page != &[0; PAGE][..page.len()]).unwrap_or(0);
        bytes.truncate((used + 1) * PAGE);
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    }
    bytes
}

/// Writes a file; a journal with empty space at its end again.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    if is_journal(path) {
        std::fs::File::options().write(true).open(path).unwrap().set_len(64 << 20).unwrap();
    }
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jnl")
}

/// A time that every test starts from: ids made then sort by their last digits.
pub(crate) const T0: u64 = 1_700_000_000_000;

/// The id with this number, made at [`T0`] plus as many milliseconds.
pub(crate) fn id(number: u64) -> JobId {
    id_made_at(T0 + number, number)
}

pub(crate) fn id_made_at(at: u64, number: u64) -> JobId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.to_be_bytes()[2..]);
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    JobId::from_bytes(bytes)
}

pub(crate) fn minion_job(number: u64) -> MinionJobId {
    MinionJobId::from_bytes(id(number).to_bytes())
}

pub(crate) fn name(text: &str) -> MinionName {
    text.parse().unwrap()
}

/// A job for these minions.
pub(crate) fn job(number: u64, targets: &[&str]) -> JobRecord {
    JobRecord {
        arguments: Arguments::Words(vec![Word::Text("hello".into())]),
        timeout_ms: Some(1000),
        durable: true,
        ..ledger::scratch::job(id(number), targets)
    }
}

/// What a minion is asked for the job with this number.
pub(crate) fn start(number: u64) -> Start {
    Start {
        job: id(number),
        method: "test.ping".parse().unwrap(),
        arguments: Arguments::Words(vec![Word::Text("hello".into())]),
        operator: "ann".parse().unwrap(),
        timeout_ms: Some(1000),
        dry_run: false,
        durable: true,
    }
}

pub(crate) fn ok(value: i64, ended_at: u64) -> Report {
    Report::without_run(Outcome::Ok(Some(Value::Signed(value))), ended_at)
}

pub(crate) fn failed(kind: FailureKind, ended_at: u64) -> Report {
    Report::without_run(Outcome::failed(kind, "it did not work"), ended_at)
}

/// What reports do to a job in most tests.
pub(crate) trait Reports {
    async fn runs(&self, job: u64, minion: &str, at: u64) -> Changed<Transition>;
    async fn ends(&self, job: u64, minion: &str, report: Report) -> Changed<Transition>;
}

impl Reports for OverlordLedger {
    async fn runs(&self, job: u64, minion: &str, at: u64) -> Changed<Transition> {
        let state = MinionState::Running;
        self.part_moved(id(job), &name(minion), minion_job(job), state, at).await.unwrap()
    }

    async fn ends(&self, job: u64, minion: &str, report: Report) -> Changed<Transition> {
        let at = report.ended_at;
        self.part_ended(id(job), &name(minion), None, report, at, Durability::Written).await.unwrap()
    }
}
