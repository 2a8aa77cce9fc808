//! Which modules are being compiled: a few at once, and none twice at the same time.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use machine::{lock, memory};
use wire::digest::Digest;

/// The compilations that are under way.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Compilations {
    running: Mutex<Vec<Digest>>,
    ended: Condvar,
}

/// One compilation, which is under way until this is dropped.
pub(in crate::sandbox) struct Compiling<'a> {
    all: &'a Compilations,
    digest: Digest,
}

impl Compilations {
    /// Waits until this module may be compiled. Blocks.
    pub(in crate::sandbox) fn begin(&self, digest: Digest) -> Compiling<'_> {
        let full = |running: &mut Vec<Digest>| running.len() >= AT_ONCE || running.contains(&digest);
        let waited = self.ended.wait_while(self.running(), full);
        waited.unwrap_or_else(PoisonError::into_inner).push(digest);
        Compiling { all: self, digest }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Digest>> {
        lock::hold(&self.running)
    }
}

impl Drop for Compiling<'_> {
    fn drop(&mut self) {
        let is_last = {
            let mut running = self.all.running();
            running.retain(|running| *running != self.digest);
            running.is_empty()
        };
        self.all.ended.notify_all();
        if is_last {
            // A compiler takes some 100 MB, which the minion would hold until its end.
            memory::give_back();
        }
    }
}

/// Does some work, and calls `say` while it goes on where it lasts longer than a moment.
pub(in crate::sandbox) fn unless_quick<T>(say: impl FnOnce() + Send, work: impl FnOnce() -> T) -> T {
    let (working, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = move || {
            if ended.recv_timeout(MOMENT) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        };
        // Where there is no further thread the work is done without a word.
        let _ = thread::Builder::new().spawn_scoped(scope, watch);
        // Dropped when the work has ended, in whatever way, which ends the watch.
        let _working = working;
        work()
    })
}

/// How long work may last without a word.
const MOMENT: Duration = Duration::from_secs(1);
/// How many modules are compiled at once: the compiler itself uses every processor, and a small module must
/// not wait for a large one.
const AT_ONCE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_that_lasts_is_spoken_of() {
        let (said, hears) = mpsc::channel();
        // What lasts until it was spoken of.
        let told = unless_quick(move || said.send("compiling").expect("heard"), || hears.recv());
        assert_eq!(told, Ok("compiling"));
    }

    #[test]
    fn the_same_module_waits_for_itself_and_the_third_for_one_of_two() {
        let (all, (said, hears)) = (Compilations::default(), mpsc::channel());
        let [first, second, third] = [b"a", b"b", b"c"].map(|bytes| Digest::of(bytes));
        std::thread::scope(|scope| {
            let one = all.begin(first);
            let same = scope.spawn(|| {
                let _again = all.begin(first);
                said.send("first").expect("heard");
            });
            let two = all.begin(second);
            drop(two);
            let _two = all.begin(third);
            assert!(hears.try_recv().is_err());
            drop(one);
            same.join().expect("ended");
            assert_eq!(hears.try_recv(), Ok("first"));
        });
    }
}
