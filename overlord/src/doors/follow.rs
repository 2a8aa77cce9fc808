//! Telling an operator what becomes of a job.

use std::sync::Arc;

use quinn::SendStream;
use wire::message::held::Held;
use wire::message::job::JobId;
use wire::message::link::JobUpdate;
use wire::message::operator::{Follow, OperatorReply, Refusal, Update};
use wire::message::version::Version;
use wire::transport::frame::FrameError;

use super::permit::Gate;
use crate::jobs::{Follower, Heard, Jobs};
use crate::outbox::Outbox;

/// Sends an operator what it wants to hear of a job, and the job's document last.
pub(super) async fn tell(
    jobs: &Jobs,
    mut gate: Gate<'_>,
    (id, live): (JobId, Option<Follower>),
    follow: Follow,
    send: &mut SendStream,
    outbox: &Outbox,
) -> Result<(), FrameError> {
    if let Some(follower) = live
        && let Some(refusal) = relay(jobs, &mut gate, follower, follow, send, outbox).await?
    {
        return outbox.say(send, OperatorReply::Refused(refusal)).await;
    }
    let making = outbox.making().await;
    let document = match gate.still_sees(id).await {
        Ok(()) => jobs.document(id).await,
        Err(refusal) => Err(refusal),
    };
    let (reply, held) = match document {
        Ok(document) => {
            let held = document.parts.iter().filter_map(|part| part.report.as_ref()).map(Held::held).sum();
            (OperatorReply::Job(Box::new(document)), held)
        }
        Err(refusal) => (OperatorReply::Refused(refusal), 0),
    };
    outbox.tell(send, reply, making.of(held)).await
}

/// Sends what a follower hears, until the job is over or the operator may not see it any more, for which it returns why.
async fn relay(
    jobs: &Jobs,
    gate: &mut Gate<'_>,
    mut follower: Follower,
    follow: Follow,
    send: &mut SendStream,
    outbox: &Outbox,
) -> Result<Option<Refusal>, FrameError> {
    let job = follower.job().clone();
    loop {
        let heard = follower.next().await;
        if let Err(refusal) = gate.still_sees(job.record.id).await {
            return Ok(Some(refusal));
        }
        let (minion, report) = match heard {
            Heard::Over => return Ok(None),
            Heard::Chatter(update) if follow == Follow::Everything => {
                let reply = OperatorReply::Update(Box::new(Update::clone(&update)));
                outbox.say(send, reply).await?;
                continue;
            }
            Heard::Chatter(_) => continue,
            Heard::OutOfTouch(minions) => {
                if outbox.version() >= Version::Three {
                    outbox.say(send, OperatorReply::OutOfTouch(minions)).await?;
                }
                continue;
            }
            Heard::Ended(minion, report) => (minion, report),
        };
        let making = outbox.making().await;
        let recorded = match report {
            Some(report) => Some(Arc::unwrap_or_clone(report)),
            // It came too long ago to be at hand.
            None => jobs.outcome(job.record.id, &minion).await,
        };
        // Where there is none, the document at the end says what is wrong with it.
        let Some(report) = recorded else { continue };
        let (minion_job, held) = (job.minion_job(&minion), report.held());
        let update = JobUpdate::Finished { minion_job, report: Box::new(report) };
        let reply = OperatorReply::Update(Box::new(Update { minion, update }));
        outbox.tell(send, reply, making.of(held)).await?;
    }
}
