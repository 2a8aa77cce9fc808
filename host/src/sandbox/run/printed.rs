//! The standard output of a command: all of it is kept, since it is the result. That of other guests is `stdio`'s.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::outcome::Stop;
use machine::lock;

/// How many bytes a guest may write at once.
const PIECE: usize = 64 << 10;

/// What a command has written, up to the limit of a result. Clones are the same stream.
#[derive(Clone)]
pub(in crate::sandbox) struct Printed(Arc<Mutex<Kept>>);

struct Kept {
    bytes: Vec<u8>,
    limit: u64,
    /// What the host holds for the job here.
    hold: Hold,
    /// Why the stream takes no more.
    refused: Option<Stop>,
}

impl Printed {
    /// A stream that takes at most `limit` bytes, each of which is taken from what the host may hold for the job.
    pub(in crate::sandbox) fn new(limit: u64, hold: Hold) -> Self {
        Self(Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit, hold, refused: None })))
    }

    /// Takes out what was written.
    pub(in crate::sandbox) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.kept().bytes)
    }

    /// Why something was not taken; `None` where everything was.
    pub(in crate::sandbox) fn refused(&self) -> Option<Stop> {
        self.kept().refused
    }

    fn take_in(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut kept = self.kept();
        let taken = kept.write(bytes);
        kept.refused = kept.refused.or(taken.err());
        taken
    }

    /// Locks what is kept.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock::hold(&self.0)
    }
}

impl Kept {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if (self.bytes.len() + bytes.len()) as u64 > self.limit {
            return Err(Stop::OverOutput);
        }
        self.hold.add(bytes.len() as u64).map_err(Stop::OverHeld)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Printed {
    /// Ends the guest where there is no room, since a result of which something is left out is another one.
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take_in(&bytes).map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

#[async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Printed {
    /// Fails where there is no room. What the guest makes of that does not matter, since the refusal is kept.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.take_in(bytes).map(|()| bytes.len()).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
