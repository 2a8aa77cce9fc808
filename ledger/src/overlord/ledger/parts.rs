//! What is asked of parts of jobs: what minions report of them, and what operators want with them.

use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::operator::Transition;
use wire::message::outcome::Report;
use wire::name::{MinionName, OperatorName};

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::job::{GiveUp, PartMoved, PartRecord};
use crate::overlord::operations::{cancellation, document, given_up, part};
use crate::write::{Changed, Durability, Purpose};

/// Parts of jobs: what minions report of them, and what operators want with them.
impl OverlordLedger {
    /// Records at the time `at` that a part is queued or running, and the transition of the job that follows.
    ///
    /// A finished state changes nothing here: it comes with its outcome, by [`part_ended`](Self::part_ended).
    pub async fn part_moved(
        &self,
        job: JobId,
        minion: &MinionName,
        minion_job: MinionJobId,
        state: MinionState,
        at: u64,
    ) -> Result<Changed<Transition>, LedgerError> {
        if state.outcome().is_some() {
            return Ok(Changed::No);
        }
        let news = part::News { job, minion: minion.clone(), minion_job: Some(minion_job), state, at };
        self.engine.write(Purpose::Proceed, Durability::Written, move |draft| news.record(draft, None)).await
    }

    /// Records at the time `at` how a part ended, and the transition of the job that follows. With the last
    /// outcome the job is over in the same moment, by a transition of its own, which is the one returned.
    ///
    /// The report of a part that was given up is recorded beside that, unless there is one already.
    ///
    /// After the future is ready with either answer, the minion may forget the outcome.
    pub async fn part_ended(
        &self,
        job: JobId,
        minion: &MinionName,
        minion_job: Option<MinionJobId>,
        report: Report,
        at: u64,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        self.end(part::News::of_end(job, minion, minion_job, &report, at), None, report, durability).await
    }

    /// Records what [`part_moved`](Self::part_moved) and [`part_ended`](Self::part_ended) do, in one batch: that a part was
    /// queued or running at the time `moved_at`, and how it ended at the time `at`.
    ///
    /// It is what a minion says of a part that was over before anybody heard that it ran: both are steps of the job's
    /// history all the same.
    pub async fn part_moved_and_ended(
        &self,
        job: JobId,
        minion: &MinionName,
        moved: PartMoved,
        report: Report,
        at: u64,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        let PartMoved { minion_job, state, at: moved_at } = moved;
        let end = part::News::of_end(job, minion, Some(minion_job), &report, at);
        let moved = part::News { state, at: moved_at, ..end.clone() };
        let moved = moved.state.outcome().is_none().then_some(moved);
        self.end(end, moved, report, durability).await
    }

    async fn end(
        &self,
        end: part::News,
        moved: Option<part::News>,
        report: Report,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            if let Some(moved) = moved {
                moved.record(draft, None)?;
            }
            end.record(draft, Some(report))
        };
        self.engine.write(Purpose::Proceed, durability, write).await
    }

    /// The state of each target's part, by name; empty where the job is unknown.
    pub async fn parts(&self, id: JobId) -> Result<Vec<(MinionName, PartRecord)>, LedgerError> {
        self.read(|source| document::parts(source, id)).await
    }

    /// How the part of `minion` ended; `None` where it has not, or where that record is damaged.
    pub async fn outcome(&self, id: JobId, minion: &MinionName) -> Result<Option<Report>, LedgerError> {
        self.read(|source| document::outcome(source, id, minion)).await
    }

    /// How each part that is over ended, by name.
    pub async fn outcomes(&self, id: JobId) -> Result<Vec<(MinionName, Report)>, LedgerError> {
        self.read(|source| Ok(document::outcomes(source, id))).await
    }

    /// Records at the time `at` that these parts of a job are to stop. A part that is over, or was to stop before,
    /// stays as it is.
    pub async fn cancel(
        &self,
        job: JobId,
        minions: Vec<MinionName>,
        at: u64,
        durability: Durability,
    ) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| cancellation::cancel(draft, job, &minions, at);
        self.engine.write(Purpose::Proceed, durability, write).await
    }

    /// The minions whose parts of the job are to stop, by name, those that are over among them.
    pub async fn cancelled(&self, job: JobId) -> Result<Vec<MinionName>, LedgerError> {
        self.read(|source| Ok(cancellation::cancelled(source, job))).await
    }

    /// Gives parts of a job up: records their outcomes, and by whom they were given up. Returns the minions whose
    /// parts were; a part that is over keeps its outcome.
    pub async fn give_up(
        &self,
        job: JobId,
        parts: Vec<GiveUp>,
        operator: OperatorName,
        at: u64,
        durability: Durability,
    ) -> Result<Vec<MinionName>, LedgerError> {
        let write = move |draft: &Draft<'_>| given_up::give_up(draft, job, parts, &operator, at);
        self.engine.write(Purpose::Proceed, durability, write).await
    }

    /// The parts that are given up and of which their minions have said nothing since.
    pub async fn unheard(&self) -> Result<Vec<(MinionName, JobId)>, LedgerError> {
        self.read(|source| Ok(given_up::unheard(source))).await
    }

    /// Whether the minion's part of the job is given up, and the minion has said nothing of it since.
    pub async fn is_unheard(&self, job: JobId, minion: &MinionName) -> Result<bool, LedgerError> {
        self.read(|source| given_up::is_unheard(source, job, minion)).await
    }
}
