//! All that an overlord asks of its ledger.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wire::digest::Digest;
use wire::message::catalogue::{Assignment, KeptModule};
use wire::message::inventory::Inventory;
use wire::message::job::{JobId, JobState, MinionJobId, MinionState};
use wire::message::operator::{History, JobDocument, JobFilter, JobSummary, Transition};
use wire::message::outcome::Report;
use wire::name::{MinionName, ModuleName, OperatorName};
use wire::value::arguments::Arguments;

use super::assignment::Attempt;
use super::invitation::{Invite, InviteError};
use super::job::{GiveUp, JobRecord, PartRecord};
use super::minion::{HeardFacts, MinionRecord, Standing, Tenure};
use super::operations::{
    assignment, cancellation, catalogue, document, given_up, invitation, job, job_list, minion, part, purge,
    transition,
};
use crate::draft::Draft;
use crate::engine::{Engine, Reader};
use crate::error::LedgerError;
use crate::format::Side;
use crate::quarantine::{self, SetAside};
use crate::reopenable::Commits;
use crate::retention::Retention;
use crate::storage::Disk;
use crate::write::Changed;
use crate::write::{Durability, Purpose};

/// An overlord's ledger: jobs with their parts, outcomes and transitions, the minions that it knows, and the versions
/// of modules that it keeps and assigns.
///
/// This is the whole list of what can be asked, and all that a second engine has to do. Each operation is atomic: a
/// write is done as a whole or not at all, and sees what all writes before it did; a read sees one moment. Each has to
/// be awaited, reads as well, since nobody but the ledger may know whether what is read is on this host. A write is
/// ready once it is as durable as it says, or as the caller asks: see [`Durability`].
///
/// All fail with a [`LedgerError`] that says what to do about it, and then nothing was changed. What is damaged counts
/// as absent, and is set aside.
///
/// A cheap handle; the folder is closed when the last one is dropped.
#[derive(Clone)]
pub struct OverlordLedger {
    engine: Arc<Engine>,
}

/// Where a ledger is and what it takes.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The folder.
    pub path: PathBuf,
    /// Bytes that it takes on disk; `None` where that cannot be told at the moment.
    pub bytes: Option<u64>,
    /// How full its disk is.
    pub disk: Disk,
}

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
        self.read(|source| document::up_to(source, id, memory)).await
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
        let mut purged = 0;
        loop {
            let victims = self.read(|source| Ok(purge::victims(source, retention, now))).await?;
            if victims.is_empty() {
                return Ok(purged);
            }
            purged += victims.len();
            let write = move |draft: &Draft<'_>| purge::purge(draft, &victims);
            self.engine.write(Purpose::Free, Durability::Written, write).await?;
        }
    }
}

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
        let state = MinionState::Finished(report.outcome.kind());
        let news = part::News { job, minion: minion.clone(), minion_job, state, at };
        self.engine.write(Purpose::Proceed, durability, move |draft| news.record(draft, Some(report))).await
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

/// Minions: who they are, and what they said last. What is said of a minion that is not known is dropped.
impl OverlordLedger {
    /// Records a minion as a whole, in place of what was known of one of that name; synced.
    pub async fn put_minion(&self, minion: MinionRecord) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            if minion.status == Standing::Revoked {
                invitation::forget_all(draft, &minion.name);
            }
            minion::put(draft, minion);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Records that a minion was heard of, with the version of its software.
    pub async fn minion_seen(&self, name: &MinionName, at: u64, version: &str) -> Result<(), LedgerError> {
        let (name, version) = (name.clone(), version.to_owned());
        let write = move |draft: &Draft<'_>| minion::seen(draft, &name, at, version);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records which modules a minion has, as it said.
    pub async fn minion_modules(&self, name: &MinionName, modules: Inventory) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_modules(draft, &name, modules);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records what a minion said of its host.
    pub async fn minion_facts(&self, name: &MinionName, facts: HeardFacts) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_facts(draft, &name, &facts);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records the tenures of a minion, in place of those before; synced.
    pub async fn put_tenures(&self, name: &MinionName, tenures: Vec<Tenure>) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_tenures(draft, &name, tenures);
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Records whether a minion may connect; synced.
    ///
    /// With the revocation, all tokens are forgotten that were made for it until then: only an invitation that is made
    /// afterwards lets it in again.
    pub async fn minion_standing(&self, name: &MinionName, status: Standing) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| {
            if status == Standing::Revoked {
                invitation::forget_all(draft, &name);
            }
            minion::put_standing(draft, &name, status)
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Forgets a minion and the tokens that were made for it; synced. Its jobs stay.
    pub async fn remove_minion(&self, name: &MinionName) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| {
            if minion::remove(draft, &name)? {
                invitation::forget_all(draft, &name);
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// The minion of that name; `None` where none has enrolled.
    pub async fn minion(&self, name: &MinionName) -> Result<Option<MinionRecord>, LedgerError> {
        self.read(|source| minion::find(source, name)).await
    }

    /// All minions, by name.
    pub async fn minions(&self) -> Result<Vec<MinionRecord>, LedgerError> {
        self.read(|source| minion::all(source)).await
    }

    /// What each minion said of its host last, by name. Minions that never did are left out.
    pub async fn facts(&self) -> Result<Vec<(MinionName, HeardFacts)>, LedgerError> {
        self.read(|source| Ok(minion::facts(source))).await
    }

    /// The tenures of a minion, in their order; empty where it never said where it is.
    pub async fn tenures(&self, name: &MinionName) -> Result<Vec<Tenure>, LedgerError> {
        self.read(|source| minion::tenures(source, name)).await
    }
}

/// Invitations: tokens by which a minion gets its name.
impl OverlordLedger {
    /// Records a token; synced.
    pub async fn put_invite(&self, invite: Invite) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            invitation::put(draft, &invite);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// The name that the token of `secret` is for, where it lets a minion in at the time `now`. Writes nothing.
    ///
    /// # Errors
    /// [`InviteError`], which says why it lets nobody in.
    pub async fn invited(&self, secret: &Digest, now: u64) -> Result<MinionName, InviteError> {
        self.read(|source| Ok(invitation::valid(source, secret, now)?.name)).await
    }

    /// Uses the token of `secret` at the time `now` to enrol `key`, and returns the name that it is for; synced.
    ///
    /// One key gets in by a token, and as often as it asks until the token expires, since a minion may die between
    /// the use and the answer. Where another key had the name, or the name was revoked, what was known of that
    /// minion is forgotten, and so are the tokens by which others had come in.
    ///
    /// # Errors
    /// [`InviteError`], which says why the token lets nobody in.
    pub async fn redeem(&self, secret: &Digest, key: Digest, now: u64) -> Result<MinionName, InviteError> {
        // Looked at first, so that nobody without a token makes the ledger write.
        self.invited(secret, now).await?;
        let secret = *secret;
        let write = move |draft: &Draft<'_>| match invitation::redeem(draft, &secret, key, now) {
            Err(InviteError::Ledger(error)) => Err(error),
            answer => Ok(answer),
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await?
    }

    /// All tokens that were given out and not forgotten.
    pub async fn invites(&self) -> Result<Vec<Invite>, LedgerError> {
        self.read(|source| Ok(invitation::all(source))).await
    }

    /// Forgets the tokens that had expired at the time `until`, in milliseconds since 1970, and returns how many.
    pub async fn purge_invites(&self, until: u64) -> Result<usize, LedgerError> {
        let write = move |draft: &Draft<'_>| Ok(invitation::purge(draft, until));
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }
}

/// Versions of modules: which are kept, and which are to be where. Their files are not the ledger's.
impl OverlordLedger {
    /// Records a version as the newest of its name; synced. Returns it as it is recorded: a signature that was brought
    /// with it before stays where none comes now.
    pub async fn keep_module(&self, module: KeptModule) -> Result<KeptModule, LedgerError> {
        let write = move |draft: &Draft<'_>| catalogue::keep(draft, module);
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Forgets a version; synced.
    pub async fn forget_module(&self, name: &ModuleName, digest: &Digest) -> Result<(), LedgerError> {
        let (name, digest) = (name.clone(), *digest);
        let write = move |draft: &Draft<'_>| {
            catalogue::forget(draft, &name, &digest);
            Ok(())
        };
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// Every version that is kept: by name, and of each name the newest first.
    pub async fn kept_modules(&self) -> Result<Vec<KeptModule>, LedgerError> {
        self.read(|source| Ok(catalogue::all(source))).await
    }

    /// Records an assignment as the newest, in place of one of the same module to the same expression; synced.
    /// Returns it with its place, which no assignment had before.
    pub async fn assign(&self, assignment: Assignment) -> Result<Assignment, LedgerError> {
        let write = move |draft: &Draft<'_>| Ok(assignment::assign(draft, assignment));
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Forgets an assignment; synced. Returns it, or `None` where there was none.
    pub async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
    ) -> Result<Option<Assignment>, LedgerError> {
        let (name, expression) = (name.clone(), expression.to_owned());
        let write = move |draft: &Draft<'_>| assignment::unassign(draft, &name, &expression);
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// All assignments: by module, and of each module the newest first.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, LedgerError> {
        self.read(|source| Ok(assignment::all(source))).await
    }

    /// Records what became of an attempt to bring a known minion what is assigned to it.
    pub async fn attempted(
        &self,
        minion: &MinionName,
        module: &ModuleName,
        attempt: Attempt,
    ) -> Result<(), LedgerError> {
        let (minion, module) = (minion.clone(), module.clone());
        let write = move |draft: &Draft<'_>| assignment::attempted(draft, &minion, &module, &attempt);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// What became of the last attempt to bring a minion what is assigned to it, if there was one.
    pub async fn attempt(
        &self,
        minion: &MinionName,
        module: &ModuleName,
    ) -> Result<Option<Attempt>, LedgerError> {
        self.read(|source| assignment::attempt(source, minion, module)).await
    }
}

/// The ledger itself. An engine has its own way to be opened.
impl OverlordLedger {
    /// Opens the ledger in the folder `dir`, or makes it there. Only one process may have it open.
    ///
    /// Blocks for as long as it takes to read what was written last.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] where another process has it open, [`LedgerError::WrongSide`] where it is a
    /// minion's, [`LedgerError::Newer`] where a newer version wrote it, and [`LedgerError::Damaged`],
    /// [`LedgerError::ReadOnly`] or [`LedgerError::Io`] where it cannot be used.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Arc::new(Engine::open(dir, Side::Overlord)?) })
    }

    /// Commits the writes that were asked for and closes the folder. Every later use of any handle fails.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    /// Where it is, what it takes, and how full its disk is at this moment.
    pub async fn storage(&self) -> Storage {
        let (path, disk) = (self.engine.path().to_owned(), self.engine.disk());
        Storage { path, bytes: self.engine.size().ok(), disk }
    }

    /// What was written since the ledger was opened, and in how many batches.
    pub async fn commits(&self) -> Commits {
        self.engine.commits()
    }

    /// Up to `limit` records that could not be read and were set aside.
    pub async fn set_aside(&self, limit: usize) -> Result<Vec<SetAside>, LedgerError> {
        self.read(|source| Ok(quarantine::list(source, limit))).await
    }

    /// Looks at one moment of the ledger. With this engine that is done on the caller's thread: a read is of few
    /// records, most of them in memory, and takes less time than handing it to another thread.
    async fn read<T, E: From<LedgerError>>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        look(&self.engine.read()?)
    }
}

#[cfg(test)]
impl OverlordLedger {
    /// The engine, for tests of what an operation costs.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}
