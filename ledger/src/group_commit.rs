//! Who commits a write: the task that asks for it, or one thread for many of them.
//!
//! A write is a function over a [`Draft`](crate::draft::Draft), and one batch of them is committed at a time. What need not
//! be on disk before it is answered mostly takes a few microseconds, so a task does it where it is, unless somebody else writes
//! at that moment: handing it to another thread and being woken by that would take several times as long. On an overlord, which has
//! to go on answering while its disk does not, such a task lets go of its runtime first; that costs something as well, and where
//! there is much to write, one batch of many writes costs least, so a task of an overlord only does it where nobody has written for
//! a moment. All other writes wait in a line before the thread. It takes whatever is waiting, runs the functions one after the
//! other, commits what they did as one batch, and only then answers them all. While one batch is on its way to the disk, the next
//! one gathers.
//!
//! What nobody waits for, and what may be lost, is kept back for a moment and goes with the next batch of the thread.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use machine::lock;
use machine::thread::heavy;
use tokio::sync::Semaphore;

use crate::reopenable::Reopenable;
use crate::request::Request;
use crate::turn::Turn;

/// How many writes may wait for the thread before those who ask for further ones have to wait too.
const PLACES: usize = 256;
/// How many writes are kept back at most.
const KEPT_BACK: usize = 256;
/// For how long they are.
const MOMENT: Duration = Duration::from_millis(20);
/// For how long nobody has written where a task of an overlord does: with so few writes, there is none to share a batch with.
const REST: Duration = Duration::from_micros(250);

/// Which tasks do their writes themselves that need not be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    /// Those of a minion: its guests' threads are all that a disk without an answer holds up.
    All,
    /// Those of an overlord or a swarm, where nobody has written for a moment: the other tasks of their thread go on elsewhere.
    WhereItRests,
}

/// Commits the writes to one store.
pub(crate) struct Writer {
    reopenable: Arc<Reopenable>,
    turn: Mutex<Turn>,
    /// The places in the line before the thread.
    places: Arc<Semaphore>,
    /// The writes that are kept back.
    kept_back: Mutex<Vec<Request>>,
}

/// What the thread is asked for.
pub(crate) enum Wish {
    /// To commit this write, and whatever waits behind it.
    Commit(Request),
    /// To commit what is kept back, in a moment.
    CommitSoon,
}

/// The line before the thread. The thread comes to its end when it is empty and nobody can come any more.
pub(crate) type Line = mpsc::Sender<Wish>;

impl Writer {
    /// A writer to `reopenable`, whose thread is not started yet.
    pub(crate) fn new(reopenable: Arc<Reopenable>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(PLACES));
        Arc::new(Self { reopenable, turn: Mutex::default(), places, kept_back: Mutex::default() })
    }

    /// How many writes wait for the thread, or are what it is at.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        PLACES - self.places.available_permits()
    }

    /// Commits a write where the caller is, if it is one of the `tasks` that do so. Gives it back where somebody else writes or
    /// waits: what waits was asked for before, and what is on its way to the disk takes too long for a thread that runs tasks.
    pub(crate) fn write_here(&self, request: Request, tasks: Tasks) -> Result<(), Request> {
        if self.places.available_permits() < PLACES {
            return Err(request);
        }
        let mut turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(request),
        };
        // To open the store again takes long, too.
        if !turn.is_ready(&self.reopenable) || (tasks == Tasks::WhereItRests && !turn.rests(REST)) {
            return Err(request);
        }
        let mut only = Some(request);
        let mut batch = || turn.batch(&self.reopenable, || only.take());
        let decided = match tasks {
            Tasks::All => batch(),
            Tasks::WhereItRests => heavy(batch),
        };
        drop(turn);
        decided.tell();
        Ok(())
    }

    /// Lets a write wait for the thread, once there is a place in the line. Where the thread has ended, the write is never
    /// answered.
    pub(crate) async fn queue(&self, mut request: Request, line: &Line) {
        // Never closed.
        request.place = self.places.clone().acquire_owned().await.ok();
        let _ = line.send(Wish::Commit(request));
    }

    /// Lets a write wait for the thread that nobody waits for, where there is a place in the line now.
    pub(crate) fn try_queue(&self, mut request: Request, line: &Line) {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            request.place = Some(place);
            let _ = line.send(Wish::Commit(request));
        }
    }

    /// Keeps a write back that nobody waits for. Gives it back where too many are.
    pub(crate) fn keep_back(&self, request: Request, line: &Line) -> Result<(), Request> {
        let mut kept_back = lock::hold(&self.kept_back);
        if kept_back.len() >= KEPT_BACK {
            return Err(request);
        }
        kept_back.push(request);
        let is_first = kept_back.len() == 1;
        drop(kept_back);
        if is_first {
            let _ = line.send(Wish::CommitSoon);
        }
        Ok(())
    }

    /// What the thread does: commits what waits until nobody can ask for anything any more, then closes the store.
    pub(crate) fn run(&self, waiting: &mpsc::Receiver<Wish>) {
        let mut due: Option<Instant> = None;
        loop {
            let wish = match due {
                Some(due) => waiting.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let first = match wish {
                Ok(Wish::CommitSoon) => {
                    due = due.or(Some(Instant::now() + MOMENT));
                    continue;
                }
                Ok(Wish::Commit(first)) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.commit(first, waiting);
            let is_left = !lock::hold(&self.kept_back).is_empty();
            due = is_left.then(|| Instant::now() + MOMENT);
        }
        self.commit(None, waiting);
        self.reopenable.close();
    }

    /// Commits what is kept back, this write, and whatever waits behind it by then.
    fn commit(&self, first: Option<Request>, waiting: &mpsc::Receiver<Wish>) {
        let kept_back = std::mem::take(&mut *lock::hold(&self.kept_back));
        let mut known = kept_back.into_iter().chain(first).peekable();
        while known.peek().is_some() {
            let mut turn = lock::hold(&self.turn);
            let decided = turn.batch(&self.reopenable, || known.next().or_else(|| next_of(waiting)));
            drop(turn);
            decided.tell();
        }
    }
}

/// The next write that waits, if there is one.
fn next_of(waiting: &mpsc::Receiver<Wish>) -> Option<Request> {
    loop {
        match waiting.try_recv() {
            Ok(Wish::Commit(request)) => return Some(request),
            // What is kept back was taken, and what came after that is looked for once the batch is committed.
            Ok(Wish::CommitSoon) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use tokio::task::{JoinSet, yield_now};

    use super::*;
    use crate::draft::Draft;
    use crate::engine::Engine;
    use crate::error::LedgerError;
    use crate::keyspace::{Keyspace, Side};
    use crate::read::Read;
    use crate::reopenable::Commits;
    use crate::tenant::Tenant;
    use crate::write::{Durability, Purpose};

    /// Keeps the thread of the writer busy until the sender is used or dropped.
    #[allow(clippy::unwrap_used)]
    async fn held(engine: &Arc<Engine>, tasks: &mut JoinSet<()>) -> mpsc::Sender<()> {
        let ((release, released), (begins, begun)) = (mpsc::channel(), tokio::sync::oneshot::channel());
        let engine = Arc::clone(engine);
        tasks.spawn(async move {
            let hold = move |_: &Draft<'_>| {
                begins.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            };
            engine.write(Purpose::Begin, Durability::Synced, hold).await.unwrap();
        });
        begun.await.unwrap();
        release
    }

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn two_hundred_tasks_share_one_batch_and_its_fsync() {
        let folder = crate::scratch::folder();
        let engine = Arc::new(Engine::open(folder.path(), Side::Minion).unwrap());
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let release = held(&engine, &mut tasks).await;
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

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn a_task_commits_what_need_not_be_synced_and_the_thread_does_where_it_is_at_work() {
        let folder = crate::scratch::folder();
        let engine = Arc::new(Engine::open(folder.path(), Side::Minion).unwrap());
        let whose = |durability| {
            let engine = Arc::clone(&engine);
            let write = |_: &Draft<'_>| Ok(thread::current().id());
            async move { engine.write(Purpose::Begin, durability, write).await.unwrap() }
        };
        let here = thread::current().id();
        assert_eq!(whose(Durability::Written).await, here);
        let its = whose(Durability::Synced).await;
        assert!(its != here);
        assert_eq!(whose(Durability::Written).await, here);

        let mut tasks = JoinSet::new();
        let release = held(&engine, &mut tasks).await;
        let late = tokio::spawn(whose(Durability::Written));
        while engine.waiting() < 2 {
            yield_now().await;
        }
        release.send(()).unwrap();
        assert_eq!(late.await.unwrap(), its);
        tasks.join_all().await;
        assert_eq!(whose(Durability::Written).await, here);
        engine.close().await;
        let write = |_: &Draft<'_>| Ok(());
        let closed = Err(LedgerError::Closed { path: folder.path().to_owned() });
        assert_eq!(engine.write(Purpose::Begin, Durability::Written, write).await, closed);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    #[allow(clippy::unwrap_used)]
    async fn a_task_of_an_overlord_that_waits_for_the_disk_holds_up_no_other() {
        let folder = crate::scratch::folder();
        let engine = Arc::new(Engine::open(folder.path(), Side::Overlord).unwrap());
        for durability in [Durability::Written, Durability::Synced] {
            let ((begins, begun), (release, released)) = (tokio::sync::oneshot::channel(), mpsc::channel());
            let engine = Arc::clone(&engine);
            let writing = tokio::spawn(async move {
                let write = move |_: &Draft<'_>| {
                    begins.send(()).unwrap();
                    released.recv_timeout(Duration::from_secs(60)).unwrap();
                    Ok(())
                };
                engine.write(Purpose::Begin, durability, write).await
            });
            // Both are tasks of the one thread that the runtime has.
            tokio::spawn(async move {
                begun.await.unwrap();
                release.send(()).unwrap();
            });
            assert_eq!(writing.await.unwrap(), Ok(()));
        }
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_task_of_an_overlord_writes_where_nobody_has_written_for_a_moment() {
        let folder = crate::scratch::folder();
        let writer = Writer::new(Arc::new(Reopenable::open(folder.path(), Side::Overlord).unwrap()));
        let write = |tasks| {
            let write = |_: &Draft<'_>| Ok(());
            let (request, answer) = Request::new(Tenant::sole(), Purpose::Begin, Durability::Written, write);
            writer.write_here(request, tasks).is_ok().then(|| answer.blocking_recv().unwrap())
        };
        assert_eq!(write(Tasks::WhereItRests), Some(Ok(())));
        let mut turn = lock::hold(&writer.turn);
        assert!(turn.rests(Duration::ZERO) && !turn.rests(Duration::from_secs(60)));
        // As if it were now, however slow this host is.
        turn.wrote_at(Instant::now() + Duration::from_secs(60));
        drop(turn);
        assert_eq!(write(Tasks::WhereItRests), None);
        assert_eq!(write(Tasks::All), Some(Ok(())));
    }

    /// Lets the writer find writes of values of these sizes, all at once, and gives their answers.
    #[allow(clippy::unwrap_used)]
    fn written_at_once(reopenable: &Arc<Reopenable>, sizes: &[usize]) -> Vec<Result<(), LedgerError>> {
        let (line, waiting) = mpsc::channel();
        let request = |(number, size): (usize, &usize)| {
            let (key, value) = (number.to_be_bytes().to_vec(), vec![0; *size]);
            let write = move |draft: &Draft<'_>| {
                draft.put(Keyspace::Kv, key, value.into());
                Ok(())
            };
            let (request, answer) = Request::new(Tenant::sole(), Purpose::Begin, Durability::Written, write);
            assert!(line.send(Wish::Commit(request)).is_ok());
            answer
        };
        let answers: Vec<_> = sizes.iter().enumerate().map(request).collect();
        drop(line);
        Writer::new(Arc::clone(reopenable)).run(&waiting);
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
        let writes = engine.write(Purpose::Begin, Durability::Synced, |draft| {
            draft.mark(Keyspace::Kv, vec![2]);
            draft.has(Keyspace::Kv, &[1])
        });
        let (failed, seen) = tokio::join!(engine.write(Purpose::Begin, Durability::Synced, fails), writes);
        assert_eq!((failed, seen), (Err(error), Ok(false)));
        assert!(!engine.read().unwrap().has(Keyspace::Kv, &[1]).unwrap());
    }
}
