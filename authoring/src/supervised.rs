//! Work on what strangers wrote, by libraries that put no bounds on it.
//!
//! It is done on a thread of its own, with a stack that is deep enough for whatever passes the bounds on the
//! WIT, and given up where it takes more memory or time than any honest module needs. The program ends with the
//! error then, and with it the thread.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::error::AuthoringError;

/// Does the work, which is called `what` where it breaks or takes too much.
pub fn supervised<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, AuthoringError> + Send + 'static,
) -> Result<T, AuthoringError> {
    within(MEMORY, CPU, what, work)
}

fn within<T: Send + 'static>(
    memory: u64,
    cpu: Duration,
    what: &'static str,
    work: impl FnOnce() -> Result<T, AuthoringError> + Send + 'static,
) -> Result<T, AuthoringError> {
    let (done, is_done) = sync_channel(1);
    let start = Spent::now();
    let thread = thread::Builder::new().name(what.to_owned()).stack_size(STACK).spawn(move || {
        // Nobody waits for it only where it was given up.
        let _ = done.send(output::caught(work));
    });
    thread.map_err(AuthoringError::Thread)?;
    loop {
        match is_done.recv_timeout(LOOK_EVERY) {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(message)) => return Err(AuthoringError::Broke { what, message }),
            // A thread that ends without a word has not been seen.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(AuthoringError::Broke { what, message: "it gave no reason".to_owned() });
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = Spent::now();
                if now.memory.saturating_sub(start.memory) > memory {
                    let limit = format!("{} MiB of memory", memory >> 20);
                    return Err(AuthoringError::TooMuch { what, limit });
                }
                if now.cpu.saturating_sub(start.cpu) > cpu {
                    let limit = format!("{} s of processor time", cpu.as_secs());
                    return Err(AuthoringError::TooMuch { what, limit });
                }
            }
        }
    }
}

/// What this program has taken of the host so far.
struct Spent {
    /// Bytes, at the most so far.
    memory: u64,
    cpu: Duration,
}

impl Spent {
    fn now() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        let time = |of: fn(&Usage) -> TimeVal| {
            let micros = usage.as_ref().map_or(0, |usage| of(usage).num_microseconds());
            Duration::from_micros(micros.try_into().unwrap_or(0))
        };
        let memory: u64 = usage.as_ref().map_or(0, |usage| usage.max_rss().try_into().unwrap_or(0));
        // Linux counts kibibytes, macOS bytes.
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        Self { memory: memory * unit, cpu: time(Usage::user_time) + time(Usage::system_time) }
    }
}

/// Bytes of memory: more than ten times what the largest example takes.
const MEMORY: u64 = 1 << 30;
/// Processor time: a thousand times what any honest WIT takes.
const CPU: Duration = Duration::from_secs(60);
/// Bytes of stack, of which only what is used is taken.
const STACK: usize = 256 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_breaks_is_named() {
        let told = supervised("the mill", || -> Result<(), _> { panic!("a stone") }).unwrap_err().to_string();
        assert!(told.starts_with("the mill broke: a stone"), "{told}");
    }

    /// Work without an end, until the flag that comes with it is set.
    fn endless(
        mut step: impl FnMut() + Send + 'static,
    ) -> (Arc<AtomicBool>, impl FnOnce() -> Result<(), AuthoringError> + Send) {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        let work = move || {
            while !is_over.load(Ordering::Relaxed) {
                step();
            }
            Ok(())
        };
        (over, work)
    }

    #[test]
    fn what_takes_too_much_memory_is_given_up() {
        let mut held = Vec::new();
        let (over, work) = endless(move || match held.len() < 256 {
            true => held.push(vec![1_u8; 1 << 20]),
            false => thread::yield_now(),
        });
        let told = within(16 << 20, Duration::from_secs(3600), "the mill", work).unwrap_err().to_string();
        over.store(true, Ordering::Relaxed);
        assert!(told.starts_with("the mill was stopped after 16 MiB of memory"), "{told}");
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let (over, work) = endless(|| {});
        let told = within(1 << 40, Duration::from_secs(1), "the mill", work).unwrap_err().to_string();
        over.store(true, Ordering::Relaxed);
        assert!(told.starts_with("the mill was stopped after 1 s of processor time"), "{told}");
    }
}
