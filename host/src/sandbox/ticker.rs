//! The clock of the epochs: a thread that makes running guests yield every few milliseconds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use machine::lock;
use wasmtime::Engine;

/// The time between two ticks. A busy guest yields at each, so its neighbours wait at most a few of these.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Moves the epoch of its engines while any guest runs, and sleeps otherwise.
///
/// The thread ends when this is dropped.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A guard of one running guest: the clock goes on for as long as there is one.
pub(super) struct Ticking {
    shared: Arc<Shared>,
}

/// What the thread and its users share.
struct Shared {
    engines: Mutex<Vec<Engine>>,
    running: AtomicUsize,
    /// Whether the thread sleeps until it is woken, since no guest runs.
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: Mutex::new(Vec::new()),
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("epoch".into()).spawn({
            let shared = shared.clone();
            move || shared.tick()
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Moves the epoch of this engine, too, from now on.
    pub(super) fn add(&self, engine: Engine) {
        lock::hold(&self.shared.engines).push(engine);
    }

    /// Keeps the clock going until the returned guard is dropped.
    pub(super) fn tick(&self) -> Ticking {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        // One that goes on is left alone: to be woken at the start of each short job, it would make that yield at once.
        if self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
        Ticking { shared: self.shared.clone() }
    }

    /// How many guests run.
    pub(super) fn running(&self) -> usize {
        self.shared.running.load(Ordering::SeqCst)
    }

    /// Makes the thread look at what has changed.
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread has nothing in it that could panic, so there is no failure to tell of.
            let _ = thread.join();
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// What the thread does until it is told to end.
    fn tick(&self) {
        let mut idle = 0;
        while !self.ended.load(Ordering::SeqCst) {
            idle = if self.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle > IDLE_TICKS {
                self.sleep();
                idle = 0;
                continue;
            }
            thread::park_timeout(TICK);
            for engine in lock::hold(&self.engines).iter() {
                engine.increment_epoch();
            }
        }
    }

    /// Waits for a guest to run, or for the end.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // A guest that was counted before that found nobody asleep.
        if self.running.load(Ordering::SeqCst) > 0 || self.ended.load(Ordering::SeqCst) {
            self.asleep.store(false, Ordering::SeqCst);
            return;
        }
        thread::park();
    }
}

/// How many ticks the clock goes on without a guest: one job after the other leaves it awake.
const IDLE_TICKS: u32 = 4;
