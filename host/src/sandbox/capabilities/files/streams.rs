//! Streams of open files, each with its hold on the file's descriptor: the file stays open for as long as any of
//! its streams exists, also when the guest has let go of the file itself.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use crate::sandbox::limits::budget::Hold;

/// The most bytes of one write: what is written is kept until the disk has it.
const MAX_WRITE: usize = 64 << 10;

/// A stream with the hold on what it reads or writes.
struct Holding<S> {
    stream: S,
    _descriptor: Option<Arc<Hold>>,
}

/// A stream that reads, with the hold on its file.
pub(super) fn reading(stream: DynInputStream, descriptor: Option<Arc<Hold>>) -> DynInputStream {
    Box::new(Holding { stream, _descriptor: descriptor })
}

/// A stream that writes, with the hold on its file.
pub(super) fn writing(stream: DynOutputStream, descriptor: Option<Arc<Hold>>) -> DynOutputStream {
    Box::new(Holding { stream, _descriptor: descriptor })
}

#[async_trait]
impl Pollable for Holding<DynInputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[async_trait]
impl InputStream for Holding<DynInputStream> {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.stream.blocking_read(size).await
    }

    fn skip(&mut self, count: usize) -> StreamResult<usize> {
        self.stream.skip(count)
    }

    async fn blocking_skip(&mut self, count: usize) -> StreamResult<usize> {
        self.stream.blocking_skip(count).await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait]
impl Pollable for Holding<DynOutputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[async_trait]
impl OutputStream for Holding<DynOutputStream> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_WRITE {
            return Err(StreamError::trap("wrote more to a file at once than `check-write` allowed"));
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.stream.check_write()?.min(MAX_WRITE))
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.stream.blocking_write_and_flush(bytes).await
    }

    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        if count > MAX_WRITE {
            return Err(StreamError::trap("wrote more to a file at once than `check-write` allowed"));
        }
        self.stream.write_zeroes(count)
    }

    async fn write_ready(&mut self) -> StreamResult<usize> {
        Ok(self.stream.write_ready().await?.min(MAX_WRITE))
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}
