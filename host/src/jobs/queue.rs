//! Which jobs run now and which wait: so many at once on the host, so many of each module, so many waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use machine::lock;
use wire::name::ModuleName;

/// The places in which jobs run on a host, handed out in the order of asking. A cheap handle: clones share the
/// places.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Inner>);

struct Inner {
    /// The most jobs that run at once.
    places: usize,
    /// The most jobs that wait.
    room: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    by_module: HashMap<ModuleName, usize>,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    module: ModuleName,
    limit: usize,
    turn: oneshot::Sender<Place>,
}

/// The right to run, which is given back when this is dropped.
pub(crate) struct Place {
    queue: Queue,
    module: ModuleName,
}

/// The error for a job that would have to wait where as many jobs wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the minion is busy: {running} jobs run and {waiting} wait, as many as may; try again later")]
pub(crate) struct Busy {
    running: usize,
    waiting: usize,
}

/// How full the host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// How many jobs run.
    pub(crate) running: usize,
    /// How many jobs wait for a place.
    pub(crate) waiting: usize,
}

impl Queue {
    /// A queue for `places` jobs at once and `room` more that wait.
    pub(crate) fn new(places: usize, room: usize) -> Self {
        Self(Arc::new(Inner { places, room, state: Mutex::default() }))
    }

    /// Waits for a place for a job of `module`, of which `limit` may run at once. Cancel safe: a job whose future
    /// is dropped leaves the queue.
    ///
    /// # Errors
    /// [`Busy`] where there is no place and no room to wait.
    pub(crate) async fn enter(&self, module: &ModuleName, limit: usize) -> Result<Place, Busy> {
        let turn = {
            let mut state = self.state();
            // A job only waits because it does not fit, so no waiting job is overtaken here.
            if state.fits(module, limit, self.0.places) {
                state.take(module);
                return Ok(Place { queue: self.clone(), module: module.clone() });
            }
            state.waiting.retain(|waiter| !waiter.turn.is_closed());
            if state.waiting.len() >= self.0.room {
                return Err(Busy { running: state.running, waiting: state.waiting.len() });
            }
            let (turn, place) = oneshot::channel();
            state.waiting.push_back(Waiter { module: module.clone(), limit, turn });
            place
        };
        Ok(turn.await.expect("the queue lives as long as whoever waits in it, and drops no waiter unserved"))
    }

    /// How full it is.
    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        let waiting = state.waiting.iter().filter(|waiter| !waiter.turn.is_closed()).count();
        Load { running: state.running, waiting }
    }

    fn leave(&self, module: &ModuleName) {
        let mut unclaimed = Vec::new();
        {
            let mut state = self.state();
            state.give_back(module);
            while let Some(waiter) = state.next(self.0.places) {
                state.take(&waiter.module);
                let place = Place { queue: self.clone(), module: waiter.module };
                // A waiter that has gone meanwhile leaves a place that must not be dropped under the lock.
                unclaimed.extend(waiter.turn.send(place).err());
            }
        }
        drop(unclaimed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock::hold(&self.0.state)
    }
}

impl State {
    fn fits(&self, module: &ModuleName, limit: usize, places: usize) -> bool {
        self.running < places && self.by_module.get(module).is_none_or(|running| *running < limit)
    }

    fn take(&mut self, module: &ModuleName) {
        self.running += 1;
        *self.by_module.entry(module.clone()).or_default() += 1;
    }

    fn give_back(&mut self, module: &ModuleName) {
        self.running -= 1;
        if let Some(running) = self.by_module.get_mut(module) {
            *running -= 1;
            if *running == 0 {
                self.by_module.remove(module);
            }
        }
    }

    /// Takes the job that has waited longest of those that fit now out of the queue.
    fn next(&mut self, places: usize) -> Option<Waiter> {
        if self.running >= places {
            return None;
        }
        let fits = |waiter: &Waiter| self.fits(&waiter.module, waiter.limit, places);
        let at = self.waiting.iter().position(fits)?;
        self.waiting.remove(at)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.leave(&self.module);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn name(text: &str) -> ModuleName {
        text.parse().expect("a name")
    }

    #[tokio::test]
    async fn places_go_to_those_who_waited_longest() {
        let (queue, a) = (Queue::new(1, 10), name("a"));
        let first = queue.enter(&a, 10).await.expect("free");
        let mut second = Box::pin(queue.enter(&a, 10));
        let mut third = Box::pin(queue.enter(&a, 10));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.await.expect("its turn");
        assert_eq!(queue.load(), Load { running: 1, waiting: 1 });
        drop(second);
        drop(third.await.expect("its turn"));
        assert_eq!(queue.load(), Load::default());
    }

    #[tokio::test]
    async fn a_full_module_does_not_hold_up_the_others() {
        let (queue, a, b) = (Queue::new(3, 10), name("a"), name("b"));
        let first = queue.enter(&a, 1).await.expect("free");
        let mut second = Box::pin(queue.enter(&a, 1));
        assert!(second.as_mut().now_or_never().is_none());
        let other = queue.enter(&b, 1).await.expect("free");
        drop(first);
        let second = second.await.expect("its turn");
        drop((second, other));
        assert_eq!(queue.load(), Load::default());
    }

    #[tokio::test]
    async fn those_who_would_wait_too_long_a_line_are_told_so_at_once() {
        let (queue, a) = (Queue::new(1, 1), name("a"));
        let first = queue.enter(&a, 10).await.expect("free");
        let mut second = Box::pin(queue.enter(&a, 10));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(queue.enter(&a, 10).await.err(), Some(Busy { running: 1, waiting: 1 }));
        drop(second);
        let mut third = Box::pin(queue.enter(&a, 10));
        assert!(third.as_mut().now_or_never().is_none(), "whoever left made room");
        drop(first);
        third.await.expect("its turn");
    }

    #[tokio::test]
    async fn a_place_that_nobody_claims_goes_to_the_next() {
        let (queue, a) = (Queue::new(1, 10), name("a"));
        let first = queue.enter(&a, 10).await.expect("free");
        let mut gone = Box::pin(queue.enter(&a, 10));
        let mut next = Box::pin(queue.enter(&a, 10));
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        next.await.expect("its turn");
        assert_eq!(queue.load().running, 0);
    }
}
