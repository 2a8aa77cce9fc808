//! Getting one minion ready for a version, over as many connections as it takes.

use std::io::SeekFrom;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use quinn::{Connection, RecvStream, SendStream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use wire::message::catalogue::{KeptModule, RolloutStep};
use wire::message::link::{MAX_MESSAGE, MinionRequest, ModuleCommand, Stage, Staging};
use wire::message::module::Module;
use wire::message::version::Version;
use wire::name::MinionName;
use wire::transport::frame::{self, FrameError};

use super::asker::Asker;
use super::deadline::{Deadline, time_for};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::pauses::backoff;
use crate::registry::Registry;

/// Why a minion is not ready for a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotStaged {
    /// The minion was not connected when it was first asked.
    NotConnected,
    /// The minion refuses the version, or the overlord has no file to send; why.
    Refused(String),
    /// The connection broke on the way, and the minion did not come back; why.
    Lost(String),
    /// The minion was not ready within this time, whatever it said meanwhile.
    Late(Duration),
}

/// Why an exchange with a minion ended without an answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the connection broke: {0}")]
    Connection(#[from] quinn::ConnectionError),
    #[error("the connection broke: {0}")]
    Write(#[from] quinn::WriteError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("it said nothing for {}", humantime::format_duration(*.0))]
    Silent(Duration),
    #[error("it did not take the file within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    #[error("it answered something else than what it was asked")]
    OutOfOrder,
    #[error("the overlord cannot read the file: {0}")]
    File(std::io::Error),
}

/// How far an exchange has come: bytes of the file that were sent, and messages after that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    states: usize,
    bytes: u64,
}

/// One minion on its way to being ready for a version, with one deadline for all of it.
pub(super) struct StagingRun<'a, T> {
    config: &'a Config,
    registry: &'a Registry,
    catalogue: &'a Catalogue,
    senders: &'a Semaphore,
    minion: &'a MinionName,
    stage: &'a Stage,
    request: MinionRequest,
    time: Duration,
    deadline: Deadline,
    told: T,
}

/// The parts of the daemon that it takes to make minions ready.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) config: &'a Config,
    pub(super) registry: &'a Registry,
    pub(super) catalogue: &'a Catalogue,
    /// As many as are sent bytes at once.
    pub(super) senders: &'a Semaphore,
}

impl<'a, T: Fn(RolloutStep)> StagingRun<'a, T> {
    /// A run that makes `minion` ready for the version of `stage`, in the name of an operator; `told` hears how far it
    /// is.
    pub(super) fn new(
        means: Means<'a>,
        minion: &'a MinionName,
        asker: &Asker,
        stage: &'a Stage,
        told: T,
    ) -> Self {
        let Means { config, registry, catalogue, senders } = means;
        let time = config.staging + time_for(stage.size);
        let command = ModuleCommand::Stage(Box::new(stage.clone()));
        let Asker { operator, mandate } = asker.clone();
        let request = MinionRequest::Modules { operator, command, mandate };
        let deadline = Deadline::within(time);
        Self { config, registry, catalogue, senders, minion, stage, request, time, deadline, told }
    }

    /// Makes the minion ready. One that is lost on the way is waited for as long as a delivery may take, each time that
    /// it has come further than before.
    pub(super) async fn run(&self) -> Result<Module, NotStaged> {
        let Self { minion, stage, time, .. } = self;
        tokio::select! {
            staged = self.until_done() => staged,
            () = self.deadline.passed() => {
                tracing::warn!(%minion, module = %stage.name, ?time, "given up: not staged in time");
                Err(NotStaged::Late(*time))
            }
        }
    }

    async fn until_done(&self) -> Result<Module, NotStaged> {
        let Self { minion, stage, told, .. } = self;
        let mut link = self.registry.follow(minion).ok_or(NotStaged::NotConnected)?;
        let mut furthest = Reached::default();
        let mut backoff = backoff();
        let mut lost: Option<(Instant, String)> = None;
        loop {
            let connection = link.borrow_and_update().clone();
            match (connection, &lost) {
                (None, None) => return Err(NotStaged::NotConnected),
                (_, Some((until, why))) if Instant::now() >= *until => {
                    return Err(NotStaged::Lost(why.clone()));
                }
                (None, Some((until, _))) => {
                    tokio::select! {
                        changed = link.changed() => if changed.is_err() { return Err(removed()) },
                        () = sleep_until(*until) => {}
                    }
                    continue;
                }
                (Some(connection), _) => {
                    let mut reached = Reached::default();
                    let broken = match self.attempt(&connection, &mut reached).await {
                        Ok(answer) => return answer.map_err(NotStaged::Refused),
                        Err(Broken::File(error)) => {
                            return Err(NotStaged::Refused(Broken::File(error).to_string()));
                        }
                        Err(broken) => broken,
                    };
                    tracing::info!(%minion, module = %stage.name, %broken, "not staged yet");
                    told(RolloutStep::Awaited);
                    if lost.is_none() || reached > furthest {
                        lost = Some((Instant::now() + self.config.delivery, broken.to_string()));
                        furthest = furthest.max(reached);
                    }
                }
            }
            tokio::select! {
                // A connection that lives on but fails us must not be asked in a tight circle.
                () = tokio::time::sleep(backoff.pause()) => {}
                changed = link.changed() => match changed {
                    Ok(()) => backoff.reset(),
                    Err(_) => return Err(removed()),
                },
            }
        }
    }

    /// Asks the minion once, over this connection, to make itself ready. Gives the module that is ready, or why the
    /// minion refused.
    async fn attempt(
        &self,
        connection: &Connection,
        reached: &mut Reached,
    ) -> Result<Result<Module, String>, Broken> {
        // The turn to be sent bytes comes before the request, so that the minion does not wait for bytes in vain.
        let permit = self.deadline.not_counting(self.senders.acquire()).await;
        let (mut send, receive) = connection.open_bi().await?;
        let version = Version::of(connection);
        frame::write_as(version, &mut send, &self.request, MAX_MESSAGE).await?;
        let mut messages = pin!(messages(version, receive));
        let mut message = next(&mut messages).await?;
        if let Staging::Send { from } = message {
            let bytes = self.send_bytes(&mut send, &mut messages, from, &mut reached.bytes);
            message = match bytes.await? {
                // Others are sent bytes while this one compiles.
                None => {
                    drop(permit);
                    next(&mut messages).await?
                }
                Some(refused) => refused,
            };
        } else {
            // The minion has the bytes already: its turn is free for others.
            drop(permit);
        }
        loop {
            match message {
                Staging::Staged(module) => return Ok(Ok(*module)),
                Staging::Refused(why) => return Ok(Err(why)),
                Staging::Send { .. } => return Err(Broken::OutOfOrder),
                Staging::State(state) => {
                    reached.states += 1;
                    if reached.states > MAX_STATES {
                        return Err(Broken::OutOfOrder);
                    }
                    (self.told)(RolloutStep::State(state));
                }
            }
            message = next(&mut messages).await?;
        }
    }

    /// Sends the file from this offset on. Gives the refusal of a minion that wants no more of it.
    async fn send_bytes(
        &self,
        send: &mut SendStream,
        messages: &mut (impl Stream<Item = Result<Staging, FrameError>> + Unpin),
        from: u64,
        at: &mut u64,
    ) -> Result<Option<Staging>, Broken> {
        let Self { minion, stage, told, .. } = self;
        let size = stage.size;
        if from > size {
            return Err(Broken::OutOfOrder);
        }
        tracing::info!(%minion, module = %stage.name, digest = stage.digest.short(), from, "sending a file");
        let path = self.catalogue.path(&stage.digest);
        // While this minion is sent bytes, others wait for their turn.
        let time = STALL + time_for(size - from);
        let sent = timeout(time, send_file(send, &path, from, size, told, at));
        let early = tokio::select! {
            sent = sent => match sent.unwrap_or(Err(Broken::Slow(time))) {
                Ok(()) => None,
                Err(broken @ Broken::File(_)) => return Err(broken),
                // The minion may have said why it reads no further.
                Err(broken) => match timeout(LAST_WORD, messages.next()).await {
                    Ok(Some(Ok(refused @ Staging::Refused(_)))) => return Ok(Some(refused)),
                    _ => return Err(broken),
                },
            },
            // A minion that takes bytes has nothing to say: whatever it says now ends the sending.
            early = messages.next() => Some(early.ok_or(FrameError::Closed)??),
        };
        match early {
            None => {
                // Its failure shows in the answer.
                let _ = send.finish();
                Ok(None)
            }
            Some(refused @ Staging::Refused(_)) => Ok(Some(refused)),
            Some(_) => Err(Broken::OutOfOrder),
        }
    }
}

/// What a minion is asked to make ready.
pub(super) fn stage_of(module: &KeptModule, downgrade: bool) -> Stage {
    Stage {
        name: module.name.clone(),
        digest: module.digest,
        size: module.size,
        signature: module.signature.clone(),
        downgrade,
    }
}

fn removed() -> NotStaged {
    NotStaged::Refused("it is not enrolled any more".to_owned())
}

/// The messages of a stream, to be read on after a wait for one was given up.
fn messages(version: Version, receive: RecvStream) -> impl Stream<Item = Result<Staging, FrameError>> {
    futures::stream::unfold(receive, move |mut receive| async move {
        Some((frame::read_as(version, &mut receive, MAX_MESSAGE).await, receive))
    })
}

async fn next(
    messages: &mut (impl Stream<Item = Result<Staging, FrameError>> + Unpin),
) -> Result<Staging, Broken> {
    match timeout(SILENCE, messages.next()).await {
        Ok(Some(message)) => Ok(message?),
        Ok(None) => Err(FrameError::Closed.into()),
        Err(_) => Err(Broken::Silent(SILENCE)),
    }
}

/// Sends a file from this offset on.
async fn send_file(
    send: &mut SendStream,
    path: &Path,
    from: u64,
    size: u64,
    told: &impl Fn(RolloutStep),
    at: &mut u64,
) -> Result<(), Broken> {
    let mut file = File::open(path).await.map_err(Broken::File)?;
    file.seek(SeekFrom::Start(from)).await.map_err(Broken::File)?;
    let mut chunk = vec![0; CHUNK];
    *at = from;
    while *at < size {
        let read = file.read(&mut chunk).await.map_err(Broken::File)?;
        if read == 0 {
            return Err(Broken::File(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let sent = timeout(STALL, send.write_all(&chunk[..read])).await;
        sent.map_err(|_| Broken::Silent(STALL))??;
        *at += read as u64;
        told(RolloutStep::Bytes(*at));
    }
    Ok(())
}

const CHUNK: usize = 256 << 10;

/// How many states a minion may tell of one version: there are eight.
const MAX_STATES: usize = 32;

/// How long a minion may take to read one chunk.
const STALL: Duration = Duration::from_secs(60);

/// How long a minion may take from one message to the next: it may be compiling.
const SILENCE: Duration = Duration::from_secs(600);

/// After a minion stopped reading the file: how long the overlord waits to be told why.
const LAST_WORD: Duration = Duration::from_secs(5);
