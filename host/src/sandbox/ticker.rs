//! The clock of the epochs: a thread that makes running guests look up every few milliseconds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// Between two ticks. A busy guest yields at each, so its neighbours wait at most a few of these.
pub(super) const TICK: Duration = Duration::from_millis(5);

/// Moves the epoch of its engines while any guest runs, and sleeps otherwise.
///
/// The thread ends when this is dropped.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps the clock going for as long as it lives.
pub(super) struct Ticking {
    shared: Arc<Shared>,
}

/// What the thread and its users share.
struct Shared {
    engines: Mutex<Vec<Engine>>,
    running: AtomicUsize,
    ended: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: Mutex::new(Vec::new()),
            running: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let thread = thread::Builder::new().name("epoch".into()).spawn({
            let shared = shared.clone();
            move || shared.tick()
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks for this engine too.
    pub(super) fn add(&self, engine: Engine) {
        self.shared.engines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(engine);
    }

    /// Ticks until the returned guard is dropped.
    pub(super) fn tick(&self) -> Ticking {
        if self.shared.running.fetch_add(1, Ordering::SeqCst) == 0 {
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
            // The thread has nothing that could panic, and nobody to tell if it did.
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
        while !self.ended.load(Ordering::SeqCst) {
            if self.running.load(Ordering::SeqCst) == 0 {
                thread::park();
                continue;
            }
            // A wake-up in between only makes one tick early, which no guest minds.
            thread::park_timeout(TICK);
            for engine in self.engines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
                engine.increment_epoch();
            }
        }
    }
}
