//! What a minion left behind: its audit log, its ledger, and the file that its guests wrote.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use audit_log::audit_files;
use ledger::MinionLedger;
use serde::Deserialize;
use wire::message::job::{JobId, MinionState};

use super::history::Ending;
use crate::error::BenchError;

/// Lets the module `test` of a minion write the file in which each job leaves a line.
pub(super) fn grant_a_folder(minion_dir: &Path) -> io::Result<()> {
    let granted = minion_dir.join(GRANTED);
    fs::create_dir(&granted)?;
    let host = toml::Value::String(granted.to_string_lossy().into_owned());
    let config =
        format!("[modules.test]\nfiles = [{{ host = {host}, guest = \"{GUEST_FOLDER}\", mode = \"rw\" }}]\n");
    fs::write(minion_dir.join("minion.toml"), config)
}

/// What one minion has on record, and what its guests did.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    pub(super) minion: String,
    /// How often each job was started, by the audit log, in which a start is written before it happens.
    pub(super) starts: HashMap<JobId, usize>,
    /// How each job stands in the ledger.
    pub(super) states: HashMap<JobId, MinionState>,
    /// How often each line stands in the file of the guests.
    pub(super) lines: HashMap<String, usize>,
}

impl Witness {
    /// Reads the folder of a minion that does not run.
    pub(super) async fn read(minion: &str, dir: &Path, endings: &[Ending]) -> Result<Self, BenchError> {
        let unreadable = |source: io::Error| BenchError::Process { name: minion.to_owned(), source };
        let files = audit_files(&dir.join("audit.jsonl")).map_err(unreadable)?;
        let audit =
            files.iter().map(fs::read_to_string).collect::<io::Result<String>>().map_err(unreadable)?;
        let written = fs::read_to_string(dir.join(GRANTED).join(FILE)).map_err(unreadable)?;
        let failed = |source| BenchError::Ledger { name: minion.to_owned(), source };
        let ledger = MinionLedger::open(&dir.join("ledger")).map_err(failed)?;
        let mut states = HashMap::new();
        for Ending { job, .. } in endings {
            if let Some(record) = ledger.job(job).map_err(failed)? {
                states.insert(*job, record.state);
            }
        }
        ledger.close().await;
        Ok(Self { minion: minion.to_owned(), starts: starts(&audit), states, lines: lines(&written) })
    }

    /// How many lines its guests wrote.
    pub(super) fn line_count(&self) -> usize {
        self.lines.values().sum()
    }
}

/// An entry of a minion's audit log, as far as it tells of a start.
#[derive(Deserialize)]
struct Entry {
    event: String,
    job: Option<JobId>,
}

/// How often each job was started, by the text of an audit log.
fn starts(audit: &str) -> HashMap<JobId, usize> {
    let mut starts = HashMap::new();
    // A last line that a kill cut off is no entry.
    let entries = audit.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    for job in entries.filter(|entry| entry.event == "call").filter_map(|entry| entry.job) {
        *starts.entry(job).or_default() += 1;
    }
    starts
}

/// How often each line stands in a text.
fn lines(text: &str) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    for line in text.lines() {
        *lines.entry(line.to_owned()).or_default() += 1;
    }
    lines
}

/// The folder that guests may write to, in the folder of the minion.
const GRANTED: &str = "granted";

/// What guests call it.
const GUEST_FOLDER: &str = "/granted";

/// The file in it.
const FILE: &str = "lines";

/// What guests call the file.
pub(super) const GUEST_FILE: &str = "/granted/lines";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_counted_from_whole_entries_about_calls() {
        let job = JobId::new();
        let audit = format!(
            "{{\"event\":\"call\",\"job\":\"{job}\",\"chain\":\"x\"}}\n\
             {{\"event\":\"outcome\",\"job\":\"{job}\",\"chain\":\"y\"}}\n\
             {{\"event\":\"policy\",\"changes\":[],\"chain\":\"z\"}}\n\
             {{\"event\":\"call\",\"job\":\"{job}"
        );
        assert_eq!(starts(&audit), HashMap::from([(job, 1)]));
    }

    #[test]
    fn a_line_that_stands_twice_is_counted_twice() {
        let counted = [("call 1".to_owned(), 2), ("call 2".to_owned(), 1)];
        assert_eq!(lines("call 1\ncall 2\ncall 1\n"), HashMap::from(counted));
    }

    #[test]
    fn the_grant_names_a_folder_that_is_there_whatever_its_name() {
        let dir = tempfile::Builder::new().prefix("a \"quoted\" name").tempdir().expect("a folder");
        grant_a_folder(dir.path()).expect("granted");
        let text = fs::read_to_string(dir.path().join("minion.toml")).expect("written");
        let config: toml::Table = text.parse().expect("parses");
        let host = config["modules"]["test"]["files"][0]["host"].as_str().expect("a folder");
        assert!(Path::new(host).is_dir(), "{text}");
        assert_eq!(format!("{GUEST_FOLDER}/{FILE}"), GUEST_FILE);
    }
}
