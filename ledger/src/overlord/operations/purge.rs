//! Removing finished jobs.

use wire::message::job::JobId;

use super::job::names;

use super::records::{Head, Targets, part_key};
use super::tally::{OF_JOB, STATES, Tally, WITHIN_JOB, by_state};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::retention::{Ended, Purge, Purged};

/// How many jobs one batch removes: few enough that nobody who writes meanwhile waits long. A job takes some dozen keys.
const AT_ONCE: usize = 8;

/// Goes on with a purge: finds the jobs that are to be removed next, together.
pub(crate) fn step(source: &impl Read, purge: &mut Purge) -> Purged {
    purge.step(source, Keyspace::Ended, AT_ONCE)
}

/// Removes these jobs, but for those that turn out not to be over.
pub(crate) fn purge(draft: &Draft<'_>, victims: &[Ended]) -> Result<(), LedgerError> {
    victims.iter().try_for_each(|ended| remove(draft, *ended))
}

/// Removes a job from the index of ends, and all of it unless it turns out not to be over.
fn remove(draft: &Draft<'_>, ended: Ended) -> Result<(), LedgerError> {
    let job = ended.job;
    draft.remove(Keyspace::Ended, key::by_time(ended.at, job));
    if Tally::of(draft, job)?.is_some_and(|tally| !tally.state().is_over()) {
        return Ok(());
    }
    let targets = draft.record::<Targets>(&key::of_job(job, &[]))?.unwrap_or_default();
    remove_names(draft, job, &targets)?;
    remove_outcomes(draft, job, &targets);
    for state in STATES {
        draft.remove(Keyspace::ByState, by_state(state, job));
    }
    for space in OF_JOB.into_iter().chain([Keyspace::Tallies]) {
        draft.remove(space, key::of_job(job, &[]));
    }
    for space in WITHIN_JOB.into_iter().filter(|space| *space != Keyspace::Outcomes) {
        draft.remove_all(space, &job.to_bytes());
    }
    Ok(())
}

/// Removes the outcomes by the names of their minions: to look for them would be to read all of them.
fn remove_outcomes(draft: &Draft<'_>, job: JobId, targets: &Targets) {
    // Either of the two may be damaged.
    let targets = targets.0.iter().map(|minion| part_key(job, minion));
    let parts = draft.scan(Keyspace::Parts, Span::prefix(&job.to_bytes())).map(|(key, _)| key.to_vec());
    for part in targets.chain(parts) {
        draft.remove(Keyspace::Outcomes, part);
    }
}

fn remove_names(draft: &Draft<'_>, job: JobId, targets: &Targets) -> Result<(), LedgerError> {
    let Some(head) = draft.record::<Head>(&key::of_job(job, &[]))? else { return Ok(()) };
    for (space, name) in names(&head, &targets.0) {
        draft.remove(space, key::by_name(name, job));
    }
    for minion in &targets.0 {
        draft.remove(Keyspace::Unheard, key::by_name(minion.as_str(), job));
    }
    Ok(())
}
