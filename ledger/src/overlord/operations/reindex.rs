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
