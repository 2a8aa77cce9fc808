//! What an overlord tells of one job while an operator listens: [`JobStream`], and the replies below it that every
//! request has.

use std::pin::Pin;

use quinn::{Connection, RecvStream};
use tokio::time::{Instant, sleep_until};
use wire::message::job::JobId;
use wire::message::operator::{Absence, JobDocument, MAX_MESSAGE, OperatorReply, TargetWarning, Update};
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::frame::{self, FrameError};

use super::error::{ClientError, Stood};
use super::patience::{Awaited, Patience, WaitOver};

/// One thing that an overlord tells of a job, or that the stream itself adds.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// The call is accepted, and is a job now.
    Accepted {
        /// The id of the job.
        job: JobId,
        /// The minions that it goes to.
        targets: Vec<MinionName>,
    },
    /// Something happened on a minion.
    Update(Box<Update>),
    /// All that is known of the job at this moment. The last event of a job that is followed to its end.
    Document(Box<JobDocument>),
    /// The minions that are out of touch now, of those whose part is not over. Replaces what was said before.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// The waiting that [`JobStream::with_patience`] asked for is over. Said once; the job goes on, and so does
    /// the stream for callers who want more of it.
    WaitOver(WaitOver),
}

/// The events of one job, until the overlord has no more to tell.
///
/// Dropping the stream detaches from the job, which goes on.
pub struct JobStream {
    replies: Replies,
    awaited: Option<Awaited>,
}

impl JobStream {
    pub(super) fn new(replies: Replies) -> Self {
        Self { replies, awaited: None }
    }

    /// Bounds the waiting, from now on: once it is over, the stream says [`JobEvent::WaitOver`]. Of a job that
    /// existed already, `open` are the minions whose part is not over; of a new one, the overlord says which
    /// minions it goes to.
    pub fn with_patience(self, patience: Patience, open: impl IntoIterator<Item = MinionName>) -> Self {
        let awaited = Some(Awaited::new(patience, open.into_iter().collect(), Instant::now()));
        Self { awaited, ..self }
    }

    /// What the overlord said of the target. Complete once [`JobEvent::Accepted`] came.
    pub fn warnings(&self) -> &[TargetWarning] {
        self.replies.warnings()
    }

    /// The next event; `None` after the last one. Cancel safe.
    ///
    /// # Errors
    /// As for [`Client`](super::Client): [`ClientError::Refusal`] where the call was refused, and
    /// [`ClientError::Lost`] where the connection broke, while the job goes on. Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<JobEvent>, ClientError> {
        let end = self.awaited.as_ref().and_then(Awaited::end);
        let at = end.map_or_else(Instant::now, |(at, _)| at);
        let event = tokio::select! {
            biased;
            event = Self::told(&mut self.replies) => event?,
            () = sleep_until(at), if end.is_some() => {
                self.awaited = None;
                return Ok(end.map(|(_, why)| JobEvent::WaitOver(why)));
            }
        };
        if let (Some(awaited), Some(event)) = (&mut self.awaited, &event) {
            awaited.hear(event, Instant::now());
        }
        Ok(event)
    }

    async fn told(replies: &mut Replies) -> Result<Option<JobEvent>, ClientError> {
        match replies.next().await? {
            None => Ok(None),
            Some(OperatorReply::Accepted { job, targets }) => Ok(Some(JobEvent::Accepted { job, targets })),
            Some(OperatorReply::Update(update)) => Ok(Some(JobEvent::Update(update))),
            Some(OperatorReply::Job(document)) => Ok(Some(JobEvent::Document(document))),
            Some(OperatorReply::OutOfTouch(minions)) => Ok(Some(JobEvent::OutOfTouch(minions))),
            Some(_) => Err(ClientError::Unexpected),
        }
    }
}

/// The replies to one request, as they come in on its stream.
pub(super) struct Replies {
    connection: Connection,
    address: String,
    version: Version,
    /// The read under way, kept here so that a dropped [`Replies::next`] loses nothing.
    reading: Option<Reading>,
    /// What was said of the target until now.
    warnings: Vec<TargetWarning>,
}

type Reading = Pin<Box<dyn Future<Output = (RecvStream, Result<OperatorReply, FrameError>)> + Send>>;

impl Replies {
    pub(super) fn new(connection: Connection, address: String, stream: RecvStream) -> Self {
        let version = Version::of(&connection);
        let reading: Reading = Box::pin(read(version, stream));
        Self { connection, address, reading: Some(reading), version, warnings: Vec::new() }
    }

    /// What the overlord said of the target until now.
    pub(super) fn warnings(&self) -> &[TargetWarning] {
        &self.warnings
    }

    /// The next reply that is no warning, since warnings are kept; `None` at the end of the stream. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<OperatorReply>, ClientError> {
        loop {
            match self.any().await? {
                Some(OperatorReply::Warned(warnings)) => self.warnings.extend(warnings),
                other => return Ok(other),
            }
        }
    }

    async fn any(&mut self) -> Result<Option<OperatorReply>, ClientError> {
        // Where all share one thread, the link gets its turn between two replies, however long each takes to decode
        // and to show: one turn to hear what has come, and one to answer it. After the read, a reply would be lost
        // where this is dropped.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let (stream, reply) = reading.await;
        self.reading = None;
        match reply {
            Ok(OperatorReply::Refused(refusal)) => Err(refusal.into()),
            Ok(reply) => {
                self.reading = Some(Box::pin(read(self.version, stream)));
                Ok(Some(reply))
            }
            Err(FrameError::Closed) => Ok(None),
            Err(error) => Err(broken(&self.connection, &self.address, error)),
        }
    }
}

async fn read(version: Version, mut stream: RecvStream) -> (RecvStream, Result<OperatorReply, FrameError>) {
    let reply = frame::read_as(version, &mut stream, MAX_MESSAGE).await;
    (stream, reply)
}

/// What a failed read or write means: mostly that the connection is gone, and then the connection knows best why.
pub(super) fn broken(connection: &Connection, address: &str, error: FrameError) -> ClientError {
    match (connection.close_reason(), error) {
        (Some(reason), _) => ClientError::of_connection(address, &reason, Stood::Already),
        (None, FrameError::Io(cause)) => {
            ClientError::Lost { address: address.to_owned(), cause: cause.to_string() }
        }
        (None, other) => ClientError::Frame(other),
    }
}
