//! Replies on their way to operators, who may read slowly or not at all.
//!
//! A connection has few large replies on their way at once, a daemon makes few at a time, and what waits to be read is
//! bounded in bytes. A reply that nobody reads is given up after a while, so that others get its room.

use std::sync::Arc;
use std::time::Duration;

use machine::thread::heavy;
use quinn::SendStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::message::operator::{MAX_MESSAGE, OperatorReply};
use wire::message::version::Version;
use wire::transport::frame::{self, FrameError};

/// The turns of one connection, and the room that it shares. A cheap handle.
#[derive(Clone)]
pub(crate) struct Outbox {
    turns: Arc<Semaphore>,
    makers: Arc<Semaphore>,
    room: Arc<Semaphore>,
    /// The version of the replies.
    version: Version,
}

/// The right to make a reply that may be large.
#[derive(Default)]
pub(crate) struct Making {
    turn: Option<OwnedSemaphorePermit>,
    maker: Option<OwnedSemaphorePermit>,
    /// Whether it takes its time to make the reply.
    is_heavy: bool,
}

impl Making {
    /// The same for a reply that holds so many bytes of memory.
    pub(crate) fn of(self, held: usize) -> Self {
        Self { is_heavy: held > HEAVY, ..self }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits));
        Self {
            turns: semaphore(TURNS),
            makers: semaphore(MAKERS),
            room: semaphore(ROOM / UNIT),
            version: Version::default(),
        }
    }
}

impl Outbox {
    /// The version of the messages on its connection.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Turns for another connection, which speaks this version, and the same room.
    pub(crate) fn for_another(&self, version: Version) -> Self {
        Self { turns: Arc::new(Semaphore::new(TURNS)), version, ..self.clone() }
    }

    /// Waits for the turn to make a reply that may be large.
    pub(crate) async fn making(&self) -> Making {
        // Never closed. First that of the connection: one that does not read holds up nobody else.
        let turn = self.turns.clone().acquire_owned().await.ok();
        let maker = self.makers.clone().acquire_owned().await.ok();
        Making { turn, maker, is_heavy: false }
    }

    /// Sends a reply. Of one that is too long, nothing is sent.
    pub(crate) async fn tell(
        &self,
        send: &mut SendStream,
        reply: OperatorReply,
        making: Making,
    ) -> Result<(), FrameError> {
        let encode = move || {
            let bytes = frame::encode_as(self.version, &reply, MAX_MESSAGE);
            // Only its bytes wait for their reader.
            drop(reply);
            bytes
        };
        let bytes = if making.is_heavy { heavy(encode) } else { encode() }?;
        if bytes.len() <= SMALL {
            drop(making);
            return Ok(write(send, &bytes).await?);
        }
        let Making { turn: _turn, maker, .. } = making;
        let units = u32::try_from(bytes.len().min(ROOM).div_ceil(UNIT)).unwrap_or(u32::MAX);
        // Every holder of room has a limited time, so there is some sooner or later.
        let _room = self.room.acquire_many(units).await.ok();
        drop(maker);
        for part in bytes.chunks(SMALL) {
            let written = tokio::time::timeout(STALL, write(send, part)).await;
            let Ok(written) = written else {
                // Fails only where it is over already.
                let _ = send.reset(wire::transport::endpoint::CLOSE_DONE);
                return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
            };
            written?;
        }
        Ok(())
    }

    /// Sends a reply that is small.
    pub(crate) async fn say(&self, send: &mut SendStream, reply: OperatorReply) -> Result<(), FrameError> {
        self.tell(send, reply, Making::default()).await
    }
}

async fn write(send: &mut SendStream, bytes: &[u8]) -> std::io::Result<()> {
    send.write_all(bytes).await.map_err(std::io::Error::from)
}

/// What room is counted in.
const UNIT: usize = 1 << 10;
/// Up to this many bytes, a reply needs no room.
const SMALL: usize = 64 << 10;
/// From so many bytes of memory on, a reply takes its time to make.
const HEAVY: usize = 512 << 10;
/// What may be on its way over all connections.
const ROOM: usize = 64 << 20;
/// How many replies that may be large are on their way over one connection.
const TURNS: usize = 2;
/// How many replies that may be large are made at once.
const MAKERS: usize = 1;
/// How long an operator may take to read a part of a large reply.
const STALL: Duration = Duration::from_secs(120);
