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
use crate::tenant::Tenant;
use crate::write::{Durability, Purpose};
use machine::lock;

/// How many writes may wait for the writer before their callers have to wait too.
const QUEUE: usize = 256;

/// An open ledger, as one of its tenants sees it. When the last tenant drops it, the writes that were asked for are
/// committed and the folder is closed.
pub(crate) struct Engine {
    opened: Arc<Opened>,
    tenant: Tenant,
}

/// What the tenants of a ledger share.
struct Opened {
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
        let (queue, writer) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { opened: Arc::new(Opened { reopenable, queue, writer }), tenant: Tenant::sole() })
    }

    /// The same ledger, as this tenant sees it.
    pub(crate) fn of(&self, tenant: Tenant) -> Self {
        Self { opened: self.opened.clone(), tenant }
    }

    /// A view of the ledger as it is now. Not to be held while a write is awaited, since the writer may have to
    /// reopen the store.
    pub(crate) fn read(&self) -> Result<Reader<'_>, LedgerError> {
        let store = self.opened.reopenable.store()?;
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
        let (request, answer) = Request::new(self.tenant.clone(), purpose, durability, write);
        let closed = || self.opened.reopenable.closed();
        let queue = self.opened.queue().ok_or_else(closed)?;
        queue.send(request).await.map_err(|_| closed())?;
        drop(queue);
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Commits the writes that were asked for and closes the folder, although handles may live on. One tenant of many
    /// closes nothing: its writes are on disk when this returns.
    pub(crate) async fn close(&self) {
        if self.tenant != Tenant::sole() {
            let synced = self.write(Purpose::Proceed, Durability::Synced, |_| Ok(())).await;
            // Whoever closes the ledger as a whole hears of what is wrong with it.
            return drop(synced);
        }
        if let Some(writer) = self.opened.stop() {
            // Joining takes as long as the last batch, which is too long for a thread that runs tasks.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.opened.reopenable.path()
    }

    /// How many bytes the folder takes on disk.
    pub(crate) fn size(&self) -> Result<u64, LedgerError> {
        self.opened.reopenable.store()?.size()
    }

    /// How full the disk of the folder is.
    pub(crate) fn disk(&self) -> Disk {
        Room::on_disk_of(self.path()).disk()
    }

    /// What was written since the ledger was opened.
    pub(crate) fn commits(&self) -> Commits {
        self.opened.reopenable.commits()
    }
}

impl Opened {
    fn queue(&self) -> Option<mpsc::Sender<Request>> {
        lock::hold(&self.queue).clone()
    }

    /// Lets the writer come to its end, and returns it for the caller to wait for.
    fn stop(&self) -> Option<JoinHandle<()>> {
        lock::hold(&self.queue).take();
        lock::hold(&self.writer).take()
    }
}

impl Drop for Opened {
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
        self.store.get_in(&self.snapshot, space, &self.engine.tenant.key(key))
    }

    fn scan(&self, space: Keyspace, span: Span) -> Scan<'_> {
        let tenant = &self.engine.tenant;
        tenant.own(self.store.scan_in(&self.snapshot, space, tenant.span(span)))
    }

    fn set_aside(&self, spoiled: Spoiled) {
        spoiled.warn(self.store.path());
        let tenant = self.engine.tenant.clone();
        let (request, _) = Request::new(tenant, Purpose::Proceed, Durability::Written, move |draft| {
            draft.put_away(&spoiled)
        });
        // Where the queue is full or closed, the next reader of the record sets it aside.
        if let Some(queue) = self.engine.opened.queue() {
            let _ = queue.try_send(request);
        }
    }
}
