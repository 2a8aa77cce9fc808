//! What an overlord asks, and who answers: one match, one task for each stream.

use std::time::Duration;

use ledger::LedgerError;
use quinn::{RecvStream, SendStream};
use serde::Serialize;

use wire::frame::{self, FrameError};
use wire::link::{MAX_MESSAGE, MinionRequest, ModuleAnswer, Pong, Staging};

use crate::jobs::{self, FollowError, Jobs, Stopping};

/// Why a request was not answered to its end. The overlord sees that the stream ends, and asks again later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The stream broke, or what came over it was no request.
    #[error(transparent)]
    Stream(#[from] FrameError),
    /// The request did not come.
    #[error("no request came on a stream that was opened for one")]
    Silent,
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The minion is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

/// Reads the request of one stream and answers it.
pub(crate) async fn answer(
    jobs: &Jobs,
    mut send: SendStream,
    mut recv: RecvStream,
) -> Result<(), Unanswered> {
    let request = tokio::time::timeout(REQUEST, frame::read(&mut recv, MAX_MESSAGE)).await;
    let (job, follower) = match request.map_err(|_| Unanswered::Silent)?? {
        MinionRequest::Ping => return reply(&mut send, &Pong).await,
        MinionRequest::Cancel(job) => return reply(&mut send, &jobs.cancel(job).await?).await,
        MinionRequest::Start(start) => (start.job, jobs.start(*start)?),
        MinionRequest::Follow(job) => (job, jobs.follow(job).await?),
        MinionRequest::Settle(job) => (job, jobs.settle(job).await?),
        MinionRequest::Stage(_) => return reply(&mut send, &Staging::Refused(NOT_YET.to_owned())).await,
        MinionRequest::Activate { .. }
        | MinionRequest::Discard { .. }
        | MinionRequest::Rollback(_)
        | MinionRequest::Remove(_) => {
            return reply(&mut send, &ModuleAnswer::Refused(NOT_YET.to_owned())).await;
        }
    };
    // An overlord that stops following must not leave the task behind until the job has news.
    let gone = gone(&send);
    tokio::select! {
        reported = jobs::report(jobs, job, follower, &mut send, &mut recv) => Ok(reported?),
        () = gone => Ok(()),
    }
}

/// Waits until nobody reads this stream any more.
fn gone(send: &SendStream) -> impl Future<Output = ()> + use<> {
    let stopped = send.stopped();
    async {
        // All was sent and has arrived: then there is still the receipt to wait for.
        if let Ok(None) = stopped.await {
            std::future::pending::<()>().await;
        }
    }
}

async fn reply(send: &mut SendStream, message: &impl Serialize) -> Result<(), Unanswered> {
    frame::write(send, message, MAX_MESSAGE).await?;
    // It fails only where the stream was reset, and then nobody waits.
    let _ = send.finish();
    Ok(())
}

impl From<FollowError> for Unanswered {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Ledger(error) => Unanswered::Ledger(error),
            FollowError::Stopping(error) => Unanswered::Stopping(error),
        }
    }
}

/// What is said to whoever brings a module over the wire.
const NOT_YET: &str = "takes modules from its folder only";
/// How long a request may take to arrive once its stream is open.
const REQUEST: Duration = Duration::from_secs(30);
