//! Making the indexes anew, after a journal was mended.

use std::collections::BTreeSet;

use wire::message::job::MinionState;

use super::records::Course;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record;

/// The keyspaces that follow from the other records, and are listed anew.
const DERIVED: [Keyspace; 4] =
    [Keyspace::Unfinished, Keyspace::Unacknowledged, Keyspace::Settled, Keyspace::KvUsage];

/// The keyspaces in which a job leaves a trace.
const TRACES: [Keyspace; 4] = [Keyspace::Starts, Keyspace::States, Keyspace::Reports, Keyspace::Unfinished];

/// Makes all indexes fit the records that are there. A job of which anything is left stays known.
pub(crate) fn reindex(draft: &Draft<'_>) -> Result<(), LedgerError> {
    let mut jobs = BTreeSet::new();
    for space in TRACES {
        jobs.extend(draft.scan(space, Span::all()).filter_map(|(key, _)| key::last_job(&key)));
    }
    let mut courses = Vec::new();
    for job in jobs {
        courses.extend(Course::of(draft, job)?.map(|course| (job, course)));
    }
    for space in DERIVED {
        draft.remove_all(space, &[]);
    }
    for (job, course) in courses {
        draft.put_record(key::of_job(job, &[]), &course);
        match (course.state, course.ended_at) {
            (MinionState::Finished(_), Some(at)) if course.acknowledged => {
                draft.put(Keyspace::Settled, key::by_time(at, job), record::number(course.bytes));
            }
            (MinionState::Finished(_), Some(at)) => {
                draft.mark(Keyspace::Unacknowledged, key::by_time(at, job));
            }
            _ => draft.mark(Keyspace::Unfinished, key::of_job(job, &[])),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use wire::message::job::JobId;
    use wire::message::outcome::{Outcome, Report};

    use super::super::records::tests::start;
    use super::*;
    use crate::MinionLedger;
    use crate::retention::Retention;
    use crate::write::{Durability, Purpose};

    #[tokio::test]
    async fn lists_that_may_not_fit_are_made_anew_when_the_folder_is_opened() {
        let folder = crate::scratch::folder();
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        let ids = [1, 2, 3].map(|number| JobId::from_bytes([number; 16]));
        for job in ids {
            ledger.accept(start(job), job.made_at(), Durability::Written).await.expect("accepted");
        }
        for job in &ids[1..] {
            let report = Report::without_run(Outcome::Ok(None), job.made_at() + 1);
            ledger.finished(*job, report, Durability::Written).await.expect("finished");
        }
        ledger.acknowledged(ids[2]).await.expect("acknowledged");
        let kv = ledger.kv("service".parse().expect("a name"), 100);
        kv.set("key", b"value".to_vec()).await.expect("set");
        let lists = |ledger: &MinionLedger| {
            let owed = ledger.unacknowledged(10).expect("read");
            (ledger.unfinished().expect("read"), owed, ledger.recent(10).expect("read"))
        };
        let before = lists(&ledger);
        assert_eq!((&before.0, &before.1), (&vec![ids[0]], &vec![ids[1]]));
        let lose = |draft: &Draft<'_>| {
            DERIVED.into_iter().for_each(|space| draft.remove_all(space, &[]));
            Ok(())
        };
        ledger.engine.write(Purpose::Proceed, Durability::Written, lose).await.expect("lost");
        assert_ne!(lists(&ledger), before);
        ledger.close().await;
        fs::write(folder.path().join("indexes-are-stale"), "").expect("marked");

        let ledger = MinionLedger::open(folder.path()).expect("opens");
        assert_eq!(lists(&ledger), before);
        assert_eq!(ledger.kv("service".parse().expect("a name"), 100).usage(), Ok(8));
        let nothing = Retention { keep_ms: Some(0), bytes: None };
        assert_eq!(ledger.purge(nothing, u64::MAX).await, Ok(1));
        assert_eq!(ledger.job(&ids[2]), Ok(None));
    }
}
