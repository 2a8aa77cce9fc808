//! How many streams the other end may have open: few at first, and more as it has use for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quinn::Connection;

/// The streams that the other end of a connection may have open at once. The transport keeps a place for each, so that an
/// idle connection which allows thousands would cost hundreds of kilobytes.
#[derive(Debug)]
pub struct StreamPlaces {
    connection: Connection,
    open: Arc<AtomicU32>,
    allowed: u32,
    most: u32,
}

/// A stream that is open, until this is dropped.
#[derive(Debug)]
pub struct OpenStream(Arc<AtomicU32>);

impl StreamPlaces {
    /// Those of a connection that began with `allowed`, and may have `most`.
    pub fn new(connection: Connection, allowed: u32, most: u32) -> Self {
        Self { connection, open: Arc::default(), allowed, most }
    }

    /// Takes note of a stream that the other end has opened, and lets it open more before it has to wait for that.
    pub fn opened(&mut self) -> OpenStream {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        if open > self.allowed / 2 && self.allowed < self.most {
            self.allowed = self.allowed.saturating_mul(2).min(self.most);
            self.connection.set_max_concurrent_bi_streams(self.allowed.into());
        }
        OpenStream(self.open.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
