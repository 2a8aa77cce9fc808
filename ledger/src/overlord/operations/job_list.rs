//! Lists of jobs, read from the indexes alone up to the jobs that are listed.

use wire::message::job::{JobId, JobState, MinionState, OutcomeKind};
use wire::message::operator::{self, JobFilter, JobSummary};
use wire::name::MethodPath;

use super::cursor::Cursor;
use super::document;
use super::records::{Head, part_key};
use super::tally::{self, Tally};
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;

/// How many jobs a shortened id finds at most, where it is not unique.
const CANDIDATES: usize = 10;

/// The jobs that are not over, oldest first.
pub(crate) fn live(source: &impl Read) -> Result<Vec<JobId>, LedgerError> {
    let mut jobs = Vec::new();
    for state in [JobState::Running, JobState::Partial] {
        let rows = source.scan(Keyspace::ByState, Span::prefix(&[state.code()]));
        jobs.extend(rows.filter_map(|(key, _)| key::last_job(&key)));
    }
    // A job whose record was set aside cannot be carried on, so it is left out.
    let mut known = Vec::with_capacity(jobs.len());
    for job in jobs {
        if source.has(Keyspace::Jobs, &key::of_job(job, &[]))? {
            known.push(job);
        }
    }
    known.sort_unstable();
    Ok(known)
}

/// The newest of all jobs.
pub(crate) fn newest(source: &impl Read) -> Option<JobId> {
    source.scan(Keyspace::Jobs, Span::all()).rev().find_map(|(key, _)| key::last_job(&key))
}

/// The jobs whose id begins with `prefix`, at most [`CANDIDATES`].
pub(crate) fn by_prefix(source: &impl Read, prefix: &str) -> Vec<JobId> {
    let Some(span) = key::ids_beginning_with(prefix) else { return Vec::new() };
    let rows = source.scan(Keyspace::Jobs, span);
    rows.filter_map(|(key, _)| key::last_job(&key)).take(CANDIDATES).collect()
}

/// At most `limit` jobs that fit `filter`, newest first.
pub(crate) fn list(
    source: &impl Read,
    filter: &JobFilter,
    limit: usize,
) -> Result<Vec<JobSummary>, LedgerError> {
    let mut jobs = Vec::new();
    let oldest = first_made_at(filter.since.unwrap_or(0));
    let mut newest = match filter.before {
        // No job is older than the first moment of all.
        Some(before) => before_job(first_made_at(before)),
        None => Some(JobId::from_bytes([u8::MAX; 16])),
    };
    let Some(start) = newest else { return Ok(jobs) };
    let indexes = indexes(filter).into_iter();
    let mut cursors: Vec<_> =
        indexes.map(|(space, prefix)| Cursor::new(source, space, prefix, oldest, start)).collect();
    while let Some(upto) = newest
        && jobs.len() < limit
    {
        let Some(job) = newest_in_all(&mut cursors, upto) else { break };
        jobs.extend(summary(source, filter, job)?);
        newest = before_job(job);
    }
    Ok(jobs)
}

/// The newest job, no newer than `job`, that all indexes have.
fn newest_in_all<R: Read>(cursors: &mut [Cursor<'_, R>], mut job: JobId) -> Option<JobId> {
    loop {
        let before = job;
        for cursor in &mut *cursors {
            job = cursor.at_most(job)?;
        }
        // Either all cursors stand at the job, or one has moved on and the others must follow.
        if job == before {
            return Some(job);
        }
    }
}

/// The indexes that know which jobs fit, and the beginning of their keys; the index of all jobs where there is no
/// other.
fn indexes(filter: &JobFilter) -> Vec<(Keyspace, Vec<u8>)> {
    let mut indexes = Vec::new();
    if let Some(minion) = &filter.target {
        indexes.push((Keyspace::ByTarget, key::name_prefix(minion.as_str())));
    }
    if let Some(operator) = &filter.operator {
        indexes.push((Keyspace::ByOperator, key::name_prefix(operator.as_str())));
    }
    for module in filter.module.iter().chain(filter.method.as_ref().map(|method| &method.module)) {
        indexes.push((Keyspace::ByModule, key::name_prefix(module.as_str())));
    }
    if let Some(state) = filter.state {
        indexes.push((Keyspace::ByState, vec![state.code()]));
    }
    if indexes.is_empty() {
        indexes.push((Keyspace::Jobs, Vec::new()));
    }
    indexes
}

/// The line about a job that the indexes have; `None` where it cannot be read or calls another method.
fn summary(source: &impl Read, filter: &JobFilter, job: JobId) -> Result<Option<JobSummary>, LedgerError> {
    let Some(head) = source.record::<Head>(&key::of_job(job, &[]))? else { return Ok(None) };
    // A method's own name means the method, in whichever of its names the job has it.
    let is_meant = |method: &MethodPath| {
        *method == head.method
            || (method.module == head.method.module && method.method == head.method.function())
    };
    if !filter.method.as_ref().is_none_or(is_meant) {
        return Ok(None);
    }
    let Some(tally) = Tally::of(source, job)? else { return Ok(None) };
    let is_other_state = filter.state.is_some_and(|state| state != tally.state());
    if is_other_state || (filter.failed && tally.failed(head.targets) == 0) {
        return Ok(None);
    }
    let counts = counts(source, job, &tally, head.targets)?;
    let is_meant = |outcome: &OutcomeKind| counts.iter().any(|(kind, _)| kind == outcome);
    if !filter.outcomes.is_empty() && !filter.outcomes.iter().any(is_meant) {
        return Ok(None);
    }
    Ok(Some(JobSummary {
        job,
        state: tally.state(),
        method: head.method,
        operator: head.operator,
        target: head.target,
        targets: head.targets as usize,
        accepted_at: head.accepted_at,
        ended_at: tally.ended_at,
        exclude: head.exclude,
        dry_run: head.dry_run,
        counts: Some(counts),
    }))
}

/// How often each outcome occurred. The parts are looked at only where some are not `ok`.
fn counts(
    source: &impl Read,
    job: JobId,
    tally: &Tally,
    targets: u32,
) -> Result<Vec<(OutcomeKind, usize)>, LedgerError> {
    if tally.failed(targets) == 0 {
        return Ok(match tally.ok() {
            0 => Vec::new(),
            ok => vec![(OutcomeKind::Ok, ok as usize)],
        });
    }
    let mut outcomes = Vec::new();
    for minion in document::targets(source, job)? {
        let part = tally::part(source, &part_key(job, &minion))?;
        outcomes.extend(part.state.and_then(MinionState::outcome));
    }
    Ok(operator::counts(outcomes))
}

/// The first id that can have been made at this time.
fn first_made_at(at: u64) -> JobId {
    let [_, _, time @ ..] = at.min((1 << 48) - 1).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&time);
    JobId::from_bytes(bytes)
}

/// The last id that sorts before this one.
fn before_job(job: JobId) -> Option<JobId> {
    let number = u128::from_be_bytes(job.to_bytes()).checked_sub(1)?;
    Some(JobId::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::key::Span;
    use crate::overlord::{JobRecord, OverlordLedger};
    use crate::read::Spoiled;
    use crate::scratch;
    use crate::storage::{Bytes, Scan};
    use crate::write::Durability;

    /// Counts what is read of another source.
    struct Counted<R> {
        source: R,
        keys: Cell<usize>,
        records: Cell<usize>,
    }

    impl<R: Read> Read for Counted<R> {
        fn bytes(&self, space: Keyspace, key: &[u8]) -> Result<Option<Bytes>, LedgerError> {
            self.records.update(|records| records + 1);
            self.source.bytes(space, key)
        }

        fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
            let count = |_: &(Bytes, Bytes)| self.keys.update(|keys| keys + 1);
            Box::new(self.source.scan(space, span).inspect(count))
        }

        fn set_aside(&self, spoiled: Spoiled) {
            self.source.set_aside(spoiled);
        }
    }

    /// A thousand jobs: one in a hundred is of ann, and one in ten for web1, ann's among them.
    async fn thousand_jobs(ledger: &OverlordLedger) {
        for number in 0..1000_u64 {
            let id = first_made_at(1_000_000 + number);
            let target = if number % 10 == 0 { "web1" } else { "web2" };
            let operator = if number % 100 == 30 { "ann" } else { "bob" }.parse().expect("a name");
            let record = JobRecord { operator, ..scratch::job(id, &[target]) };
            ledger.accept(record, Durability::Written).await.expect("accepted");
        }
    }

    #[tokio::test]
    async fn a_list_costs_what_it_shows_and_not_what_there_is() {
        let folder = crate::scratch::folder();
        let ledger = OverlordLedger::open(&folder.path().join("ledger")).expect("opens");
        thousand_jobs(&ledger).await;
        let cost = |filter: JobFilter, limit: usize| {
            let source = ledger.engine().read().expect("opens");
            let counted = Counted { source, keys: Cell::default(), records: Cell::default() };
            let found = list(&counted, &filter, limit).expect("listed").len();
            (found, counted.keys.get(), counted.records.get())
        };
        let all = JobFilter::default;
        let ann = JobFilter { operator: Some("ann".parse().expect("a name")), ..all() };
        let on_web1 = JobFilter { target: Some("web1".parse().expect("a name")), ..ann.clone() };
        let for_web2 = JobFilter { target: Some("web2".parse().expect("a name")), ..ann.clone() };
        let early = JobFilter { since: Some(1_000_000), before: Some(1_000_005), ..all() };
        let over = JobFilter { state: Some(JobState::Finished), ..on_web1.clone() };
        // Two records a line, and a key in each index that is asked.
        for (filter, limit, found) in [(all(), 20, 20), (ann.clone(), 20, 10), (early, 20, 5)] {
            let (lines, keys, records) = cost(filter, limit);
            assert_eq!((lines, records), (found, found * 2));
            assert!(keys <= found + 1, "{keys} keys for {found} lines");
        }
        let (lines, keys, records) = cost(on_web1, 20);
        assert_eq!((lines, records), (10, 20));
        // Nine jobs of web1 lie between two of ann's: passed one by one or jumped over, never all read.
        assert!(keys <= 200, "{keys} keys for ten lines");
        let (lines, keys, records) = cost(for_web2, 20);
        assert_eq!((lines, records), (0, 0));
        assert!(keys <= 150, "{keys} keys to find that there are none");
        let (lines, keys, records) = cost(over, 20);
        assert_eq!((lines, records), (0, 0));
        assert!(keys <= 20, "{keys} keys to find that no job is over");
    }
}
