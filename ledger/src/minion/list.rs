//! Looking jobs up.

use wire::message::job::JobId;

use super::ledger::MinionLedger;
use super::records::{Course, MinionJob};
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;

impl MinionLedger {
    /// The job, by the overlord's id; `None` where it is unknown or purged.
    pub fn job(&self, job: &JobId) -> Result<Option<MinionJob>, LedgerError> {
        let source = self.engine.read()?;
        Course::of(&source, *job)?.map(|course| course.job(&source, *job)).transpose()
    }

    /// The jobs that are queued or running, oldest first.
    pub fn unfinished(&self) -> Result<Vec<JobId>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Keyspace::Unfinished, Span::all());
        Ok(rows.filter_map(|(key, _)| key::last_job(&key)).collect())
    }

    /// At most `limit` jobs, newest first.
    pub fn recent(&self, limit: usize) -> Result<Vec<MinionJob>, LedgerError> {
        let source = self.engine.read()?;
        let rows = source.scan(Keyspace::Starts, Span::all()).rev();
        let mut jobs = Vec::new();
        for job in rows.filter_map(|(key, _)| key::last_job(&key)).take(limit) {
            if let Some(course) = Course::of(&source, job)? {
                jobs.push(course.job(&source, job)?);
            }
        }
        Ok(jobs)
    }
}
