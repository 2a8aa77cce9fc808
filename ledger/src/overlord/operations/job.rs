//! A job as it was asked for: recording it, and reading it back.

use wire::message::job::{JobId, JobState};
use wire::message::operator::Transition;
use wire::name::MinionName;
use wire::value::arguments::Arguments;

use super::records::{Head, StoredArguments, StoredMandate, StoredPatience, Targets};
use super::tally::Tally;
use super::transition;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key;
use crate::keyspace::Keyspace;
use crate::overlord::job::JobRecord;
use crate::read::Read;
use crate::write::Changed;

/// Records a job with its targets, its place in all indexes and its first transition.
pub(crate) fn accept(draft: &Draft<'_>, job: JobRecord) -> Result<Changed<Transition>, LedgerError> {
    let (id, at) = (job.id, job.accepted_at);
    if draft.has(Keyspace::Jobs, &key::of_job(id, &[]))? {
        return Ok(Changed::No);
    }
    let patience = job.patience_ms.map(StoredPatience);
    let mandate = job.mandate.clone().map(|mandate| StoredMandate(*mandate));
    let (head, arguments, targets) = Head::split(job);
    let mut tally = Tally::new(at, head.targets);
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &arguments));
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &targets));
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &head));
    if let Some(patience) = patience {
        tally.add_bytes(draft.put_record(key::of_job(id, &[]), &patience));
    }
    if let Some(mandate) = mandate {
        tally.add_bytes(draft.put_record(key::of_job(id, &[]), &mandate));
    }
    for (space, name) in names(&head, &targets.0) {
        draft.mark(space, key::by_name(name, id));
    }
    let job_state = tally.state();
    let first = transition::record(draft, id, &mut tally, at, job_state, None);
    tally.put(draft, id, at);
    Ok(Changed::Yes(first))
}

/// The names that a job is listed under, each with its index.
pub(super) fn names<'a>(
    head: &'a Head,
    targets: &'a [MinionName],
) -> impl Iterator<Item = (Keyspace, &'a str)> {
    let by_target = targets.iter().map(|minion| (Keyspace::ByTarget, minion.as_str()));
    by_target.chain([
        (Keyspace::ByOperator, head.operator.as_str()),
        (Keyspace::ByModule, head.method.module.as_str()),
    ])
}

/// Whether the job was aimed at this minion.
pub(super) fn is_target(source: &impl Read, job: JobId, minion: &str) -> Result<bool, LedgerError> {
    source.has(Keyspace::ByTarget, &key::by_name(minion, job))
}

/// The job as it was asked for.
pub(crate) fn find(source: &impl Read, id: JobId) -> Result<Option<JobRecord>, LedgerError> {
    let key = key::of_job(id, &[]);
    let Some(head) = source.record::<Head>(&key)? else { return Ok(None) };
    let Some(arguments) = source.record::<StoredArguments>(&key)? else { return Ok(None) };
    let Some(targets) = source.record::<Targets>(&key)? else { return Ok(None) };
    let patience = source.record::<StoredPatience>(&key)?;
    let mandate = source.record::<StoredMandate>(&key)?;
    Ok(Some(head.join(id, arguments, targets, patience, mandate)))
}

/// The arguments of the job.
pub(crate) fn arguments(source: &impl Read, id: JobId) -> Result<Option<Arguments>, LedgerError> {
    let stored = source.record::<StoredArguments>(&key::of_job(id, &[]))?;
    Ok(stored.map(|StoredArguments(arguments)| arguments))
}

/// The state of the job, and when it ended.
pub(crate) fn state(source: &impl Read, id: JobId) -> Result<Option<(JobState, Option<u64>)>, LedgerError> {
    Ok(Tally::of(source, id)?.map(|tally| (tally.state(), tally.ended_at)))
}
