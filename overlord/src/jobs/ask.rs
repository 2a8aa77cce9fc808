//! What a minion is asked about its part of a job.

use tokio::time::Instant;
use wire::message::call::Start;
use wire::message::link::MinionRequest;
use wire::name::MinionName;

use super::deadlines::Deadlines;
use super::live_job::LiveJob;
use super::part::Delivery;

/// What a minion is asked about its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To start it.
    Start,
    /// To report on it.
    Follow,
    /// To report on it, and where it has no record of it, never to start it.
    Settle,
}

impl Ask {
    /// What to ask at this moment.
    pub(super) fn of(job: &LiveJob, minion: &MinionName, delivery: Delivery, deadlines: &Deadlines) -> Self {
        if job.is_given_up(minion) {
            // The minion may not have had the job, and must never start it now.
            return Ask::Settle;
        }
        if job.part(minion).is_some() {
            return Ask::Follow;
        }
        // A part that is to stop is not started. If it was started before, the minion says so, and it is followed.
        let is_late = Instant::now() >= deadlines.resend || job.stop(minion).is_wanted();
        if delivery == Delivery::MaybeSent && is_late { Ask::Settle } else { Ask::Start }
    }

    /// The request that says so.
    pub(super) fn request(self, job: &LiveJob) -> MinionRequest {
        let record = &job.record;
        match self {
            Ask::Settle => MinionRequest::Settle(record.id),
            Ask::Follow => MinionRequest::Follow(record.id),
            Ask::Start => {
                let start = Start {
                    job: record.id,
                    method: record.method.clone(),
                    arguments: record.arguments.clone(),
                    operator: record.operator.clone(),
                    timeout_ms: record.timeout_ms,
                    dry_run: record.dry_run,
                    durable: record.durable,
                };
                MinionRequest::Start(Box::new(start), record.mandate.clone())
            }
        }
    }
}
