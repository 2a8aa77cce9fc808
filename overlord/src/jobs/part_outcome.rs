//! How a part came to its outcome, recorded and told.
//!
//! They are steps of a [`PartRun`], so this file and that one name each other.

use std::sync::Arc;

use ledger::{Changed, LedgerError, PartMoved};
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::name::MinionName;

use super::durability;
use super::live_job::After;
use super::part::{Delivery, PartRun};
use crate::pauses::backoff;

impl PartRun<'_> {
    /// Records the outcome of a part of which its minion has said nothing, and tells.
    pub(super) async fn ended(&self, report: Report) {
        // On the heap, as the exchange is: every part has room for its end, and few are at it.
        Box::pin(self.end(None, None, report)).await;
    }

    /// Records a part's outcome, however long the disk takes to have room for it, and tells: where its minion said something of
    /// the part's state just before, both in one batch.
    pub(super) async fn end(&self, moved: Option<PartMoved>, id: Option<MinionJobId>, report: Report) {
        let Self { job, minion, .. } = *self;
        let (record, outcome) = (&job.record, report.outcome.kind());
        let (ledger, durability) = (self.jobs.ledger(), durability(record.durable));
        let write = || {
            let (report, now) = (report.clone(), now_ms());
            async move {
                match moved {
                    Some(moved) => {
                        ledger.part_moved_and_ended(record.id, minion, moved, report, now, durability).await
                    }
                    None => ledger.part_ended(record.id, minion, id, report, now, durability).await,
                }
            }
        };
        if moved.is_some() {
            reach(Point::MovedBefore);
        }
        reach(Point::OutcomeBefore);
        // On the heap, as the exchange is: every part has room for its end, and few are at it.
        let changed = Box::pin(insist(record.id, minion, write)).await;
        if moved.is_some() {
            reach(Point::MovedAfter);
        }
        reach(Point::OutcomeAfter);
        if let Some(turnstile) = &self.turnstile {
            turnstile.ended();
        }
        if let (Changed::Yes(_), Some(PartMoved { minion_job, state, .. })) = (&changed, moved)
            && MinionState::advance(job.part(minion), state).is_some()
        {
            job.moved(minion, minion_job, state);
        }
        // Where the ledger had another one before, that one stands.
        let recorded = matches!(changed, Changed::Yes(_)).then(|| Arc::new(report));
        if job.ended(minion, id, outcome, recorded) == After::IsOver {
            reach(Point::OverAfter);
            self.jobs.over(job);
        }
    }

    /// Ends a part that was to stop and that its minion provably never started and never will start.
    pub(super) async fn never_started(&self, before: &str) {
        let message = format!("cancelled before it was {before}: it never started");
        let outcome = Outcome::failed(FailureKind::Cancelled, message);
        self.ended(Report::without_run(outcome, now_ms())).await;
    }

    /// Ends a part that is not sent because others have failed.
    pub(super) async fn too_late(&self) {
        self.undelivered("too many outcomes were not ok before its turn").await;
    }

    /// Ends a part whose minion could not read what the method is called.
    pub(super) async fn unreadable(&self) {
        let message = format!(
            "the minion is of a version that does not know \"{}\": update it, or leave the package out of the name",
            self.job.record.method
        );
        let outcome = Outcome::failed(FailureKind::UnknownMethod, message);
        self.ended(Report::without_run(outcome, now_ms())).await;
    }

    /// Ends a part whose minion is not enrolled any more.
    pub(super) async fn removed(&self, delivery: Delivery) {
        let Self { job, minion, .. } = *self;
        match delivery {
            Delivery::NotSent => self.undelivered("it was removed").await,
            // It has its outcome.
            Delivery::MaybeSent if job.is_given_up(minion) => {}
            Delivery::MaybeSent => {
                let message = format!("\"{minion}\" was removed before it said how this ended there");
                let lost = Outcome::failed(FailureKind::Lost, message);
                self.ended(Report::without_run(lost, now_ms())).await;
            }
        }
    }

    /// Ends a part that provably never started, because it came to no minion.
    pub(super) async fn undelivered(&self, why: &str) {
        let Self { job, minion, .. } = *self;
        if job.is_given_up(minion) {
            // That it was given up is its outcome already, and the minion never said anything of it.
            return;
        }
        let message = format!("never delivered to \"{minion}\": {why}");
        let outcome = Outcome::failed(FailureKind::Undelivered, message);
        self.ended(Report::without_run(outcome, now_ms())).await;
    }
}

/// Tries to record a part's outcome until that succeeds, with one warning for each spell of trouble.
async fn insist<F, T>(job: JobId, minion: &MinionName, write: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, LedgerError>>,
{
    let mut backoff = backoff();
    let mut warned = false;
    loop {
        match write().await {
            Ok(recorded) => {
                if warned {
                    tracing::info!(%job, %minion, "recorded the outcome after all");
                }
                return recorded;
            }
            Err(error) if !warned => {
                tracing::error!(%job, %minion, %error, "cannot record the outcome, trying until it succeeds");
                warned = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}
