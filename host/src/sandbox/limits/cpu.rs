//! How long a job was on a processor, which is counted for its limit and in its report.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Adds up the processor time of a future, poll by poll. Clones are the same meter.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct CpuMeter(Arc<Inner>);

/// What all clones of a meter share.
///
/// One thread at a time polls the future, so plain loads and stores are enough.
#[derive(Debug, Default)]
struct Inner {
    /// The nanoseconds of the polls that are over.
    spent: AtomicU64,
    /// The reading of the thread's clock when the present poll began.
    since: AtomicU64,
}

impl CpuMeter {
    /// Wraps a future, so that its time is added up here.
    pub(in crate::sandbox) fn measure<F: Future>(&self, future: F) -> Measured<F> {
        Measured { future: Box::pin(future), meter: self.clone() }
    }

    /// The time spent so far. Called from inside the measured future, it includes the present poll.
    pub(in crate::sandbox) fn spent_now(&self) -> Duration {
        let poll = thread_time().saturating_sub(self.0.since.load(Ordering::Relaxed));
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed) + poll)
    }

    /// The time spent in polls that are over.
    pub(in crate::sandbox) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed))
    }
}

/// A future under a [`CpuMeter`].
pub(in crate::sandbox) struct Measured<F> {
    /// In a box, so that it need not be pinned twice.
    future: Pin<Box<F>>,
    /// Where its time is added.
    meter: CpuMeter,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = thread_time();
        self.meter.0.since.store(before, Ordering::Relaxed);
        // The guest may be polled by another thread each time, whose clock has nothing to do with the last.
        let result = self.future.as_mut().poll(context);
        self.meter.0.spent.fetch_add(thread_time().saturating_sub(before), Ordering::Relaxed);
        result
    }
}

/// The processor time of this thread in nanoseconds; 0 where the system does not tell.
fn thread_time() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |time| {
        u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_costs_nothing_and_counting_does() {
        let meter = CpuMeter::default();
        let seen = meter.clone();
        let counted = meter.measure(async move {
            tokio::task::yield_now().await;
            let before = seen.spent_now();
            while seen.spent_now() == before {
                std::hint::spin_loop();
            }
            seen.spent_now()
        });
        let inside = counted.await;
        assert!(meter.spent() >= inside && inside > Duration::ZERO);
    }
}
