//! Stopping a job: wished for on record first, then told to each minion by its part.

use std::convert::Infallible;
use std::time::Duration;

use futures::future::join_all;
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use quinn::Connection;
use tokio::time::timeout;
use wire::message::job::{JobId, MinionState, OutcomeKind};
use wire::message::link::{Cancelled, MAX_MESSAGE, MinionRequest};
use wire::message::operator::{Cancelling, Refusal};
use wire::name::MinionName;
use wire::transport::frame::{self, FrameError};

use super::live_job::LiveJob;
use super::stop::Stop;
use super::{Jobs, durability};
use crate::pauses::backoff;
use crate::refusals::cannot_record;

impl Jobs {
    /// Stops all parts that are not over, or only those of these minions: what was not sent ends here, and
    /// who has it or may have it is told, at once or when it is back.
    ///
    /// Waits a few seconds at most for what can be done now. Whatever is not done by then is done later, also
    /// by the daemon's next life.
    pub(crate) async fn cancel(&self, id: JobId, only: Option<&[MinionName]>) -> Result<Cancelling, Refusal> {
        let job = self.still_live(id).await?;
        let mut parts = job.open_parts();
        parts.retain(|minion| only.is_none_or(|only| only.contains(minion)));
        let jobs = self.clone();
        let (wished, minions) = (job.clone(), parts.clone());
        // A task of its own: an operator who leaves halfway leaves no wish on record that nobody follows.
        let wish = self.0.tasks.spawn_whole(async move { jobs.wish(&wished, minions).await });
        let stops =
            wish.await.unwrap_or_else(|error| Err(cannot_record("that the job is to stop", &error)))?;
        // A minion that has not answered by then counts as one that will be told later.
        join_all(stops.iter().map(|stop| timeout(PATIENCE, stop.answered()))).await;
        Ok(became(&job, parts))
    }

    /// Writes to the ledger that these parts are to stop, and only then lets them hear of it, unless they run.
    async fn wish(&self, job: &LiveJob, minions: Vec<MinionName>) -> Result<Vec<Stop>, Refusal> {
        let stops: Vec<_> = minions.iter().map(|minion| job.stop(minion)).collect();
        let durability = durability(job.record.durable);
        reach(Point::CancelBefore);
        let written = self.ledger().cancel(job.record.id, minions.clone(), now_ms(), durability).await;
        let Err(error) = written else {
            reach(Point::CancelAfter);
            stops.iter().for_each(Stop::want);
            return Ok(stops);
        };
        // What runs can be stopped all the same: its end is in its minion's ledger. What does not yet could start in
        // the daemon's next life, which would know nothing of the wish.
        tracing::warn!(job = %job.record.id, %error, "cannot record that it is to stop");
        let (run, rest): (Vec<_>, Vec<_>) =
            minions.iter().zip(stops).partition(|(minion, _)| job.part(minion).is_some());
        run.iter().for_each(|(_, stop)| stop.want());
        if rest.is_empty() {
            Ok(run.into_iter().map(|(_, stop)| stop).collect())
        } else {
            Err(cannot_record("that the job is to stop", &error))
        }
    }
}

/// Tells the minion once the part is to stop, until it says that it has heard, and never ends.
///
/// It goes on beside the exchange about the part, which brings the end, and ends with it. A minion that does
/// not know the job never starts it from then on, and says so in that exchange.
pub(super) async fn tell_to_stop(
    stop: &Stop,
    job: JobId,
    minion: &MinionName,
    connection: &Connection,
) -> Infallible {
    stop.wanted().await;
    let mut backoff = backoff();
    loop {
        match ask_to_stop(job, connection).await {
            Ok(Cancelled::Asked) => stop.told(),
            Ok(Cancelled::AlreadyOver | Cancelled::Unknown) => {}
            Err(broken) => {
                tracing::info!(%job, %minion, %broken, "it is not told to stop yet");
                tokio::time::sleep(backoff.pause()).await;
                continue;
            }
        }
        std::future::pending::<()>().await;
    }
}

async fn ask_to_stop(job: JobId, connection: &Connection) -> Result<Cancelled, FrameError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
    frame::write(&mut send, &MinionRequest::Cancel(job), MAX_MESSAGE).await?;
    frame::read(&mut receive, MAX_MESSAGE).await
}

/// What became so far of the wish that these parts stop.
fn became(job: &LiveJob, parts: Vec<MinionName>) -> Cancelling {
    let mut became = Cancelling {
        job: job.record.id,
        told: Vec::new(),
        never_started: Vec::new(),
        later: Vec::new(),
        out_of_touch: Vec::new(),
    };
    for minion in parts {
        match job.part(&minion) {
            _ if job.stop(&minion).is_told() => became.told.push(minion),
            Some(MinionState::Finished(OutcomeKind::Cancelled)) => match job.minion_job(&minion) {
                Some(_) => became.told.push(minion),
                None => became.never_started.push(minion),
            },
            // The part ended before it could be stopped.
            Some(MinionState::Finished(_)) => {}
            _ => {
                let absence = job.absence(&minion);
                became.out_of_touch.extend(absence.map(|absence| (minion.clone(), absence)));
                became.later.push(minion);
            }
        }
    }
    became
}

/// How long a minion has to say that it has heard.
const PATIENCE: Duration = Duration::from_secs(5);
