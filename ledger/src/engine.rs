//! The parts that both ledgers are made of: a store, its writer, and views of the store.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::group_commit::{Line, Tasks, Writer};
use crate::key::Span;
use crate::keyspace::{Keyspace, Side};
use crate::read::{Read, Spoiled};
use crate::reopenable::{Commits, Reopenable, StoreGuard};
use crate::request::Request;
use crate::storage::{Bytes, Disk, Room, Scan, Snapshot};
use crate::tenant::Tenant;
use crate::write::{Durability, Purpose};
use machine::lock;

/// From so many bytes on, it takes too long for a thread that runs tasks to encode a record and write it.
const LARGE: usize = 256 << 10;

/// An open ledger, as one of its tenants sees it. When the last tenant drops it, the writes that were asked for are
/// committed and the folder is closed.
pub(crate) struct Engine {
    opened: Arc<Opened>,
    tenant: Tenant,
}

/// What the tenants of a ledger share.
struct Opened {
    reopenable: Arc<Reopenable>,
    writer: Arc<Writer>,
    /// Which tasks write what need not be synced themselves.
    tasks: Tasks,
    line: Mutex<Option<Line>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Opens the folder of `side`, or makes it, and starts its writer.
    ///
    /// # Errors
    /// [`LedgerError`], where the folder is in use, of another side or a newer format, or cannot be read.
    pub(crate) fn open(path: &Path, side: Side) -> Result<Self, LedgerError> {
        let reopenable = Arc::new(Reopenable::open(path, side)?);
        let writer = Writer::new(Arc::clone(&reopenable));
        let (line, waiting) = mpsc::channel();
        let commits = Arc::clone(&writer);
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(move || commits.run(&waiting));
        let thread =
            thread.map_err(|error| LedgerError::Io { path: path.to_owned(), cause: error.to_string() })?;
        let (line, thread) = (Mutex::new(Some(line)), Mutex::new(Some(thread)));
        let tasks = match side {
            Side::Minion => Tasks::All,
            Side::Overlord | Side::Swarm => Tasks::WhereItRests,
        };
        let opened = Opened { reopenable, writer, tasks, line, thread };
        Ok(Self { opened: Arc::new(opened), tenant: Tenant::sole() })
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
    ///
    /// It is to be small: where it need not be synced, the task that asks for it may do it itself.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.write_sized(0, purpose, durability, write).await
    }

    /// Like [`write`](Self::write), of records that take about so many bytes, which may be many.
    pub(crate) async fn write_sized<T: Send + 'static>(
        &self,
        size: usize,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (request, mut answer) = Request::new(self.tenant.clone(), purpose, durability, write);
        let left = match durability {
            Durability::Written if size < LARGE => self.opened.write_here(request),
            Durability::Written | Durability::Synced => Err(request),
        };
        let closed = || self.opened.reopenable.closed();
        let Err(request) = left else {
            return answer.try_recv().unwrap_or_else(|_| Err(closed()));
        };
        self.opened.queue(request).await?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Does `write` within a moment, together with others, and tells what became of it. It waits for nothing unless there are
    /// too many of these. For what may be lost where the daemon dies.
    pub(crate) async fn write_soon<T: Send + 'static>(
        &self,
        purpose: Purpose,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
        tell: impl FnOnce(Result<T, LedgerError>) + Send + 'static,
    ) {
        let request = Request::telling(self.tenant.clone(), purpose, Durability::Written, write, tell);
        let Some(line) = self.opened.line() else { return request.refuse(self.opened.reopenable.closed()) };
        if let Err(request) = self.opened.writer.keep_back(request, &line) {
            self.opened.writer.queue(request, &line).await;
        }
    }

    /// Waits until all is written that was asked for before, with [`write_soon`](Self::write_soon) too.
    pub(crate) async fn flush(&self) -> Result<(), LedgerError> {
        let (request, answer) =
            Request::new(self.tenant.clone(), Purpose::Free, Durability::Written, |_| Ok(()));
        self.opened.queue(request).await?;
        answer.await.unwrap_or_else(|_| Err(self.opened.reopenable.closed()))
    }

    /// Commits the writes that were asked for and closes the folder, although handles may live on. One tenant of many
    /// closes nothing: its writes are on disk when this returns.
    pub(crate) async fn close(&self) {
        if self.tenant != Tenant::sole() {
            let synced = self.write(Purpose::Proceed, Durability::Synced, |_| Ok(())).await;
            // Whoever closes the ledger as a whole hears of what is wrong with it.
            return drop(synced);
        }
        if let Some(thread) = self.opened.stop() {
            // Joining takes as long as the last batch, which is too long for a thread that runs tasks.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
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

    /// How many writes wait for the writer's thread.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.opened.writer.waiting()
    }

    /// What was written since the ledger was opened.
    pub(crate) fn commits(&self) -> Commits {
        self.opened.reopenable.commits()
    }
}

impl Opened {
    fn line(&self) -> Option<Line> {
        lock::hold(&self.line).clone()
    }

    /// Commits a write in the thread of the caller, or gives it back: see [`Writer::write_here`].
    fn write_here(&self, request: Request) -> Result<(), Request> {
        if lock::hold(&self.line).is_none() {
            return Err(request);
        }
        self.writer.write_here(request, self.tasks)
    }

    /// Lets a write wait for the writer's thread.
    async fn queue(&self, request: Request) -> Result<(), LedgerError> {
        let line = self.line().ok_or_else(|| self.reopenable.closed())?;
        self.writer.queue(request, &line).await;
        Ok(())
    }

    /// Lets the writer come to its end, and returns its thread for the caller to wait for.
    fn stop(&self) -> Option<JoinHandle<()>> {
        lock::hold(&self.line).take();
        lock::hold(&self.thread).take()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(thread) = self.stop() {
            let _ = thread.join();
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
        // Where the line is full or closed, the next reader of the record sets it aside.
        if let Some(line) = self.engine.opened.line() {
            self.engine.opened.writer.try_queue(request, &line);
        }
    }
}
