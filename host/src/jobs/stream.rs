//! A job's updates, written onto the stream that asked for them.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use machine::failpoint::{Point, reach};
use wire::message::job::JobId;
use wire::message::link::{Acknowledged, JobUpdate, MAX_MESSAGE};
use wire::transport::frame::{self, FrameError};

use crate::jobs::{Follower, Jobs};

/// Writes what a follower is told until the end, and takes the acknowledgement of the outcome.
///
/// Where the stream breaks, the job goes on and its outcome stays unacknowledged. Where the follower ends without
/// a last update because the minion stops, the stream just ends, which says nothing about the job.
///
/// # Errors
/// Where the stream breaks, or the overlord sends something else than an acknowledgement.
pub(crate) async fn report(
    jobs: &Jobs,
    job: JobId,
    mut follower: Follower,
    send: &mut (impl AsyncWrite + Unpin),
    recv: &mut (impl AsyncRead + Unpin),
) -> Result<(), FrameError> {
    let mut batch = Vec::new();
    while let Some(update) = follower.next().await {
        let mut last = Last::of(&update);
        append(&mut batch, &update)?;
        if last.is_none() {
            // A short job is told in one write: its end is here before the pause is over.
            last = linger(&mut follower, &mut batch).await?;
        }
        let (before, after) = match last {
            Some(_) => (Point::FinishedBefore, Point::FinishedAfter),
            None => (Point::ReportBefore, Point::ReportAfter),
        };
        reach(before);
        send.write_all(&std::mem::take(&mut batch)).await?;
        reach(after);
        if let Some(last) = last {
            send.shutdown().await?;
            let Acknowledged = frame::read(recv, MAX_MESSAGE).await?;
            if let Last::Recorded = last {
                jobs.acknowledged(job).await;
            }
            return Ok(());
        }
    }
    Ok(())
}

/// What kind of last update a follower was told.
enum Last {
    /// The outcome of a job that is in the ledger.
    Recorded,
    /// Something that no ledger has, and that is not acknowledged.
    Unrecorded,
}

impl Last {
    fn of(update: &JobUpdate) -> Option<Self> {
        match update {
            JobUpdate::Finished { minion_job: Some(_), .. } => Some(Last::Recorded),
            JobUpdate::Finished { minion_job: None, .. } | JobUpdate::Unknown => Some(Last::Unrecorded),
            _ => None,
        }
    }
}

/// Adds what else happens within a moment, as far as it fits into one write.
async fn linger(follower: &mut Follower, batch: &mut Vec<u8>) -> Result<Option<Last>, FrameError> {
    let pause = tokio::time::sleep(PAUSE);
    tokio::pin!(pause);
    while batch.len() < FULL {
        let update = tokio::select! {
            biased;
            update = follower.next() => update,
            () = &mut pause => return Ok(None),
        };
        let Some(update) = update else { return Ok(None) };
        append(batch, &update)?;
        if let Some(last) = Last::of(&update) {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

fn append(batch: &mut Vec<u8>, update: &JobUpdate) -> Result<(), FrameError> {
    batch.extend(frame::encode(update, MAX_MESSAGE)?);
    Ok(())
}

/// How long an update waits for further ones, to be written together with them.
const PAUSE: Duration = Duration::from_millis(2);
/// The number of bytes from which on waiting for more updates saves nothing.
const FULL: usize = 64 << 10;
