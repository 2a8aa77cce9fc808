//! The parts that both ledgers are made of: a store, its writer, and views of the store.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::group_commit::{Request, Writer};
use crate::key::Span;
use crate::keyspace::{Keyspace, Side};
use crate::read::{Read, Spoiled};
use crate::reopenable::{Commits, Reopenable, StoreGuard};
use crate::storage::{Bytes, Disk, Room, Scan, Snapshot};
use crate::write::{Durability, Purpose};
use machine::lock;

/// How many writes may wait for the writer before their callers have to wait too.
const QUEUE: usize = 256;

/// An open ledger. Dropping it commits the writes that were asked for and closes the folder.
pub(crate) struct Engine {
    reopenable: Arc<Reopenable>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Opens the folder of `side`, or makes it, and starts its writer.
    ///
    /// # Errors
    /// [`LedgerError`], where the folder is in use, of another side or a newer format, or cannot be read.
    pub(crate) fn open(path: &Path, side: Side) -> Result<Self, LedgerError> {
        let reopenable = Arc::new(Reopenable::open(path, side)?);
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(Arc::clone(&reopenable), receiver);
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(|| writer.run());
        let thread =
            thread.map_err(|error| LedgerError::Io { path: path.to_owned(), cause: error.to_string() })?;
        Ok(Self { reopenable, queue: Mutex::new(Some(sender)), writer: Mutex::new(Some(thread)) })
    }

    /// A view of the ledger as it is now. Not to be held while a write is awaited, since the writer may have to
    /// reopen the store.
    pub(crate) fn read(&self) -> Result<Reader<'_>, LedgerError> {
        let store = self.reopenable.store()?;
        let snapshot = store.snapshot();
        Ok(Reader { engine: self, store, snapshot })
    }

    /// Does `write`, atomically and after everything that was asked for before it. Ready once it is as durable as
    /// asked. A write whose future is dropped may still happen.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (request, answer) = Request::new(purpose, durability, write);
        let queue = self.queue().ok_or_else(|| self.reopenable.closed())?;
        queue.send(request).await.map_err(|_| self.reopenable.closed())?;
        drop(queue);
        answer.await.unwrap_or_else(|_| Err(self.reopenable.closed()))
    }

    /// Commits the writes that were asked for and closes the folder, although handles may live on.
    pub(crate) async fn close(&self) {
        if let Some(writer) = self.stop() {
            // Joining takes as long as the last batch, which is too long for a thread that runs tasks.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.reopenable.path()
    }

    /// How many bytes the folder takes on disk.
    pub(crate) fn size(&self) -> Result<u64, LedgerError> {
        self.reopenable.store()?.size()
    }

    /// How full the disk of the folder is.
    pub(crate) fn disk(&self) -> Disk {
        Room::on_disk_of(self.reopenable.path()).disk()
    }

    /// What was written since the ledger was opened.
    pub(crate) fn commits(&self) -> Commits {
        self.reopenable.commits()
    }

    fn queue(&self) -> Option<mpsc::Sender<Request>> {
        lock::hold(&self.queue).clone()
    }

    /// Lets the writer come to its end, and returns it for the caller to wait for.
    fn stop(&self) -> Option<JoinHandle<()>> {
        lock::hold(&self.queue).take();
        lock::hold(&self.writer).take()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(writer) = self.stop() {
            let _ = writer.join();
        }
    }
}

/// A view of a ledger at one moment.
pub(crate) struct Reader<'a> {
    engine: &'a Engine,
    store: StoreGuard<'a>,
    snapshot: Snapshot,
}

impl Read for Reader<'_> {
    fn bytes(&self, space: Keyspace, key: &[u8]) -> Result<Option<Bytes>, LedgerError> {
        self.store.get_in(&self.snapshot, space, key)
    }

    fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
        self.store.scan_in(&self.snapshot, space, span)
    }

    fn set_aside(&self, spoiled: Spoiled) {
        spoiled.warn(self.store.path());
        let (request, _) =
            Request::new(Purpose::Proceed, Durability::Written, move |draft| draft.put_away(&spoiled));
        // Where the queue is full or closed, the next reader of the record sets it aside.
        if let Some(queue) = self.engine.queue() {
            let _ = queue.try_send(request);
        }
    }
}
