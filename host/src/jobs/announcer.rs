//! Tells that jobs run, of those that run for longer than a moment.
//!
//! Most jobs are over sooner, and are told in one message with their end. One timer serves all: to arm and wake one for each
//! job would cost as much as a short job itself.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use machine::lock;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::jobs::feed::Feed;

/// The jobs that run and are not announced yet.
#[derive(Default)]
pub(super) struct Announcer {
    held_back: Mutex<Vec<(Instant, Weak<Feed>)>>,
}

impl Announcer {
    /// Announces in a moment, by a task among `tasks`, what is held back in a feed.
    pub(super) fn announce_soon(self: &Arc<Self>, feed: &Arc<Feed>, tasks: &TaskTracker) {
        let due = Instant::now() + MOMENT;
        let mut held_back = lock::hold(&self.held_back);
        held_back.push((due, Arc::downgrade(feed)));
        let is_first = held_back.len() == 1;
        drop(held_back);
        if is_first {
            // It ends by itself, once there is nothing left to announce.
            tasks.spawn(self.clone().run(due));
        }
    }

    async fn run(self: Arc<Self>, first: Instant) {
        let mut next = Some(first);
        while let Some(due) = next {
            sleep_until(due).await;
            next = self.announce(due);
        }
    }

    /// Announces what is due. Gives when to look again; `None` where nothing is left.
    fn announce(&self, now: Instant) -> Option<Instant> {
        let mut held_back = lock::hold(&self.held_back);
        let is_due = held_back.partition_point(|(due, _)| *due <= now);
        let due: Vec<_> = held_back.drain(..is_due).collect();
        let last = held_back.last().map(|(due, _)| *due);
        drop(held_back);
        due.iter().filter_map(|(_, feed)| feed.upgrade()).for_each(|feed| feed.announce());
        last
    }
}

/// How long a job has to be over before it is told that it runs; up to twice as long where many begin close together.
const MOMENT: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use wire::message::job::{MinionJobId, MinionState};
    use wire::message::link::JobUpdate;

    use super::*;

    #[tokio::test]
    async fn what_runs_for_longer_than_a_moment_is_announced_by_a_task_that_ends() {
        let (announcer, tasks) = (Arc::new(Announcer::default()), TaskTracker::new());
        let job = MinionJobId::new();
        let running = JobUpdate::State { minion_job: job, state: MinionState::Running };
        for _ in 0..2 {
            let feeds = [Feed::new(), Feed::new()];
            for feed in [&feeds[0], &Feed::new(), &feeds[1]] {
                feed.runs(job);
                announcer.announce_soon(feed, &tasks);
            }
            for feed in &feeds {
                assert_eq!(feed.follow().next().await, Some(running.clone()));
            }
            tasks.close();
            tasks.wait().await;
        }
    }
}
