//! What is asked of jobs as wholes: accepting, reading back, letting go.

use std::collections::HashSet;

use wire::message::job::{JobId, JobState};
use wire::message::operator::{History, JobDocument, JobFilter, JobSummary, Transition};
use wire::name::MinionName;
use wire::value::arguments::Arguments;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::job::JobRecord;
use crate::overlord::operations::{document, job, job_list, purge, transition};
use crate::retention::{Purge, Purged, Retention};
use crate::write::{Changed, Durability, Purpose};

/// Jobs: accepting, reading back, letting go.
impl OverlordLedger {
    /// Accepts a job: records it with its targets, its place in all lists and its first transition.
    ///
    /// An id that is there already changes nothing.
    pub async fn accept(
        &self,
        job: JobRecord,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        self.engine.write(Purpose::Begin, durability, move |draft| job::accept(draft, job)).await
    }

    /// The job as it was asked for; `None` where it is unknown, purged, or damaged in that part.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, LedgerError> {
        self.read(|source| job::find(source, id)).await
    }

    /// The arguments of the job; `None` where it is unknown, purged, or damaged in that part.
    pub async fn arguments(&self, id: JobId) -> Result<Option<Arguments>, LedgerError> {
        self.read(|source| job::arguments(source, id)).await
    }

    /// The state of the job, and when it ended if it did, in milliseconds since 1970; `None` where it is unknown
    /// or purged.
    pub async fn state(&self, id: JobId) -> Result<Option<(JobState, Option<u64>)>, LedgerError> {
        self.read(|source| job::state(source, id)).await
    }

    /// The job's transitions, in the order in which they were recorded; none where it is unknown.
    pub async fn transitions(&self, id: JobId) -> Result<Vec<Transition>, LedgerError> {
        self.read(|source| Ok(transition::all(source, id))).await
    }

    /// The job's transitions and targets; `None` where it is unknown or purged.
    pub async fn history(&self, id: JobId) -> Result<Option<History>, LedgerError> {
        self.read(|source| document::history(source, id)).await
    }

    /// Everything that is known of the job at one moment; `None` where it is unknown or purged.
    pub async fn document(&self, id: JobId) -> Result<Option<JobDocument>, LedgerError> {
        Ok(self.document_up_to(id, usize::MAX).await?.map(|(document, _)| document))
    }

    /// Like [`document`](Self::document), with as many reports as take so many bytes of memory, and how many were
    /// left out.
    ///
    /// The arguments are not in it, since only code that knows the method's signature may show them; and neither
    /// is progress, which changes too often to be recorded.
    pub async fn document_up_to(
        &self,
        id: JobId,
        memory: usize,
    ) -> Result<Option<(JobDocument, usize)>, LedgerError> {
        self.document_without(id, &HashSet::new(), memory).await
    }

    /// Like [`document_up_to`](Self::document_up_to), without the reports of minions that are `told` of already. They are not
    /// among those that were left out.
    pub async fn document_without(
        &self,
        id: JobId,
        told: &HashSet<MinionName>,
        memory: usize,
    ) -> Result<Option<(JobDocument, usize)>, LedgerError> {
        self.read(|source| document::up_to(source, id, memory, told)).await
    }

    /// The jobs that are not over, oldest first.
    pub async fn live(&self) -> Result<Vec<JobId>, LedgerError> {
        self.read(|source| job_list::live(source)).await
    }

    /// The newest id of all jobs that are on record, behind which the next id must sort.
    pub async fn newest(&self) -> Result<Option<JobId>, LedgerError> {
        self.read(|source| Ok(job_list::newest(source))).await
    }

    /// At most `limit` jobs that fit `filter`, newest first.
    ///
    /// Only jobs that are in all indexes concerned are looked at, so that a list costs what it shows. A filter by
    /// method or by outcome also looks at jobs that it leaves out.
    pub async fn list(&self, filter: &JobFilter, limit: usize) -> Result<Vec<JobSummary>, LedgerError> {
        self.read(|source| job_list::list(source, filter, limit)).await
    }

    /// The jobs whose id begins with `prefix`, in upper or lower case: one where the prefix is good enough, none where
    /// it fits nothing, and at most ten.
    pub async fn by_prefix(&self, prefix: &str) -> Result<Vec<JobId>, LedgerError> {
        self.read(|source| Ok(job_list::by_prefix(source, prefix))).await
    }

    /// Removes the finished jobs that `retention` does not keep at the time `now`, in milliseconds since 1970:
    /// those that ended first before the others. Returns how many. Jobs that are not over stay, however old they
    /// are.
    ///
    /// It is atomic for each job, and removes a few at a time, so that others are not kept waiting.
    pub async fn purge(&self, retention: Retention, now: u64) -> Result<usize, LedgerError> {
        let (mut purge, mut purged) = (Purge::new(retention, now), 0);
        loop {
            match self.read(|source| Ok::<_, LedgerError>(purge::step(source, &mut purge))).await? {
                Purged::All => return Ok(purged),
                Purged::Nothing => tokio::task::yield_now().await,
                Purged::Victims(victims) => {
                    purged += victims.len();
                    let write = move |draft: &Draft<'_>| purge::purge(draft, &victims);
                    self.engine.write(Purpose::Free, Durability::Written, write).await?;
                }
            }
        }
    }
}
