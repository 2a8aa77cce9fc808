//! A job that is not over: what is known of its parts at this moment, and who wants to hear of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use machine::clock::now_ms;
use machine::lock;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio_util::sync::CancellationToken;
use wire::message::call::Progress;
use wire::message::job::{MinionJobId, MinionState, OutcomeKind};
use wire::message::link::JobUpdate;
use wire::message::operator::{Absence, PATIENCE, Update};
use wire::message::outcome::Report;
use wire::name::MinionName;

use ledger::{JobRecord, PartRecord};

use super::absences::Absences;
use super::batch::{Batch, BatchPermit};
use super::live_parts::{BatchPlace, LivePart, LiveParts, PartsByName, Sending};
use super::part_ends::PartEnds;
use super::stop::Stop;
use super::update_buffer::{FollowerRoom, UpdateBuffer, UpdateReader};
use crate::registry::Away;

/// A job with at least one part that is not over.
pub(crate) struct LiveJob {
    pub(crate) record: JobRecord,
    live: Mutex<LiveParts>,
    /// Tells followers of every end of a part, and of every absence.
    changed: Notify,
    /// States, progress and logs; a reader that is too slow misses some, never an end.
    updates: Arc<UpdateBuffer>,
    /// How many more minions may have it at this moment, where the call says so.
    batch: Option<Arc<Batch>>,
}

/// Whether a job goes on after one of its parts has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Other parts are not over.
    GoesOn,
    /// That was the last one.
    IsOver,
}

impl LiveJob {
    /// A job of which the ledger knows this much.
    pub(crate) fn new(
        record: JobRecord,
        parts: Vec<(MinionName, PartRecord)>,
        room: FollowerRoom,
    ) -> Arc<Self> {
        let over = |part: &PartRecord| part.state.is_some_and(|state| state.outcome().is_some());
        let ended = parts.iter().filter(|(_, part)| over(part)).map(|(name, _)| name.clone()).collect();
        let ends = PartEnds::new(ended, room.clone());
        let parts = PartsByName::new(&record.targets, parts);
        let live = LiveParts { parts, ends, absences: Absences::default() };
        // Calls for batches of none are refused; a job on record may have one all the same.
        let batch = record.batch.map(|batch| Batch::new(batch.of(record.targets.len()).max(1)));
        Arc::new(Self {
            batch,
            record,
            live: Mutex::new(live),
            changed: Notify::new(),
            updates: UpdateBuffer::new(room),
        })
    }

    /// Waits until one more minion may have the job, and lets this one have it. `false` where too many outcomes were
    /// not `ok`, and no further minion gets it.
    pub(super) async fn enter_batch(&self, minion: &MinionName) -> bool {
        if self.part(minion).is_some() {
            // The minion has the job already, and holds a permit for as long as it does.
            self.come_back(minion);
        } else if let Some(batch) = &self.batch {
            let permit = batch.enter().await;
            self.take_permit(minion, permit);
        }
        !self.has_failed()
    }

    /// How long a minion that is out of touch keeps its permit in the batch.
    pub(super) fn patience(&self) -> Duration {
        self.record.patience_ms.map_or(PATIENCE, Duration::from_millis)
    }

    /// Lets the batch move on without a minion that is out of touch.
    pub(super) fn skip_in_batch(&self, minion: &MinionName) {
        let permit =
            self.lock().parts.get_mut(minion).and_then(|part| part.place.replace(BatchPlace::Skipped));
        // Only now that the part counts as not ok: the next minion looks at that number once it has the permit.
        drop(permit);
    }

    /// Whether the batch has moved on without a minion.
    pub(super) fn is_skipped_in_batch(&self, minion: &MinionName) -> bool {
        self.lock().parts.get(minion).is_some_and(|part| part.place.is_skipped())
    }

    /// Counts a minion again that has the job, or may have it.
    pub(super) fn come_back(&self, minion: &MinionName) {
        if let Some(batch) = &self.batch {
            self.take_permit(minion, batch.come_back());
        }
    }

    fn take_permit(&self, minion: &MinionName, permit: BatchPermit) {
        let former = self.lock().parts.get_mut(minion).and_then(|part| {
            if part.is_over() {
                // It needs no permit: the new one is given back.
                part.place = BatchPlace::Waiting;
                return Some(permit);
            }
            part.place.replace(BatchPlace::Holding(permit))
        });
        drop(former);
    }

    /// Forgets that the batch has moved on without a minion, which is to wait for its turn like the others.
    pub(super) fn queue_in_batch(&self, minion: &MinionName) {
        let permit =
            self.lock().parts.get_mut(minion).and_then(|part| part.place.replace(BatchPlace::Waiting));
        drop(permit);
    }

    /// Whether as many outcomes were not `ok` as the call allows.
    fn has_failed(&self) -> bool {
        let Some(limit) = self.record.max_failures else { return false };
        let live = self.lock();
        let failed = |(_, part): &&(MinionName, LivePart)| match part.state.and_then(MinionState::outcome) {
            Some(outcome) => outcome != OutcomeKind::Ok,
            None => part.place.is_skipped(),
        };
        live.parts.iter().filter(failed).count() >= limit.of(self.record.targets.len()).max(1)
    }

    /// Notes that the ledger has a part in this state, queued or running.
    pub(crate) fn moved(&self, minion: &MinionName, id: MinionJobId, state: MinionState) {
        if let Some(part) = self.lock().parts.get_mut(minion) {
            part.minion_job = Some(id);
            if let Some(next) = MinionState::advance(part.state, state) {
                (part.state, part.changed_at) = (Some(next), now_ms());
            }
        }
        self.tell(minion, JobUpdate::State { minion_job: id, state });
    }

    /// Notes that the ledger has a part's outcome; with the report, if it is this one that the ledger has.
    pub(crate) fn ended(
        &self,
        minion: &MinionName,
        id: Option<MinionJobId>,
        outcome: OutcomeKind,
        report: Option<Arc<Report>>,
    ) -> After {
        let (after, permit) = {
            let mut live = self.lock();
            let next = MinionState::Finished(outcome);
            let part = live.parts.get_mut(minion);
            let moved = part.and_then(|part| {
                part.minion_job = part.minion_job.or(id);
                let next = MinionState::advance(part.state, next)?;
                part.state.replace(next);
                if !part.given_up {
                    part.stop.over();
                }
                Some(match part.place {
                    BatchPlace::Holding(_) => part.place.replace(BatchPlace::Waiting),
                    BatchPlace::Waiting | BatchPlace::Skipped => None,
                })
            });
            if moved.is_some() {
                live.ends.push(minion.clone(), report);
                live.absences.over(minion);
            }
            (if live.is_over() { After::IsOver } else { After::GoesOn }, moved.flatten())
        };
        drop(permit);
        self.changed.notify_waiters();
        after
    }

    /// Notes that a minion is out of touch, and that its part waits for it.
    pub(super) fn out_of_touch(&self, minion: &MinionName, away: Away) {
        let news = {
            let mut live = self.lock();
            let is_open = live.parts.get(minion).is_some_and(|part| !part.is_over());
            is_open && live.absences.away(minion, away)
        };
        if news {
            self.changed.notify_waiters();
        }
    }

    /// Notes that a minion is in touch.
    pub(super) fn in_touch(&self, minion: &MinionName) {
        if self.lock().absences.over(minion) {
            self.changed.notify_waiters();
        }
    }

    /// How a minion is out of touch; `None` where it is not, or its part is over.
    pub(crate) fn absence(&self, minion: &MinionName) -> Option<Absence> {
        let live = self.lock();
        live.absence(minion, self.record.timeout_ms)
    }

    /// All minions that are out of touch and whose parts are not over, each with how it is away.
    pub(super) fn absences(&self) -> Vec<(MinionName, Absence)> {
        let live = self.lock();
        let of = |minion: &MinionName| Some((minion.clone(), live.absence(minion, self.record.timeout_ms)?));
        live.absences.minions().filter_map(of).collect()
    }

    /// Passes something on to those who want everything; keeps the latest progress for those who ask.
    pub(crate) fn tell(&self, minion: &MinionName, update: JobUpdate) {
        if let JobUpdate::Progress(progress) = &update
            && let Some(part) = self.lock().parts.get_mut(minion)
        {
            part.progress = Some(progress.clone());
        }
        self.updates.say(Update { minion: minion.clone(), update });
    }

    /// Where a part is.
    pub(crate) fn part(&self, minion: &MinionName) -> Option<MinionState> {
        self.lock().parts.get(minion)?.state
    }

    /// The minion's own id of its part, once it is known.
    pub(crate) fn minion_job(&self, minion: &MinionName) -> Option<MinionJobId> {
        self.lock().parts.get(minion)?.minion_job
    }

    /// How far a part says it is.
    pub(crate) fn progress(&self, minion: &MinionName) -> Option<Progress> {
        self.lock().parts.get(minion)?.progress.clone()
    }

    /// The wish that a part stops; one that nobody will ever have where there is no such part.
    pub(super) fn stop(&self, minion: &MinionName) -> Stop {
        self.lock().parts.get(minion).map_or_else(Stop::new, |part| part.stop.clone())
    }

    /// The minions whose part is not over.
    pub(crate) fn open_parts(&self) -> Vec<MinionName> {
        let live = self.lock();
        live.parts.iter().filter(|(_, part)| !part.is_over()).map(|(name, _)| name.clone()).collect()
    }

    /// How many parts ended with each outcome until now.
    pub(super) fn outcomes(&self) -> BTreeMap<&'static str, usize> {
        let mut outcomes = BTreeMap::new();
        for (_, part) in self.lock().parts.iter() {
            if let Some(outcome) = part.state.and_then(MinionState::outcome) {
                *outcomes.entry(outcome.as_str()).or_default() += 1;
            }
        }
        outcomes
    }

    /// One follower more: what parts say from now on.
    pub(super) fn follow(&self) -> UpdateReader {
        self.lock().ends.follow();
        self.updates.listen()
    }

    /// The next end of a part, or absence, after this moment.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// The token whose cancellation ends the work on a part: that it was given up before it was sent. One that is never
    /// cancelled where the part was, or may have been, sent.
    pub(super) fn withdrawn(&self, minion: &MinionName) -> CancellationToken {
        match self.lock().parts.get(minion).map(|part| part.delivery.clone()) {
            Some(Sending::NotSent(withdrawn) | Sending::Withheld(withdrawn)) => withdrawn,
            Some(Sending::MaybeSent) | None => CancellationToken::new(),
        }
    }

    /// Notes that a part is about to be sent. `false` where it must not be now: it is being given up.
    pub(super) fn begin_sending(&self, minion: &MinionName) -> bool {
        let mut live = self.lock();
        let Some(part) = live.parts.get_mut(minion) else { return false };
        if matches!(part.delivery, Sending::Withheld(_)) {
            return false;
        }
        part.delivery = Sending::MaybeSent;
        true
    }

    /// Keeps a part from being sent, and gives whether it certainly was not.
    pub(super) fn withhold(&self, minion: &MinionName) -> bool {
        let mut live = self.lock();
        let Some(part) = live.parts.get_mut(minion) else { return false };
        match &part.delivery {
            Sending::NotSent(withdrawn) => part.delivery = Sending::Withheld(withdrawn.clone()),
            Sending::Withheld(_) => {}
            Sending::MaybeSent => return false,
        }
        true
    }

    /// Lets a part be sent after all.
    pub(super) fn release(&self, minion: &MinionName) {
        if let Some(part) = self.lock().parts.get_mut(minion)
            && let Sending::Withheld(withdrawn) = &part.delivery
        {
            part.delivery = Sending::NotSent(withdrawn.clone());
        }
    }

    /// Notes that a part is given up, before its outcome is noted.
    pub(super) fn give_up(&self, minion: &MinionName) {
        if let Some(part) = self.lock().parts.get_mut(minion) {
            part.given_up = true;
        }
    }

    /// Ends the work on a part that was kept from being sent.
    pub(super) fn withdraw(&self, minion: &MinionName) {
        if let Some(part) = self.lock().parts.get(minion)
            && let Sending::NotSent(withdrawn) | Sending::Withheld(withdrawn) = &part.delivery
        {
            withdrawn.cancel();
        }
    }

    /// Notes that a part was given up in a former life, of which its minion is still to be asked.
    pub(super) fn give_up_again(&self, minion: &MinionName) {
        if let Some(part) = self.lock().parts.get_mut(minion) {
            part.given_up = true;
            // The wish that the part had until now says that the part is over; this one can still be told to the minion.
            part.stop = Stop::new();
        }
    }

    /// Whether a part was given up.
    pub(super) fn is_given_up(&self, minion: &MinionName) -> bool {
        self.lock().parts.get(minion).is_some_and(|part| part.given_up)
    }

    /// The minion whose part ended as the `n`th, counted from zero, or else whether the job is over.
    pub(super) fn nth_end(&self, n: usize) -> Result<MinionName, After> {
        let live = self.lock();
        let after = if live.is_over() { After::IsOver } else { After::GoesOn };
        live.ends.minion(n).cloned().ok_or(after)
    }

    /// The report of that end for one follower, while it is at hand.
    pub(super) fn report_of_end(&self, n: usize) -> Option<Arc<Report>> {
        self.lock().ends.report(n)
    }

    /// One follower less.
    pub(super) fn unfollow(&self) {
        self.lock().ends.unfollow();
    }

    /// A number that changes whenever a minion goes out of touch or comes back.
    pub(super) fn absences_version(&self) -> u64 {
        self.lock().absences.version()
    }

    fn lock(&self) -> MutexGuard<'_, LiveParts> {
        lock::hold(&self.live)
    }
}
