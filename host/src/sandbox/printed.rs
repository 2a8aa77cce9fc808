//! The standard output of a command: all of it, since it is the result.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::budget::Hold;
use super::outcome::Stop;

/// How much a guest may write at once.
const PIECE: usize = 64 << 10;

/// What a command has written, up to the limit of a result. Clones are the same stream.
#[derive(Clone)]
pub(super) struct Printed(Arc<Mutex<Kept>>);

struct Kept {
    bytes: Vec<u8>,
    limit: u64,
    /// What the minion holds for the job.
    hold: Hold,
    /// Why it takes no more.
    refused: Option<Stop>,
}

impl Printed {
    /// One for so many bytes, each of which is taken from what the minion holds for the job.
    pub(super) fn new(limit: u64, hold: Hold) -> Self {
        Self(Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit, hold, refused: None })))
    }

    /// What was written, of which nothing is left here.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.kept().bytes)
    }

    /// Why something was not taken, if that was so.
    pub(super) fn refused(&self) -> Option<Stop> {
        self.kept().refused
    }

    fn take_in(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut kept = self.kept();
        let taken = kept.write(bytes);
        kept.refused = kept.refused.or(taken.err());
        taken
    }

    /// What is kept, whatever a thread did that held it before.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
    /// Ends the guest where there is no room: what is left out of a result makes it another one.
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
    /// Fails where there is no room; what the guest makes of that counts for nothing, since the refusal is kept.
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
