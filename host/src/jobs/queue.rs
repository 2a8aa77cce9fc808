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
    all: Count,
    by_module: HashMap<ModuleName, Count>,
    waiting: VecDeque<Waiter>,
}

/// Jobs of one module, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    running: usize,
    /// Those that have a ticket and neither run nor wait yet.
    coming: usize,
}

struct Waiter {
    module: ModuleName,
    limit: usize,
    turn: oneshot::Sender<RunPermit>,
}

/// The right to enter the queue, which is given back when this is dropped.
///
/// It is handed out before anybody has recorded the job, so that one which finds no room leaves nothing behind.
pub(crate) struct Ticket {
    queue: Queue,
    module: ModuleName,
    /// How many jobs of the module may run at once.
    limit: usize,
}

/// The right to run, which is given back when this is dropped.
pub(crate) struct RunPermit {
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

    /// A ticket for a job of `module`, of which `limit` may run at once.
    ///
    /// # Errors
    /// [`Busy`] where there is no place and no room to wait.
    pub(crate) fn admit(&self, module: &ModuleName, limit: usize) -> Result<Ticket, Busy> {
        let mut state = self.state();
        if !state.has_place(module, limit, self.0.places) {
            state.waiting.retain(|waiter| !waiter.turn.is_closed());
            let waiting = state.waiting.len();
            if waiting + state.will_wait(module, limit, self.0.places) >= self.0.room {
                return Err(Busy { running: state.all.running, waiting });
            }
        }
        state.change(module, |count| count.coming += 1);
        Ok(Ticket { queue: self.clone(), module: module.clone(), limit })
    }

    /// How full it is.
    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        let waiting = state.waiting.iter().filter(|waiter| !waiter.turn.is_closed()).count();
        Load { running: state.all.running, waiting }
    }

    fn leave(&self, module: &ModuleName) {
        let mut unclaimed = Vec::new();
        {
            let mut state = self.state();
            state.give_back(module);
            while let Some(waiter) = state.next(self.0.places) {
                state.take(&waiter.module);
                let place = RunPermit { queue: self.clone(), module: waiter.module };
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

impl Ticket {
    /// Takes a place where there is one now, and gives the ticket back where there is none.
    pub(crate) fn enter_now(self) -> Result<RunPermit, Self> {
        let mut state = self.queue.state();
        // A job only waits because it does not fit, so no waiting job is overtaken here.
        if !state.fits(&self.module, self.limit, self.queue.0.places) {
            drop(state);
            return Err(self);
        }
        state.take(&self.module);
        drop(state);
        Ok(RunPermit { queue: self.queue.clone(), module: self.module.clone() })
    }

    /// Waits for a place. Cancel safe: a job whose future is dropped leaves the queue.
    pub(crate) async fn enter(self) -> RunPermit {
        let turn = {
            let Self { queue, module, limit } = &self;
            let mut state = queue.state();
            // A job only waits because it does not fit, so no waiting job is overtaken here.
            if state.fits(module, *limit, queue.0.places) {
                state.take(module);
                let place = RunPermit { queue: queue.clone(), module: module.clone() };
                drop(state);
                return place;
            }
            let (turn, place) = oneshot::channel();
            state.waiting.push_back(Waiter { module: module.clone(), limit: *limit, turn });
            place
        };
        // It is counted among those that wait.
        drop(self);
        turn.await.expect("the queue lives as long as whoever waits in it, and drops no waiter unserved")
    }
}

impl State {
    fn fits(&self, module: &ModuleName, limit: usize, places: usize) -> bool {
        self.all.running < places && self.of(module).running < limit
    }

    /// Whether there is a place beside those for everyone who has a ticket.
    fn has_place(&self, module: &ModuleName, limit: usize, places: usize) -> bool {
        let taken = |count: Count| count.running + count.coming;
        taken(self.all) < places && taken(self.of(module)) < limit
    }

    /// How many of those who have a ticket will have to wait, as far as is known.
    fn will_wait(&self, module: &ModuleName, limit: usize, places: usize) -> usize {
        let beyond =
            |count: Count, most: usize| count.coming.saturating_sub(most.saturating_sub(count.running));
        beyond(self.all, places).max(beyond(self.of(module), limit))
    }

    fn of(&self, module: &ModuleName) -> Count {
        self.by_module.get(module).copied().unwrap_or_default()
    }

    fn take(&mut self, module: &ModuleName) {
        self.change(module, |count| count.running += 1);
    }

    fn give_back(&mut self, module: &ModuleName) {
        self.change(module, |count| count.running -= 1);
    }

    fn change(&mut self, module: &ModuleName, change: impl Fn(&mut Count)) {
        change(&mut self.all);
        let of_module = self.by_module.entry(module.clone()).or_default();
        change(of_module);
        if of_module.running + of_module.coming == 0 {
            self.by_module.remove(module);
        }
    }

    /// Takes the job that has waited longest of those that fit now out of the queue.
    fn next(&mut self, places: usize) -> Option<Waiter> {
        if self.all.running >= places {
            return None;
        }
        let fits = |waiter: &Waiter| self.fits(&waiter.module, waiter.limit, places);
        let at = self.waiting.iter().position(fits)?;
        self.waiting.remove(at)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.state().change(&self.module, |count| count.coming -= 1);
    }
}

impl Drop for RunPermit {
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

    async fn enter(queue: &Queue, module: &ModuleName, limit: usize) -> Result<RunPermit, Busy> {
        Ok(queue.admit(module, limit)?.enter().await)
    }

    #[tokio::test]
    async fn places_go_to_those_who_waited_longest() {
        let (queue, a) = (Queue::new(1, 10), name("a"));
        let first = enter(&queue, &a, 10).await.expect("free");
        let mut second = Box::pin(enter(&queue, &a, 10));
        let mut third = Box::pin(enter(&queue, &a, 10));
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
        let first = enter(&queue, &a, 1).await.expect("free");
        let mut second = Box::pin(enter(&queue, &a, 1));
        assert!(second.as_mut().now_or_never().is_none());
        let other = enter(&queue, &b, 1).await.expect("free");
        drop(first);
        let second = second.await.expect("its turn");
        drop((second, other));
        assert_eq!(queue.load(), Load::default());
    }

    #[tokio::test]
    async fn those_who_would_wait_too_long_a_line_are_told_so_at_once() {
        let (queue, a) = (Queue::new(1, 1), name("a"));
        let first = enter(&queue, &a, 10).await.expect("free");
        let mut second = Box::pin(enter(&queue, &a, 10));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(enter(&queue, &a, 10).await.err(), Some(Busy { running: 1, waiting: 1 }));
        drop(second);
        let mut third = Box::pin(enter(&queue, &a, 10));
        assert!(third.as_mut().now_or_never().is_none(), "whoever left made room");
        drop(first);
        third.await.expect("its turn");
    }

    #[tokio::test]
    async fn a_place_that_nobody_claims_goes_to_the_next() {
        let (queue, a) = (Queue::new(1, 10), name("a"));
        let first = enter(&queue, &a, 10).await.expect("free");
        let mut gone = Box::pin(enter(&queue, &a, 10));
        let mut next = Box::pin(enter(&queue, &a, 10));
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        next.await.expect("its turn");
        assert_eq!(queue.load().running, 0);
    }

    #[tokio::test]
    async fn a_ticket_keeps_room_until_it_is_used_or_dropped() {
        let (queue, a) = (Queue::new(1, 1), name("a"));
        let first = queue.admit(&a, 10).expect("a place");
        let second = queue.admit(&a, 10).expect("room");
        assert_eq!(queue.admit(&a, 10).err(), Some(Busy { running: 0, waiting: 0 }));
        drop(second);
        let second = queue.admit(&a, 10).expect("room");
        let first = first.enter().now_or_never().expect("free");
        let mut second = Box::pin(second.enter());
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(queue.admit(&a, 10).err(), Some(Busy { running: 1, waiting: 1 }));
        drop(first);
        drop(second.await);
        assert!(queue.state().by_module.is_empty());
    }

    #[tokio::test]
    async fn a_ticket_takes_a_place_at_once_or_stays_what_it_is() {
        let (queue, a) = (Queue::new(1, 1), name("a"));
        let first = queue.admit(&a, 10).expect("a place").enter_now().ok().expect("free");
        let second = queue.admit(&a, 10).expect("room").enter_now().err().expect("no place");
        assert_eq!(queue.admit(&a, 10).err(), Some(Busy { running: 1, waiting: 0 }), "it keeps its room");
        drop(first);
        drop(second.enter_now().ok().expect("free"));
        assert!(queue.state().by_module.is_empty());
    }

    #[tokio::test]
    async fn a_line_that_is_full_holds_up_no_job_that_can_run_at_once() {
        let (queue, a, b) = (Queue::new(3, 1), name("a"), name("b"));
        let _first = enter(&queue, &a, 1).await.expect("free");
        let _coming = queue.admit(&a, 1).expect("room");
        assert!(queue.admit(&a, 1).is_err());
        enter(&queue, &b, 1).now_or_never().expect("at once").expect("a place");
    }
}
