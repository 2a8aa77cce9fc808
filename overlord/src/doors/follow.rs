//! Telling an operator what becomes of a job.

use std::collections::HashSet;
use std::sync::Arc;

use quinn::SendStream;
use wire::memory::Held;
use wire::message::job::{JobId, MinionJobId};
use wire::message::link::JobUpdate;
use wire::message::operator::{Follow, OperatorReply, Refusal, Update};
use wire::message::outcome::Report;
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::frame::FrameError;

use super::permit::Gate;
use crate::jobs::{Follower, Heard, Jobs};
use crate::outbox::Outbox;

/// What one operator is told of one job.
pub(super) struct Telling<'a> {
    jobs: &'a Jobs,
    gate: Gate<'a>,
    id: JobId,
    follow: Follow,
    outbox: &'a Outbox,
    /// The minions whose outcomes were told.
    told: HashSet<MinionName>,
}

/// Why nothing more is told.
enum Ended {
    /// The operator may not hear of it any more.
    Refused(Refusal),
    /// The operator does not hear.
    Broken(FrameError),
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        Self::Broken(error)
    }
}

impl<'a> Telling<'a> {
    /// An operator who goes through this gate, and has heard nothing yet.
    pub(super) fn new(jobs: &'a Jobs, gate: Gate<'a>, id: JobId, follow: Follow, outbox: &'a Outbox) -> Self {
        Self { jobs, gate, id, follow, outbox, told: HashSet::new() }
    }

    /// Sends what the operator wants to hear of the job, live or not, and the job's document last.
    pub(super) async fn tell(
        mut self,
        live: Option<Follower>,
        send: &mut SendStream,
    ) -> Result<(), FrameError> {
        match self.all(live, send).await {
            Ok(()) => Ok(()),
            Err(Ended::Broken(error)) => Err(error),
            Err(Ended::Refused(refusal)) => self.outbox.say(send, OperatorReply::Refused(refusal)).await,
        }
    }

    async fn all(&mut self, live: Option<Follower>, send: &mut SendStream) -> Result<(), Ended> {
        if let Some(follower) = live {
            self.relay(follower, send).await?;
        }
        if self.outbox.version() < Version::Seven {
            // It wants all of them in the document.
            self.told.clear();
        } else {
            self.recall(send).await?;
        }
        let making = self.outbox.making().await;
        self.gate.still_sees(self.id).await?;
        let document = self.jobs.document_without(self.id, &self.told).await?;
        let held = document.parts.iter().filter_map(|part| part.report.as_ref()).map(Held::held).sum();
        let reply = OperatorReply::Job(Box::new(document));
        Ok(self.outbox.tell(send, reply, making.of(held)).await?)
    }

    /// Sends what a follower hears, until the job is over or the operator may not see it any more.
    async fn relay(&mut self, mut follower: Follower, send: &mut SendStream) -> Result<(), Ended> {
        let job = follower.job().clone();
        loop {
            let heard = follower.next().await;
            self.gate.still_sees(self.id).await?;
            match heard {
                Heard::Over => return Ok(()),
                Heard::Chatter(update) if self.follow == Follow::Everything => {
                    let reply = OperatorReply::Update(Box::new(Update::clone(&update)));
                    self.outbox.say(send, reply).await?;
                }
                Heard::Chatter(_) => {}
                Heard::OutOfTouch(minions) => {
                    if self.outbox.version() >= Version::Three {
                        self.outbox.say(send, OperatorReply::OutOfTouch(minions)).await?;
                    }
                }
                Heard::Ended(minion, report) => {
                    let minion_job = job.minion_job(&minion);
                    self.end((minion, minion_job), report, send).await?;
                }
            }
        }
    }

    /// Sends the outcomes of those whose parts were over before anybody followed the job, one after the other.
    async fn recall(&mut self, send: &mut SendStream) -> Result<(), Ended> {
        for (minion, minion_job) in self.jobs.ended(self.id).await? {
            if !self.told.contains(&minion) {
                self.gate.still_sees(self.id).await?;
                self.end((minion, minion_job), None, send).await?;
            }
        }
        Ok(())
    }

    /// Sends how the part of a minion ended, by the report that is at hand or that of the ledger.
    async fn end(
        &mut self,
        (minion, minion_job): (MinionName, Option<MinionJobId>),
        report: Option<Arc<Report>>,
        send: &mut SendStream,
    ) -> Result<(), FrameError> {
        let making = self.outbox.making().await;
        let recorded = match report {
            Some(report) => Some(Arc::unwrap_or_clone(report)),
            // It came too long ago to be at hand.
            None => self.jobs.outcome(self.id, &minion).await,
        };
        // Where there is none, the document at the end says what is wrong with it.
        let Some(report) = recorded else { return Ok(()) };
        let held = report.held();
        self.told.insert(minion.clone());
        let update = JobUpdate::Finished { minion_job, report: Box::new(report) };
        let reply = OperatorReply::Update(Box::new(Update { minion, update }));
        self.outbox.tell(send, reply, making.of(held)).await
    }
}
