//! Lists of jobs, each read from the index that fits best.

use wire::job::{JobId, JobState};
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::operator::JobSummary;

use super::accept::is_target;
use super::ledger::OverlordLedger;
use super::records::Head;
use super::tally::Tally;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::read::Read;
use crate::space::Space;

/// Which jobs to list: those that fit everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Jobs that are in this state.
    pub state: Option<JobState>,
    /// Jobs of this operator.
    pub operator: Option<OperatorName>,
    /// Calls of this module.
    pub module: Option<ModuleName>,
    /// Jobs that went to this minion.
    pub target: Option<MinionName>,
    /// Jobs whose id was made at or after this time, in milliseconds since 1970.
    pub since: Option<u64>,
}

/// How many jobs a shortened id lists at most, where it is not unique.
const CANDIDATES: usize = 10;

impl OverlordLedger {
    /// The jobs that are not over, oldest first.
    pub fn live(&self) -> Result<Vec<JobId>, LedgerError> {
        let source = self.engine.read()?;
        let mut jobs = Vec::new();
        for state in [JobState::Running, JobState::Partial] {
            let rows = source.scan(Space::ByState, Span::prefix(&[state.code()]));
            jobs.extend(rows.filter_map(|(key, _)| key::last_job(&key)));
        }
        // A job whose record was set aside is as good as unknown.
        let mut known = Vec::with_capacity(jobs.len());
        for job in jobs {
            if source.has(Space::Jobs, &key::of_job(job, &[]))? {
                known.push(job);
            }
        }
        known.sort_unstable();
        Ok(known)
    }

    /// The last id that was given out, of all jobs that are on record.
    pub fn newest(&self) -> Result<Option<JobId>, LedgerError> {
        let source = self.engine.read()?;
        Ok(source.scan(Space::Jobs, Span::all()).rev().find_map(|(key, _)| key::last_job(&key)))
    }

    /// At most `limit` jobs that fit `filter`, newest first.
    pub fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<JobSummary>, LedgerError> {
        let source = self.engine.read()?;
        let mut jobs = Vec::new();
        let (space, prefix) = filter.index();
        let from = key::of_job(earliest(filter.since.unwrap_or(0)), &[]);
        let span = Span::prefix(&prefix).starting_at([prefix.as_slice(), &from].concat());
        for (key, _) in source.scan(space, span).rev() {
            if jobs.len() >= limit {
                break;
            }
            let Some(job) = key::last_job(&key) else { continue };
            jobs.extend(filter.summary(&source, job)?);
        }
        Ok(jobs)
    }

    /// The jobs whose id begins with `prefix`, in upper or lower case: one where the prefix is good enough,
    /// none where it fits nothing, and at most ten.
    pub fn by_prefix(&self, prefix: &str) -> Result<Vec<JobId>, LedgerError> {
        let source = self.engine.read()?;
        let Some(span) = key::ids_beginning_with(prefix) else { return Ok(Vec::new()) };
        let rows = source.scan(Space::Jobs, span);
        Ok(rows.filter_map(|(key, _)| key::last_job(&key)).take(CANDIDATES).collect())
    }
}

impl Filter {
    /// The index that leaves the least to look through, and what its keys begin with.
    fn index(&self) -> (Space, Vec<u8>) {
        if let Some(minion) = &self.target {
            return (Space::ByTarget, key::name_prefix(minion.as_str()));
        }
        if let Some(operator) = &self.operator {
            return (Space::ByOperator, key::name_prefix(operator.as_str()));
        }
        if let Some(module) = &self.module {
            return (Space::ByModule, key::name_prefix(module.as_str()));
        }
        match self.state {
            Some(state) => (Space::ByState, vec![state.code()]),
            None => (Space::Jobs, Vec::new()),
        }
    }

    /// The line about a job, if it fits.
    fn summary(&self, source: &impl Read, job: JobId) -> Result<Option<JobSummary>, LedgerError> {
        let Some(tally) = Tally::of(source, job)? else { return Ok(None) };
        let Some(head) = source.record::<Head>(&key::of_job(job, &[]))? else { return Ok(None) };
        let fits = self.state.is_none_or(|state| state == tally.state())
            && self.operator.as_ref().is_none_or(|operator| *operator == head.operator)
            && self.module.as_ref().is_none_or(|module| *module == head.method.module);
        if !fits {
            return Ok(None);
        }
        if let Some(minion) = &self.target
            && !is_target(source, job, minion.as_str())?
        {
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
        }))
    }
}

/// The first id that can have been made at this time.
fn earliest(at: u64) -> JobId {
    let [_, _, time @ ..] = at.min((1 << 48) - 1).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&time);
    JobId::from_bytes(bytes)
}
