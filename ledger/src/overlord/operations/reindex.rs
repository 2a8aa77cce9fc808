//! Making the indexes anew, after a journal was mended.

use wire::message::job::JobId;

use super::job::names;
use super::records::{Head, Targets};
use super::tally::Tally;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;

/// The keyspaces that follow from the other records, and are counted and listed anew.
///
/// The index by target stays, since it can stand in for the targets of a job.
const DERIVED: [Keyspace; 5] =
    [Keyspace::Tallies, Keyspace::ByState, Keyspace::ByOperator, Keyspace::ByModule, Keyspace::Ended];

/// Makes all indexes and tallies fit the records that are there.
pub(crate) fn reindex(draft: &Draft<'_>) -> Result<(), LedgerError> {
    for space in DERIVED {
        draft.remove_all(space, &[]);
    }
    let heads: Vec<_> = draft.records::<Head>(Span::all()).collect();
    for (key, head) in heads {
        let Some(job) = key::last_job(&key) else { continue };
        list(draft, job, &head)?;
    }
    Ok(())
}

fn list(draft: &Draft<'_>, job: JobId, head: &Head) -> Result<(), LedgerError> {
    let key = key::of_job(job, &[]);
    let targets = match draft.record::<Targets>(&key)? {
        Some(targets) => targets,
        None => {
            let targets = targets_by_index(draft, job);
            draft.put_record(key, &targets);
            targets
        }
    };
    for (space, name) in names(head, &targets.0) {
        draft.mark(space, key::by_name(name, job));
    }
    if let Some(tally) = Tally::of(draft, job)? {
        tally.put_afresh(draft, job);
    }
    Ok(())
}

/// The targets of a job as the index by target has them.
fn targets_by_index(draft: &Draft<'_>, job: JobId) -> Targets {
    let rows = draft.scan(Keyspace::ByTarget, Span::all());
    let minion = |key: &[u8]| {
        let name = key.strip_suffix(&job.to_bytes())?.strip_suffix(&[0])?;
        std::str::from_utf8(name).ok()?.parse().ok()
    };
    Targets(rows.filter_map(|(key, _)| minion(&key)).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use wire::message::job::JobState;
    use wire::message::operator::{JobFilter, JobSummary};
    use wire::message::outcome::{Outcome, Report};

    use super::*;
    use crate::overlord::{JobRecord, OverlordLedger};
    use crate::retention::Retention;
    use crate::scratch;
    use crate::write::{Durability, Purpose};

    fn id(number: u8) -> JobId {
        JobId::from_bytes([number; 16])
    }

    /// What each list has, and which jobs are found as they were asked for.
    async fn lists(ledger: &OverlordLedger) -> (Vec<Vec<JobSummary>>, Vec<JobId>, Vec<Option<JobRecord>>) {
        let all = JobFilter::default;
        let states = [JobState::Running, JobState::Partial, JobState::Finished];
        let mut filters = states.map(|state| JobFilter { state: Some(state), ..all() }).to_vec();
        filters.push(JobFilter { operator: Some("ann".parse().expect("a name")), ..all() });
        filters.push(JobFilter { module: Some("test".parse().expect("a name")), ..all() });
        filters.push(JobFilter { target: Some("web2".parse().expect("a name")), ..all() });
        let (mut listed, mut jobs) = (Vec::new(), Vec::new());
        for filter in filters {
            listed.push(ledger.list(&filter, 10).await.expect("listed"));
        }
        for number in 1..=3 {
            jobs.push(ledger.job(id(number)).await.expect("read"));
        }
        (listed, ledger.live().await.expect("read"), jobs)
    }

    #[tokio::test]
    async fn lists_that_may_not_fit_are_made_anew_when_the_folder_is_opened() {
        let folder = crate::scratch::folder();
        let ledger = OverlordLedger::open(folder.path()).expect("opens");
        for number in 1..=3 {
            let record = scratch::job(id(number), &["web1", "web2"]);
            ledger.accept(record, Durability::Written).await.expect("accepted");
        }
        for (number, minion) in [(2, "web1"), (3, "web1"), (3, "web2")] {
            let (minion, at) = (minion.parse().expect("a name"), id(number).made_at() + 1);
            let report = Report::without_run(Outcome::Ok(None), at);
            ledger
                .part_ended(id(number), &minion, None, report, at, Durability::Written)
                .await
                .expect("ended");
        }
        let before = lists(&ledger).await;
        let lose = |draft: &Draft<'_>| {
            // The targets are found again in their index.
            DERIVED.into_iter().chain([Keyspace::Targets]).for_each(|space| draft.remove_all(space, &[]));
            Ok(())
        };
        ledger.engine().write(Purpose::Proceed, Durability::Written, lose).await.expect("lost");
        assert_ne!(lists(&ledger).await, before);
        ledger.close().await;
        let stale = folder.path().join("indexes-are-stale");
        fs::write(&stale, "").expect("marked");

        let ledger = OverlordLedger::open(folder.path()).expect("opens");
        assert_eq!(lists(&ledger).await, before);
        assert!(!stale.exists(), "they would be made anew at every opening");
        let nothing = Retention { keep_ms: Some(0), bytes: None };
        assert_eq!(ledger.purge(nothing, u64::MAX).await, Ok(1));
    }
}
