//! One minion's part of a job, from its dispatch to its outcome, over as many connections as it takes.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt as _;
use machine::backoff::Backoff;
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use quinn::Connection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::future::FutureExt as _;
use wire::message::job::{MinionJobId, MinionState};
use wire::message::link::{Acknowledged, JobUpdate, MAX_MESSAGE};
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::frame::{self, FrameError};

use ledger::{Changed, LedgerError, PartMoved};

use super::Jobs;
use super::ask::Ask;
use super::cancellation::tell_to_stop;
use super::deadlines::{Deadlines, far_future};
use super::live_job::LiveJob;
use super::stop::Stop;
use super::turnstile::{NO_ROOM, Turnstile, Way};
use crate::pauses::{FIRST_PAUSE, backoff};
use crate::registry::{Away, Recipient};

/// Where the delivery of a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Nothing was sent: it provably did not start.
    NotSent,
    /// Something may have been sent.
    MaybeSent,
}

/// What became of the link to a minion that was out of touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// It may be there again, or not yet.
    MayBeBack,
    /// The call is kept for the minion no longer.
    Expired,
    /// The minion is not enrolled any more.
    Removed,
}

/// What a minion that is there may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rejoined {
    /// It is asked now.
    Goes,
    /// It had to wait, and its connection may be another by now.
    Waited,
    /// Too many others have failed before its turn.
    TooLate,
    /// The call is kept for it no longer, and it had no room until then.
    NoRoom,
}

/// Why an exchange with a minion ended without an outcome.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the connection broke: {0}")]
    Connection(#[from] quinn::ConnectionError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the minion has no room for it now")]
    Busy,
    /// The overlord itself panicked over it, which ends no part for good: the minion is asked again.
    #[error("the overlord failed at what the minion said: please report it, with what the log says above")]
    Panicked,
}

/// The work on one part.
pub(super) struct PartRun<'a> {
    pub(super) jobs: &'a Jobs,
    pub(super) job: &'a LiveJob,
    pub(super) minion: &'a MinionName,
    /// The wish that it stops.
    stop: Stop,
    /// What it passes on its way to the minion, where the call is kept for that.
    pub(super) turnstile: Option<Arc<Turnstile>>,
}

impl<'a> PartRun<'a> {
    pub(super) fn new(jobs: &'a Jobs, job: &'a LiveJob, minion: &'a MinionName) -> Self {
        let is_kept = job.record.queue_until.is_some();
        let turnstile = is_kept.then(|| jobs.turnstiles().of(minion, &job.record.method.module));
        Self { jobs, job, minion, stop: job.stop(minion), turnstile }
    }

    /// Brings a part to its outcome, and one that was given up to what its minion says of it. Ends early only when the
    /// daemon stops, and is then resumed by its next life, or when it is given up and provably was not sent.
    pub(super) async fn run(&self, delivery: Delivery) {
        let Self { job, minion, .. } = *self;
        if delivery == Delivery::MaybeSent {
            job.begin_sending(minion);
        }
        let withdrawn = job.withdrawn(minion);
        self.bring(delivery).with_cancellation_token(&withdrawn).await;
    }

    async fn bring(&self, mut delivery: Delivery) {
        let Self { job, minion, ref stop, .. } = *self;
        let Some(mut link) = self.jobs.registry().follow(minion) else {
            return self.removed(delivery).await;
        };
        let Some(deadlines) = self.await_turn(delivery).await else {
            return self.too_late().await;
        };
        let mut way = Way::new(deadlines);
        let mut backoff = backoff();
        let mut recipient = match delivery {
            Delivery::NotSent => None,
            Delivery::MaybeSent => self.jobs.registry().recipient(minion, job.record.id),
        };
        loop {
            if delivery == Delivery::NotSent && stop.is_wanted() {
                return self.never_started("sent").await;
            }
            // A copy of the minion that has its place meanwhile is not asked about what it was not sent.
            let connection = link
                .borrow_and_update()
                .clone()
                .filter(|connection| self.jobs.registry().may_answer(minion, connection, recipient.as_ref()));
            let Some(connection) = connection else {
                way.pass = None;
                let kept_until = (delivery == Delivery::NotSent).then_some(way.deadlines.unsent);
                match self.await_link(&mut link, recipient.as_ref(), kept_until).await {
                    Link::MayBeBack => continue,
                    Link::Expired => return self.undelivered("it is not connected").await,
                    Link::Removed => return self.removed(delivery).await,
                }
            };
            job.in_touch(minion);
            match self.rejoin(delivery, &mut way, &mut link).await {
                Rejoined::Goes => {}
                Rejoined::Waited => continue,
                Rejoined::TooLate => return self.too_late().await,
                Rejoined::NoRoom => return self.undelivered(NO_ROOM).await,
            }
            if !job.record.method.is_short() && Version::of(&connection) < Version::Three {
                return self.unreadable().await;
            }
            recipient = self.jobs.registry().recipient_over(minion, &connection).or(recipient);
            let exchanged = tokio::select! {
                // On the heap, so that a part that only waits for its minion is small: there may be many thousands.
                exchanged = Box::pin(self.survived(&connection, &mut delivery, &mut way)) => exchanged,
                never = tell_to_stop(stop, job.record.id, minion, &connection) => match never {},
            };
            let Err(broken) = exchanged else { return };
            Box::pin(self.recover(&broken, &mut way, &mut link, &mut backoff)).await;
        }
    }

    /// An exchange that is over, at the latest, where the overlord panics over it.
    async fn survived(
        &self,
        connection: &Connection,
        delivery: &mut Delivery,
        way: &mut Way,
    ) -> Result<(), Broken> {
        let exchange = AssertUnwindSafe(self.exchange(connection, delivery, way));
        exchange.catch_unwind().await.unwrap_or(Err(Broken::Panicked))
    }

    /// Waits until it makes sense to ask the minion again.
    async fn recover(
        &self,
        broken: &Broken,
        way: &mut Way,
        link: &mut watch::Receiver<Option<Connection>>,
        backoff: &mut Backoff,
    ) {
        let Self { job, minion, ref stop, .. } = *self;
        if let (Broken::Busy, Some(pass)) = (broken, &way.pass) {
            way.late = NO_ROOM;
            tokio::select! {
                () = pass.room() => {}
                Ok(()) = link.changed() => {}
                () = stop.wanted(), if !stop.is_wanted() => {}
            }
            return;
        }
        way.pass = None;
        tracing::info!(job = %job.record.id, %minion, %broken, "part is without its outcome yet");
        tokio::select! {
            // A connection that lives on but fails us must not be asked in a tight circle.
            () = tokio::time::sleep(backoff.pause()) => {}
            _ = link.changed() => backoff.reset(),
            () = stop.wanted(), if !stop.is_wanted() => {}
        }
    }

    /// Waits for the turn of the part in its batch. Gives until when it may be started from then on; `None` where too
    /// many others have failed before its turn, and it was not sent.
    async fn await_turn(&self, delivery: Delivery) -> Option<Deadlines> {
        let may_have_it = self.enter_batch().await;
        let deadlines = Deadlines::of(&self.job.record, delivery, self.jobs.config().delivery);
        match (may_have_it, delivery) {
            (true, _) => Some(deadlines),
            (false, _) if self.stop.is_wanted() => Some(deadlines),
            (false, Delivery::NotSent) => None,
            // Whether it started, only the minion knows: let it settle that.
            (false, Delivery::MaybeSent) => Some(Deadlines { resend: Instant::now(), ..deadlines }),
        }
    }

    /// Counts a minion again that the batch had moved on without: at once where it may have the job, and else when it
    /// has its turn. Then lets the part pass, where it is kept for its minion.
    async fn rejoin(
        &self,
        delivery: Delivery,
        way: &mut Way,
        link: &mut watch::Receiver<Option<Connection>>,
    ) -> Rejoined {
        let Self { job, minion, ref stop, .. } = *self;
        match (job.is_skipped_in_batch(minion), delivery) {
            (true, Delivery::NotSent) => {
                job.queue_in_batch(minion);
                let may_have_it = self.enter_batch().await;
                return if may_have_it || stop.is_wanted() { Rejoined::Waited } else { Rejoined::TooLate };
            }
            (true, Delivery::MaybeSent) => job.come_back(minion),
            (false, _) => {}
        }
        // On the heap, as the exchange is.
        let passed = match &self.turnstile {
            Some(turnstile) if way.pass.is_none() => {
                Box::pin(self.pass(turnstile, delivery, way, link)).await
            }
            _ => Rejoined::Goes,
        };
        if passed != Rejoined::Goes || job.begin_sending(minion) {
            return passed;
        }
        // An operator is giving the part up. Once the ledger has that, this task is cancelled; where the ledger refuses,
        // the part is sent after all.
        tokio::time::sleep(FIRST_PAUSE).await;
        Rejoined::Waited
    }

    /// Waits until a part that its minion is to start may be on its way there, where the call is kept for that.
    async fn pass(
        &self,
        turnstile: &Arc<Turnstile>,
        delivery: Delivery,
        way: &mut Way,
        link: &mut watch::Receiver<Option<Connection>>,
    ) -> Rejoined {
        let Self { job, minion, ref stop, .. } = *self;
        if Ask::of(job, minion, delivery, &way.deadlines) != Ask::Start {
            return Rejoined::Goes;
        }
        let (until, over) = match delivery {
            Delivery::NotSent => (way.deadlines.unsent, Rejoined::NoRoom),
            // It is asked to settle that it never starts it.
            Delivery::MaybeSent => (way.deadlines.resend, Rejoined::Waited),
        };
        tokio::select! {
            biased;
            pass = turnstile.enter() => {
                way.pass = Some(pass);
                Rejoined::Goes
            }
            Ok(()) = link.changed() => Rejoined::Waited,
            () = stop.wanted() => Rejoined::Waited,
            () = sleep_until(until) => {
                way.late = NO_ROOM;
                over
            }
        }
    }

    /// Waits for the turn of a part, or until it is to stop. Gives whether it may be sent.
    async fn enter_batch(&self) -> bool {
        let Self { job, minion, ref stop, .. } = *self;
        if job.is_given_up(minion) {
            return true;
        }
        tokio::select! {
            biased;
            () = stop.wanted() => false,
            may_have_it = job.enter_batch(minion) => may_have_it,
        }
    }

    /// Waits until something may have changed for a part whose minion is out of touch: its link, the time for which
    /// it is kept, or the wish that it stops. After a while the batch moves on without it.
    async fn await_link(
        &self,
        link: &mut watch::Receiver<Option<Connection>>,
        recipient: Option<&Recipient>,
        kept_until: Option<Instant>,
    ) -> Link {
        let Self { job, minion, ref stop, .. } = *self;
        if stop.is_wanted() {
            stop.out_of_touch();
        }
        if kept_until.is_some_and(|until| Instant::now() >= until) {
            return Link::Expired;
        }
        let Some(lost) = self.jobs.registry().lost(minion, recipient) else {
            return if link.has_changed().is_err() { Link::Removed } else { Link::MayBeBack };
        };
        job.out_of_touch(minion, Away { lost, kept_until });
        // A part that may have been sent waits for its minion without an end: a failed reconnection is never an
        // outcome.
        let until = kept_until.unwrap_or_else(far_future);
        let moves_on = lost.at + job.patience();
        tokio::select! {
            changed = link.changed() => if changed.is_err() {
                return Link::Removed;
            },
            () = sleep_until(until) => {}
            () = sleep_until(moves_on), if !job.is_skipped_in_batch(minion) => job.skip_in_batch(minion),
            () = stop.wanted(), if !stop.is_wanted() => {}
        }
        Link::MayBeBack
    }

    /// One request and everything that the minion reports on it.
    async fn exchange(
        &self,
        connection: &Connection,
        delivery: &mut Delivery,
        way: &mut Way,
    ) -> Result<(), Broken> {
        let Self { job, minion, ref stop, .. } = *self;
        let version = Version::of(connection);
        let (mut send, mut receive) = connection.open_bi().await?;
        let ask = Ask::of(job, minion, *delivery, &way.deadlines);
        *delivery = Delivery::MaybeSent;
        let starts = ask == Ask::Start;
        let request = ask.request(job);
        if starts {
            reach(Point::SendBefore);
        }
        frame::write_as(version, &mut send, &request, MAX_MESSAGE).await?;
        if starts {
            reach(Point::SendAfter);
        }
        let intake = self.jobs.registry().intake(minion);
        // What the minion says of the part's state, until it is recorded: with the end, where that comes along with it.
        let mut moved: Option<PartMoved> = None;
        loop {
            let reading = frame::read_into(version, &mut receive, MAX_MESSAGE, &intake);
            // The room is taken until the update is recorded or passed on.
            let (update, _room) = self.next_update(reading, &mut moved).await?;
            if !moved.is_some_and(|moved| ends(&update, moved.minion_job)) {
                self.record_moved(&mut moved).await?;
            }
            match update {
                JobUpdate::State { minion_job, state } => {
                    way.pass.take_if(|_| state == MinionState::Running);
                    moved = Some(PartMoved { minion_job, state, at: now_ms() });
                }
                JobUpdate::Finished { minion_job: None, report } if starts && way.is_turned_back(&report) => {
                    frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await?;
                    let _ = send.finish();
                    return Err(Broken::Busy);
                }
                JobUpdate::Finished { minion_job, report } => {
                    self.end(moved.take(), minion_job, *report).await;
                    reach(Point::AcknowledgeBefore);
                    frame::write(&mut send, &Acknowledged, MAX_MESSAGE).await?;
                    reach(Point::AcknowledgeAfter);
                    // The outcome is ours whether or not the minion hears of it: it asks again.
                    let _ = send.finish();
                    return Ok(());
                }
                JobUpdate::Unknown if job.part(minion).is_none() && stop.is_wanted() => {
                    self.never_started("there").await;
                    return Ok(());
                }
                JobUpdate::Unknown if job.part(minion).is_none() => {
                    self.undelivered(way.late).await;
                    return Ok(());
                }
                JobUpdate::Unknown => {
                    let lost = Outcome::failed(FailureKind::Lost, "the minion has no record of this job");
                    self.ended(Report::without_run(lost, now_ms())).await;
                    return Ok(());
                }
                other => job.tell(minion, other),
            }
        }
    }

    /// Waits for the next update. Where that has not come yet, what was said before of the part's state is recorded first.
    async fn next_update<T>(
        &self,
        reading: impl Future<Output = Result<T, FrameError>>,
        moved: &mut Option<PartMoved>,
    ) -> Result<T, Broken> {
        let mut reading = pin!(reading);
        let at_once = futures::poll!(reading.as_mut());
        if !matches!(at_once, Poll::Ready(Ok(_))) {
            self.record_moved(moved).await?;
        }
        match at_once {
            Poll::Ready(read) => Ok(read?),
            Poll::Pending => Ok(reading.await?),
        }
    }

    /// Records that a part is queued or running, where that was said and is not recorded, and tells.
    async fn record_moved(&self, moved: &mut Option<PartMoved>) -> Result<(), LedgerError> {
        let Self { job, minion, .. } = *self;
        let Some(PartMoved { minion_job, state, at }) = moved.take() else { return Ok(()) };
        reach(Point::MovedBefore);
        let changed = self.jobs.ledger().part_moved(job.record.id, minion, minion_job, state, at).await?;
        reach(Point::MovedAfter);
        if let Changed::Yes(_) = changed {
            job.moved(minion, minion_job, state);
        }
        Ok(())
    }
}

/// Whether this is the end of a part that the minion knows under this id.
fn ends(update: &JobUpdate, minion_job: MinionJobId) -> bool {
    matches!(update, JobUpdate::Finished { minion_job: Some(id), .. } if *id == minion_job)
}
