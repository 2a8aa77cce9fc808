//! Group commit: one thread that writes, many tasks that wait on one fsync.
//!
//! A write is a function over a [`Draft`]. The writer takes whatever is waiting, runs the functions one
//! after the other, commits what they did as one batch, and only then answers them all. While one batch is
//! on its way to the disk, the next one gathers.

use std::sync::Arc;

use machine::failpoint::{Point, reach};
use tokio::sync::{mpsc, oneshot};

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::reopenable::Reopenable;
use crate::storage::{Changes, Room, RoomGauge, Store, Uncommitted};
use crate::tenant::Tenant;
use crate::write::{Durability, Purpose};

/// Where a batch ends although more writes are waiting.
const BATCH_WRITES: u64 = 256;
const BATCH_BYTES: usize = 8 << 20;

/// Runs a write over a draft, or refuses it. Returns what is to be called once the fate of the batch is known.
type Run = Box<dyn FnOnce(Result<&Draft<'_>, LedgerError>) -> Option<Answer> + Send>;

/// Answers a write with what became of its batch.
type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

/// One write on its way to the writer.
pub(crate) struct Request {
    purpose: Purpose,
    durability: Durability,
    run: Run,
}

impl Request {
    /// A request of `tenant` to do `write`, and the place that its answer will come to. An answer that nobody waits for any
    /// longer is dropped; the write stands all the same.
    pub(crate) fn new<T: Send + 'static>(
        tenant: Tenant,
        purpose: Purpose,
        durability: Durability,
        write: impl FnOnce(&Draft<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, LedgerError>>) {
        let (sender, receiver) = oneshot::channel();
        let run: Run = Box::new(move |draft| match draft.and_then(|draft| draft.apply_as(&tenant, write)) {
            Ok(value) => Some(Box::new(move |fate: Result<(), LedgerError>| {
                let _ = sender.send(fate.map(|()| value));
            })),
            Err(error) => {
                let _ = sender.send(Err(error));
                None
            }
        });
        (Self { purpose, durability, run }, receiver)
    }

    fn refuse(self, error: LedgerError) {
        (self.run)(Err(error));
    }
}

/// The thread that writes.
pub(crate) struct Writer {
    reopenable: Arc<Reopenable>,
    queue: mpsc::Receiver<Request>,
    gauge: RoomGauge,
    failed: Option<FailedBatch>,
}

/// A batch that was answered with an error but may be on disk, with the changes that undo it.
struct FailedBatch {
    number: u64,
    undo: Changes,
}

impl Writer {
    /// A writer to `reopenable` for what comes out of `queue`.
    pub(crate) fn new(reopenable: Arc<Reopenable>, queue: mpsc::Receiver<Request>) -> Self {
        Self { reopenable, queue, gauge: RoomGauge::default(), failed: None }
    }

    /// Writes until nobody can ask for anything any more, then closes the store.
    pub(crate) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            self.batch(first);
        }
        self.reopenable.close();
    }

    /// Gathers one batch, commits it, and answers the writes in it.
    fn batch(&mut self, first: Request) {
        let room = self.gauge.look(self.reopenable.path());
        if let Err(error) = self.ready(room) {
            return self.refuse_waiting(first, &error);
        }
        let reopenable = Arc::clone(&self.reopenable);
        let Ok(store) = reopenable.store() else { return };
        let draft = Draft::new(&store);
        let (mut durability, mut answers, mut writes) = (Durability::Written, Vec::new(), 0_u64);
        let mut begins = false;
        let mut next = Some(first);
        while let Some(request) = next {
            if room.suffices(request.purpose) {
                durability = durability.max(request.durability);
                begins |= request.purpose == Purpose::Begin;
                answers.extend((request.run)(Ok(&draft)));
            } else {
                request.refuse(self.reopenable.full());
            }
            writes += 1;
            let more = writes < BATCH_WRITES && draft.weight() < BATCH_BYTES;
            next = if more { self.queue.try_recv().ok() } else { None };
        }
        let changes = draft.into_changes();
        drop(store);
        let takes_on = begins && durability == Durability::Synced;
        if takes_on {
            reach(Point::SyncBefore);
        }
        let fate = self.commit(&changes, durability);
        if takes_on {
            reach(Point::SyncAfter);
        }
        self.reopenable.count(writes);
        answers.into_iter().for_each(|answer| answer(fate.clone()));
    }

    fn refuse_waiting(&mut self, first: Request, error: &LedgerError) {
        first.refuse(error.clone());
        while let Ok(request) = self.queue.try_recv() {
            request.refuse(error.clone());
        }
    }

    /// Makes sure that the store takes writes, where there is room for them.
    fn ready(&mut self, room: Room) -> Result<(), LedgerError> {
        if self.failed.is_none() && self.reopenable.is_open() {
            return Ok(());
        }
        if !room.suffices(Purpose::Proceed) {
            return Err(self.reopenable.full());
        }
        self.reopen()
    }

    fn commit(&mut self, changes: &Changes, durability: Durability) -> Result<(), LedgerError> {
        let attempt = |reopenable: &Reopenable| -> Result<Result<(), Uncommitted>, LedgerError> {
            Ok(reopenable.store()?.commit(changes, durability))
        };
        let mut outcome = attempt(&self.reopenable)?;
        // A background task of the database failed earlier; what it was to do is done again after opening.
        if outcome.as_ref().is_err_and(|refused| refused.untouched) {
            self.reopen()?;
            outcome = attempt(&self.reopenable)?;
        }
        outcome.map_err(|refused| {
            tracing::warn!(error = %refused.error, "a batch was not written");
            self.failed = self.reopenable.store().ok().map(|store| FailedBatch::new(&store, changes));
            refused.error
        })
    }

    /// Opens the store again, which after a failed write is the only way to write, and undoes what the failed
    /// batch left.
    fn reopen(&mut self) -> Result<(), LedgerError> {
        let failed = &self.failed;
        self.reopenable.reopen(|store| match failed {
            Some(failed) if store.batch()? == failed.number => {
                store.commit(&failed.undo, Durability::Synced).map_err(|refused| refused.error)
            }
            _ => Ok(()),
        })?;
        self.failed = None;
        tracing::info!(ledger = %self.reopenable.path().display(), "opened the ledger again after a failed write");
        Ok(())
    }
}

impl FailedBatch {
    /// The batch of `changes` that the store did not take, as it was numbered.
    fn new(store: &Store, changes: &Changes) -> Self {
        let before = |(space, key): &(_, Vec<u8>)| store.get(*space, key).ok().flatten();
        let undo = changes.keys().map(|place| (place.clone(), before(place))).collect();
        Self { number: store.batch().unwrap_or_default().wrapping_add(1), undo }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use tokio::task::{JoinSet, yield_now};

    use super::*;
    use crate::engine::Engine;
    use crate::keyspace::{Keyspace, Side};
    use crate::read::Read;
    use crate::reopenable::Commits;

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn two_hundred_tasks_share_one_batch_and_its_fsync() {
        let folder = crate::scratch::folder();
        let engine = Arc::new(Engine::open(folder.path(), Side::Minion).unwrap());
        let (release, released) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        // The first write keeps the writer busy until all others wait.
        let held = Arc::clone(&engine);
        tasks.spawn(async move {
            let hold = move |_: &Draft<'_>| {
                released.recv().unwrap();
                Ok(())
            };
            held.write(Purpose::Begin, Durability::Written, hold).await.unwrap();
        });
        for number in 0..200_u8 {
            let (engine, waiting) = (Arc::clone(&engine), Arc::clone(&waiting));
            tasks.spawn(async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                let write = move |draft: &Draft<'_>| {
                    draft.mark(Keyspace::Kv, vec![number]);
                    Ok(())
                };
                engine.write(Purpose::Begin, Durability::Synced, write).await.unwrap();
            });
        }
        while waiting.load(Ordering::Relaxed) < 200 {
            yield_now().await;
        }
        release.send(()).unwrap();
        tasks.join_all().await;
        assert_eq!(engine.commits(), Commits { writes: 201, batches: 1 });
        let read = engine.read().unwrap();
        assert!((0..200).all(|number| read.has(Keyspace::Kv, &[number]).unwrap()));
    }

    /// Lets the writer find writes of values of these sizes, all at once, and gives their answers.
    #[allow(clippy::unwrap_used)]
    fn written_at_once(reopenable: &Arc<Reopenable>, sizes: &[usize]) -> Vec<Result<(), LedgerError>> {
        let (sender, queue) = tokio::sync::mpsc::channel(sizes.len());
        let request = |(number, size): (usize, &usize)| {
            let (key, value) = (number.to_be_bytes().to_vec(), vec![0; *size]);
            let write = move |draft: &Draft<'_>| {
                draft.put(Keyspace::Kv, key, value.into());
                Ok(())
            };
            let (request, answer) = Request::new(Tenant::sole(), Purpose::Begin, Durability::Written, write);
            assert!(sender.try_send(request).is_ok());
            answer
        };
        let answers: Vec<_> = sizes.iter().enumerate().map(request).collect();
        drop(sender);
        Writer::new(Arc::clone(reopenable), queue).run();
        answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect()
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_batch_ends_with_its_256th_write_or_with_that_which_makes_it_eight_mebibytes() {
        let key = size_of::<usize>();
        for (sizes, batches) in [
            (vec![0; 256], 1),
            (vec![0; 257], 2),
            (vec![8_388_608 - key - 1, 0], 1),
            (vec![8_388_608 - key, 0], 2),
        ] {
            let folder = crate::scratch::folder();
            let reopenable = Arc::new(Reopenable::open(folder.path(), Side::Minion).unwrap());
            let answers = written_at_once(&reopenable, &sizes);
            assert!(answers.iter().all(Result::is_ok));
            assert_eq!(reopenable.commits(), Commits { writes: sizes.len() as u64, batches });
            assert!(!reopenable.is_open(), "the writer closes what nobody can write to any more");
        }
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn writes_to_a_folder_that_does_not_open_again_are_all_told_why() {
        let folder = crate::scratch::folder();
        let path = folder.path().join("ledger");
        let reopenable = Arc::new(Reopenable::open(&path, Side::Minion).unwrap());
        assert!(reopenable.is_open());
        reopenable.close();
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        for answer in written_at_once(&reopenable, &[1, 1, 1]) {
            assert!(matches!(answer, Err(LedgerError::Io { .. })), "{answer:?}");
        }
        assert_eq!(reopenable.commits(), Commits::default());
    }

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn a_write_that_fails_leaves_nothing_in_the_batch_of_others() {
        let folder = crate::scratch::folder();
        let engine = Engine::open(folder.path(), Side::Minion).unwrap();
        let error = LedgerError::DiskFull { path: folder.path().to_owned() };
        let refused = error.clone();
        let fails = move |draft: &Draft<'_>| -> Result<(), LedgerError> {
            draft.mark(Keyspace::Kv, vec![1]);
            Err(refused)
        };
        let writes = engine.write(Purpose::Begin, Durability::Written, |draft| {
            draft.mark(Keyspace::Kv, vec![2]);
            draft.has(Keyspace::Kv, &[1])
        });
        let (failed, seen) = tokio::join!(engine.write(Purpose::Begin, Durability::Written, fails), writes);
        assert_eq!((failed, seen), (Err(error), Ok(false)));
        assert!(!engine.read().unwrap().has(Keyspace::Kv, &[1]).unwrap());
    }
}
