//! The records of a minion's job: what was asked, its state, and how it ended.

use serde::{Deserialize, Serialize};
use wire::message::call::Start;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::outcome::Report;

use crate::error::LedgerError;
use crate::key;
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record::Record;

/// A job as a minion has it.
#[derive(Clone, Debug, PartialEq)]
pub struct MinionJob {
    /// The overlord's id of the job.
    pub job: JobId,
    /// The minion's own id of the job.
    pub minion_job: MinionJobId,
    /// What the overlord asked for; `None` where that record was damaged and set aside.
    pub start: Option<Start>,
    /// The state of the job.
    pub state: MinionState,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// When it was recorded as running, in milliseconds since 1970; `None` where it was not.
    pub started_at: Option<u64>,
    /// When it ended, in milliseconds since 1970; `None` where it has not.
    pub ended_at: Option<u64>,
    /// How it ended; `None` where it has not, or where that record was damaged and set aside.
    pub report: Option<Report>,
    /// Whether the overlord has the outcome.
    pub acknowledged: bool,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredStart(pub(super) Start);

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredReport(pub(super) Report);

/// The state of a job, and when it came to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) minion_job: MinionJobId,
    pub(super) state: MinionState,
    pub(super) accepted_at: u64,
    pub(super) started_at: Option<u64>,
    pub(super) ended_at: Option<u64>,
    pub(super) acknowledged: bool,
    /// How many bytes the job takes.
    pub(super) bytes: u64,
}

impl Record for StoredStart {
    const SPACE: Keyspace = Keyspace::Starts;
}

impl Record for StoredReport {
    const SPACE: Keyspace = Keyspace::Reports;
}

impl Record for Course {
    const SPACE: Keyspace = Keyspace::States;
}

impl Course {
    /// The state of the job; `None` where there is no such job.
    ///
    /// A job whose record of its state was damaged is known all the same, so that it is never started twice: it is
    /// over if its outcome is there, and counts as running otherwise.
    pub(super) fn of(source: &impl Read, job: JobId) -> Result<Option<Self>, LedgerError> {
        let key = key::of_job(job, &[]);
        if let Some(course) = source.record::<Course>(&key)? {
            return Ok(Some(course));
        }
        let bytes_in = |space| Ok(source.bytes(space, &key)?.map(|record| (key.len() + record.len()) as u64));
        // That there is a record of the start is enough here, whether or not it can be read.
        let start = bytes_in(Keyspace::Starts)?;
        if let Some(StoredReport(report)) = source.record::<StoredReport>(&key)? {
            let state = MinionState::Finished(report.outcome.kind());
            let bytes = start.unwrap_or_default() + bytes_in(Keyspace::Reports)?.unwrap_or_default();
            let course = Self::remade(job, state, bytes);
            let ended_at = Some(report.ended_at.max(course.accepted_at));
            return Ok(Some(Self { ended_at, ..course }));
        }
        let known = start.is_some() || source.has(Keyspace::Unfinished, &key)?;
        Ok(known.then(|| Self::remade(job, MinionState::Running, start.unwrap_or_default())))
    }

    fn remade(job: JobId, state: MinionState, bytes: u64) -> Self {
        Self {
            // This id is the same each time it is made anew, and distinct from that of any other job.
            minion_job: MinionJobId::from_bytes(job.to_bytes()),
            state,
            accepted_at: job.made_at(),
            started_at: None,
            ended_at: None,
            acknowledged: false,
            bytes,
        }
    }

    /// The job as a whole.
    pub(super) fn job(self, source: &impl Read, job: JobId) -> Result<MinionJob, LedgerError> {
        let key = key::of_job(job, &[]);
        let start = source.record::<StoredStart>(&key)?.map(|StoredStart(start)| start);
        let report = source.record::<StoredReport>(&key)?.map(|StoredReport(report)| report);
        let Self { minion_job, state, accepted_at, started_at, ended_at, acknowledged, .. } = self;
        Ok(MinionJob {
            job,
            minion_job,
            start,
            state,
            accepted_at,
            started_at,
            ended_at,
            report,
            acknowledged,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use wire::message::job::OutcomeKind;
    use wire::message::outcome::Outcome;
    use wire::value::arguments::Arguments;

    use super::*;
    use crate::MinionLedger;
    use crate::draft::Draft;
    use crate::record::tests::is_stored_as;
    use crate::write::{Durability, Purpose};

    /// What the minion is asked for this job.
    pub(in super::super) fn start(job: JobId) -> Start {
        Start {
            job,
            method: "test.ping".parse().expect("a method"),
            arguments: Arguments::Json("[]".into()),
            operator: "ann".parse().expect("a name"),
            timeout_ms: Some(5),
            dry_run: false,
            durable: true,
        }
    }

    /// The course of the job, after what these keyspaces have of it was lost.
    async fn course_without(
        ledger: &MinionLedger,
        job: JobId,
        spaces: &'static [Keyspace],
    ) -> Option<Course> {
        let lose = move |draft: &Draft<'_>| {
            spaces.iter().for_each(|space| draft.remove(*space, key::of_job(job, &[])));
            Ok(())
        };
        ledger.engine.write(Purpose::Proceed, Durability::Written, lose).await.expect("lost");
        Course::of(&ledger.engine.read().expect("opens"), job).expect("read")
    }

    #[tokio::test]
    async fn a_job_is_known_for_as_long_as_anything_of_it_is_left() {
        let folder = crate::scratch::folder();
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        let [open, over] = [1, 2].map(|number| JobId::from_bytes([number; 16]));
        for job in [open, over] {
            ledger.accept(start(job), job.made_at(), Durability::Written).await.expect("accepted");
        }
        let remade = |job, state, bytes| Some(Course::remade(job, state, bytes));
        let bytes = course_without(&ledger, open, &[]).await.expect("known").bytes;
        let running = MinionState::Running;
        assert_eq!(course_without(&ledger, open, &[Keyspace::States]).await, remade(open, running, bytes));
        assert_eq!(course_without(&ledger, open, &[Keyspace::Starts]).await, remade(open, running, 0));
        assert_eq!(course_without(&ledger, open, &[Keyspace::Unfinished]).await, None);

        // The clock was set back meanwhile.
        let report = Report::without_run(Outcome::Ok(None), 5);
        ledger.finished(over, report, Durability::Written).await.expect("finished");
        let whole = course_without(&ledger, over, &[]).await.expect("known");
        let finished = MinionState::Finished(OutcomeKind::Ok);
        let ended =
            |bytes| Some(Course { ended_at: Some(over.made_at()), ..Course::remade(over, finished, bytes) });
        assert_eq!(course_without(&ledger, over, &[Keyspace::States]).await, ended(whole.bytes));
        let left = course_without(&ledger, over, &[Keyspace::Starts]).await;
        assert_eq!(left, ended(whole.bytes - bytes));
    }

    #[test]
    fn a_job_is_stored_as_format_1_has_it() {
        let start = start(JobId::from_bytes([1; 16]));
        is_stored_as(
            &StoredStart(start),
            "01ef07087c0101010101010101010101010101010109746573742e70696e6701025b5d03616e6e01\
             050001",
        );
        let course = Course {
            minion_job: MinionJobId::from_bytes([2; 16]),
            state: MinionState::Finished(OutcomeKind::Lost),
            accepted_at: 1,
            started_at: Some(2),
            ended_at: Some(3),
            acknowledged: true,
            bytes: 300,
        };
        is_stored_as(&course, "01607c5e3b02020202020202020202020202020202020a010102010301ac02");
    }
}
