//! A program that a module has started and speaks to while it runs.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use nix::sys::signal::Signal as UnixSignal;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::Instant;
use wasmtime::component::Resource;

use super::bindings::minion::process::process::{Error, HostChild, Piece, Signal, Status};
use super::end::status;
use super::input::hold;
use super::program::Program;
use crate::sandbox::run::cancel::CancelSignal;
use crate::sandbox::run::guest::Guest;

/// The most bytes of one piece.
const MAX_PIECE: u32 = 64 << 10;

/// A program that was started.
// The generated bindings re-export it, which takes more than its real visibility.
#[allow(unreachable_pub)]
pub struct Child {
    /// The program, which is killed when this is dropped.
    program: Program,
    /// The program's input; `None` once it is closed.
    stdin: Option<ChildStdin>,
    /// The program's standard output; `None` once it has ended.
    stdout: Option<ChildStdout>,
    /// The program's standard error; `None` once it has ended.
    stderr: Option<ChildStderr>,
    /// When the program's own timeout is over.
    ends: Instant,
    /// How the program ended; `None` before that was asked.
    status: Option<Status>,
    /// How the job is told to stop, which ends every wait.
    cancel: CancelSignal,
}

impl Child {
    /// Takes over a program, which is killed when `time` is over.
    pub(super) fn new(mut program: Program, time: Duration, cancel: CancelSignal) -> Self {
        let pipes = program.pipes();
        let (stdin, stdout, stderr) = (pipes.stdin.take(), pipes.stdout.take(), pipes.stderr.take());
        let ends = Instant::now() + time;
        Self { program, stdin, stdout, stderr, ends, status: None, cancel }
    }

    /// Writes all of the data to the program's input.
    pub(super) async fn write(&mut self, data: &[u8]) -> Result<(), Error> {
        let Some(mut stdin) = self.stdin.take() else {
            return Err(Error::Other("the input of the program is closed".into()));
        };
        // A write that is interrupted has left the input in the middle of something, so the input is not put back.
        let written = self.unless_over(async { stdin.write_all(data).await }).await?;
        self.stdin = Some(stdin);
        written.map_err(|error| Error::Other(error.to_string()))
    }

    /// Waits for the next piece of either output.
    async fn read(&mut self, limit: u32) -> Result<Option<Piece>, Error> {
        let limit = limit.clamp(1, MAX_PIECE) as usize;
        let (mut stdout, mut stderr) = (self.stdout.take(), self.stderr.take());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let piece = self
            .unless_over(async {
                loop {
                    tokio::select! {
                        piece = read(&mut stdout, &mut out, limit), if stdout.is_some() => match piece {
                            Some(bytes) => return Some(Piece::Stdout(bytes)),
                            None => stdout = None,
                        },
                        piece = read(&mut stderr, &mut err, limit), if stderr.is_some() => match piece {
                            Some(bytes) => return Some(Piece::Stderr(bytes)),
                            None => stderr = None,
                        },
                        else => return None,
                    }
                }
            })
            .await;
        (self.stdout, self.stderr) = (stdout, stderr);
        piece
    }

    /// Waits for the program's end. Asked again, returns the same.
    async fn wait(&mut self) -> Result<Status, Error> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let (cancel, ends) = (self.cancel.clone(), self.ends);
        let ended = tokio::select! {
            ended = self.program.wait() => ended.map(status).map_err(|error| Error::Other(error.to_string()))?,
            never = read_on(stdout, stderr) => match never {},
            () = tokio::time::sleep_until(ends) => {
                self.program.end().await;
                Status::TimedOut
            }
            () = cancel.cancelled() => {
                self.program.end().await;
                return Err(Error::Cancelled);
            }
        };
        self.status = Some(ended);
        Ok(ended)
    }

    /// Waits for something, but no longer than until the job is told to stop or the program's own time is over.
    async fn unless_over<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Error> {
        let (cancel, ends) = (self.cancel.clone(), self.ends);
        tokio::select! {
            done = something => Ok(done),
            () = tokio::time::sleep_until(ends) => {
                self.program.end().await;
                self.status = Some(Status::TimedOut);
                Err(Error::Other("the timeout of the program has passed, and it was killed".into()))
            }
            () = cancel.cancelled() => {
                self.program.end().await;
                Err(Error::Cancelled)
            }
        }
    }
}

/// The next bytes of a stream, or `None` at its end.
async fn read(
    stream: &mut Option<impl AsyncRead + Unpin>,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> Option<Vec<u8>> {
    buffer.resize(limit, 0);
    match stream.as_mut()?.read(buffer).await {
        Ok(length) if length > 0 => {
            buffer.truncate(length);
            Some(std::mem::take(buffer))
        }
        _ => None,
    }
}

/// Reads what nobody will ask for any more, so that a program that writes much can come to its end.
async fn read_on(stdout: Option<ChildStdout>, stderr: Option<ChildStderr>) -> Infallible {
    tokio::join!(drain(stdout), drain(stderr));
    std::future::pending().await
}

/// Reads a stream to its end and drops what it reads.
async fn drain(stream: Option<impl AsyncRead + Unpin>) {
    if let Some(mut stream) = stream {
        // A stream that breaks is at its end, too.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
}

impl HostChild for Guest {
    async fn id(&mut self, child: Resource<Child>) -> wasmtime::Result<u32> {
        Ok(self.table.get(&child)?.program.id())
    }

    async fn write(&mut self, child: Resource<Child>, data: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        let _held = match hold(self, data.len()) {
            Ok(held) => held,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.table.get_mut(&child)?.write(&data).await)
    }

    async fn close_stdin(&mut self, child: Resource<Child>) -> wasmtime::Result<Result<(), Error>> {
        self.table.get_mut(&child)?.stdin = None;
        Ok(Ok(()))
    }

    async fn read(
        &mut self,
        child: Resource<Child>,
        limit: u32,
    ) -> wasmtime::Result<Result<Option<Piece>, Error>> {
        Ok(self.table.get_mut(&child)?.read(limit).await)
    }

    async fn send(&mut self, child: Resource<Child>, signal: Signal) -> wasmtime::Result<Result<(), Error>> {
        let signal = match signal {
            Signal::Terminate => UnixSignal::SIGTERM,
            Signal::Interrupt => UnixSignal::SIGINT,
            Signal::HangUp => UnixSignal::SIGHUP,
            Signal::Kill => UnixSignal::SIGKILL,
        };
        self.table.get(&child)?.program.signal(signal);
        Ok(Ok(()))
    }

    async fn wait(&mut self, child: Resource<Child>) -> wasmtime::Result<Result<Status, Error>> {
        Ok(self.table.get_mut(&child)?.wait().await)
    }

    async fn drop(&mut self, child: Resource<Child>) -> wasmtime::Result<()> {
        self.table.delete(child)?;
        Ok(())
    }
}
