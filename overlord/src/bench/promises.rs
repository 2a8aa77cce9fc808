//! What an overlord promises of a job that it accepted, checked against what the minions have on record.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use ledger::MinionLedger;
use serde::Deserialize;
use wire::job::{JobId, JobState, MinionState, OutcomeKind};
use wire::operator::{JobDocument, Part};

use super::error::BenchError;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The job was accepted, and now nobody knows it.
    #[error("job {0}: the overlord accepted it and does not know it any more")]
    Forgotten(JobId),
    /// The job has no final outcome.
    #[error("job {0}: it is still \"{1}\"")]
    NotOver(JobId, JobState),
    /// It ended in a way that no kill explains.
    #[error("job {0} on {1}: it ended as \"{2}\"")]
    Outcome(JobId, String, OutcomeKind),
    /// It ran more than once.
    #[error("job {0} on {1}: it was started {2} times")]
    StartedAgain(JobId, String, usize),
    /// It is said to have run, or not to, and that is not so.
    #[error("job {0} on {1}: it ended as \"{2}\" and was started {3} times")]
    Untrue(JobId, String, OutcomeKind, usize),
    /// Minion and overlord have different records of it.
    #[error("job {0} on {1}: the overlord has \"{2}\" on record, the minion has {3}")]
    Disagreement(JobId, String, OutcomeKind, String),
}

/// What the overlord says in the end of a job that it accepted.
pub(super) struct Ending {
    pub(super) job: JobId,
    /// `None` where it does not know it.
    pub(super) document: Option<JobDocument>,
}

/// What one minion has on record.
#[derive(Default)]
pub(super) struct Witness {
    minion: String,
    /// How often each job was started, by the audit log, in which a start is written before it happens.
    starts: HashMap<JobId, usize>,
    /// How each job stands in the ledger.
    states: HashMap<JobId, MinionState>,
}

impl Witness {
    /// Reads the folder of a minion that does not run.
    pub(super) async fn read(minion: &str, dir: &Path, endings: &[Ending]) -> Result<Self, BenchError> {
        let unreadable = |source: io::Error| BenchError::Process { name: minion.to_owned(), source };
        let audit = fs::read_to_string(dir.join("audit.jsonl")).map_err(unreadable)?;
        let failed = |source| BenchError::Ledger { name: minion.to_owned(), source };
        let ledger = MinionLedger::open(&dir.join("ledger")).map_err(failed)?;
        let mut states = HashMap::new();
        for Ending { job, .. } in endings {
            if let Some(record) = ledger.job(job).map_err(failed)? {
                states.insert(*job, record.state);
            }
        }
        ledger.close().await;
        Ok(Self { minion: minion.to_owned(), starts: starts(&audit), states })
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

/// Which promises about one job were broken.
pub(super) fn broken(ending: &Ending, witnesses: &[Witness]) -> Vec<Violation> {
    let job = ending.job;
    let Some(document) = &ending.document else { return vec![Violation::Forgotten(job)] };
    if !document.state.is_over() {
        return vec![Violation::NotOver(job, document.state)];
    }
    let of_part = |part: &Part| {
        let witness = witnesses.iter().find(|witness| witness.minion == part.minion.as_str())?;
        broken_on(job, part.state?.outcome()?, witness)
    };
    document.parts.iter().filter_map(of_part).collect()
}

fn broken_on(job: JobId, outcome: OutcomeKind, witness: &Witness) -> Option<Violation> {
    let minion = || witness.minion.clone();
    let starts = witness.starts.get(&job).copied().unwrap_or_default();
    if starts > 1 {
        return Some(Violation::StartedAgain(job, minion(), starts));
    }
    match outcome {
        OutcomeKind::Ok if starts != 1 => return Some(Violation::Untrue(job, minion(), outcome, starts)),
        OutcomeKind::Undelivered if starts != 0 => {
            return Some(Violation::Untrue(job, minion(), outcome, starts));
        }
        OutcomeKind::Ok | OutcomeKind::Undelivered | OutcomeKind::Interrupted => {}
        other => return Some(Violation::Outcome(job, minion(), other)),
    }
    let recorded = witness.states.get(&job).copied();
    let agreed = match outcome {
        // The minion never had it.
        OutcomeKind::Undelivered => recorded.is_none(),
        outcome => recorded == Some(MinionState::Finished(outcome)),
    };
    (!agreed).then(|| Violation::Disagreement(job, minion(), outcome, shown(recorded)))
}

fn shown(state: Option<MinionState>) -> String {
    match state {
        None => "none".to_owned(),
        Some(MinionState::Finished(outcome)) => format!("\"{outcome}\""),
        Some(state) => format!("\"{state}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(job: JobId, starts: usize, state: Option<OutcomeKind>) -> Witness {
        Witness {
            minion: "web1".into(),
            starts: HashMap::from([(job, starts)]),
            states: state.into_iter().map(|outcome| (job, MinionState::Finished(outcome))).collect(),
        }
    }

    fn found(outcome: OutcomeKind, starts: usize, recorded: Option<OutcomeKind>) -> Option<Violation> {
        let job = JobId::new();
        broken_on(job, outcome, &witness(job, starts, recorded))
    }

    #[test]
    fn what_a_kill_explains_breaks_no_promise() {
        assert_eq!(found(OutcomeKind::Ok, 1, Some(OutcomeKind::Ok)), None);
        assert_eq!(found(OutcomeKind::Interrupted, 1, Some(OutcomeKind::Interrupted)), None);
        // Killed between its record and its start.
        assert_eq!(found(OutcomeKind::Interrupted, 0, Some(OutcomeKind::Interrupted)), None);
        assert_eq!(found(OutcomeKind::Undelivered, 0, None), None);
    }

    #[test]
    fn a_second_start_is_found_whatever_the_outcome() {
        for outcome in [OutcomeKind::Ok, OutcomeKind::Interrupted, OutcomeKind::Undelivered] {
            assert!(matches!(found(outcome, 2, Some(outcome)), Some(Violation::StartedAgain(_, _, 2))));
        }
    }

    #[test]
    fn an_outcome_that_is_not_true_is_found() {
        assert!(matches!(
            found(OutcomeKind::Ok, 0, Some(OutcomeKind::Ok)),
            Some(Violation::Untrue(_, _, OutcomeKind::Ok, 0))
        ));
        assert!(matches!(found(OutcomeKind::Undelivered, 1, None), Some(Violation::Untrue(..))));
        assert!(matches!(
            found(OutcomeKind::Ok, 1, Some(OutcomeKind::Interrupted)),
            Some(Violation::Disagreement(..))
        ));
        assert!(matches!(found(OutcomeKind::Lost, 0, None), Some(Violation::Outcome(..))));
    }

    #[test]
    fn a_job_that_nobody_knows_any_more_is_found() {
        let ending = Ending { job: JobId::new(), document: None };
        assert_eq!(broken(&ending, &[]), [Violation::Forgotten(ending.job)]);
    }

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
}
