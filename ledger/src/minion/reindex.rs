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
