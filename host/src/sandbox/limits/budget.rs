//! What guests may take of the host besides their own memory: so much each, and so much all together. The kinds of
//! things that are counted in this way are in `job_budgets`.
//!
//! Whatever the host allocates or opens on behalf of a guest is taken from the guest's [`Share`] first, and goes
//! back when the [`Hold`] on it is dropped, so that nothing can be forgotten on the way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of one kind of thing all guests of a sandbox may take together.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Budget(Arc<Pool>);

/// The part of a budget that one job may take. Clones take from the same account.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Share(Arc<Account>);

/// Something that a job has taken. It goes back when this is dropped.
#[derive(Debug)]
pub(in crate::sandbox) struct Hold {
    /// The part that it goes back to.
    account: Arc<Account>,
    /// How much was taken.
    amount: u64,
}

/// Why nothing could be taken, with the limit that stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sandbox) enum Exhausted {
    /// The job has taken all that it may.
    #[error("the job may have {0}")]
    Job(u64),
    /// All jobs together have taken all that they may.
    #[error("the jobs of this minion may have {0} together, and others have them now")]
    Minion(u64),
}

/// The whole of a budget.
#[derive(Debug)]
struct Pool {
    /// How much there is in all.
    limit: u64,
    /// How much every job can have, whatever the others take.
    sure: u64,
    /// How much may be taken by jobs that have more than what is sure. The rest is kept for those that have less.
    contested: u64,
    /// How much is taken by all jobs.
    used: AtomicU64,
}

/// What one job has.
#[derive(Debug)]
struct Account {
    /// The pool that it is a part of.
    pool: Arc<Pool>,
    /// How much the job may have.
    limit: u64,
    /// How much the job has taken.
    used: AtomicU64,
}

impl Budget {
    /// A budget of `limit`, of which each of so many `jobs` can have up to `sure` at any time.
    pub(in crate::sandbox) fn new(limit: u64, sure: u64, jobs: u64) -> Self {
        let sure = sure.min(limit / 5 * 4 / jobs.max(1));
        Self(Arc::new(Pool { limit, sure, contested: limit - sure * jobs, used: AtomicU64::new(0) }))
    }

    /// A part for one job, which may take at most `limit`.
    pub(in crate::sandbox) fn share(&self, limit: u64) -> Share {
        Share(Arc::new(Account { pool: self.0.clone(), limit, used: AtomicU64::new(0) }))
    }

    /// How much is taken, and how much there is in all.
    pub(in crate::sandbox) fn level(&self) -> (u64, u64) {
        (self.0.used.load(Ordering::Relaxed), self.0.limit)
    }
}

impl Share {
    /// Takes so much, until the hold is dropped.
    ///
    /// # Errors
    /// [`Exhausted`], where the job or all jobs together would have more than they may.
    pub(in crate::sandbox) fn take(&self, amount: u64) -> Result<Hold, Exhausted> {
        let mut hold = Hold { account: self.0.clone(), amount: 0 };
        hold.resize(amount).map(|()| hold)
    }
}

impl Hold {
    /// Makes the hold one of `amount`, more or less than before.
    ///
    /// # Errors
    /// [`Exhausted`], where there is not so much more; the hold stays as it was.
    pub(in crate::sandbox) fn resize(&mut self, amount: u64) -> Result<(), Exhausted> {
        if amount > self.amount {
            self.account.take(amount - self.amount)?;
        } else {
            self.account.give_back(self.amount - amount);
        }
        self.amount = amount;
        Ok(())
    }

    /// Adds `more` to the hold.
    ///
    /// # Errors
    /// As [`Hold::resize`].
    pub(in crate::sandbox) fn add(&mut self, more: u64) -> Result<(), Exhausted> {
        self.resize(self.amount.saturating_add(more))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.account.give_back(self.amount);
    }
}

impl Account {
    fn take(&self, amount: u64) -> Result<(), Exhausted> {
        let pool = &self.pool;
        let own = raise(&self.used, amount, self.limit).ok_or(Exhausted::Job(self.limit))?;
        // Beyond what is sure, a job may have no more than there is left for others, so that a job which comes
        // later finds some, however many others take what they can get.
        let most = if own <= pool.sure { pool.limit } else { pool.contested.saturating_sub(own) };
        if raise(&pool.used, amount, most).is_none() {
            self.used.fetch_sub(amount, Ordering::Relaxed);
            return Err(Exhausted::Minion(pool.limit));
        }
        Ok(())
    }

    fn give_back(&self, amount: u64) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
        self.pool.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// Adds to a counter unless its sum would be more than `most`. Returns the new sum, or `None` where it stays as it
/// was.
fn raise(counter: &AtomicU64, amount: u64, most: u64) -> Option<u64> {
    let fitting = |used: u64| used.checked_add(amount).filter(|total| *total <= most);
    let before = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fitting).ok()?;
    Some(before + amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let budget = Budget::new(1_000, 0, 1);
        let share = budget.share(60);
        let mut first = share.take(50).expect("there is room");
        assert_eq!(share.take(11).err(), Some(Exhausted::Job(60)));
        first.add(10).expect("there is room");
        assert_eq!(first.resize(61), Err(Exhausted::Job(60)));
        assert_eq!(budget.level(), (60, 1_000));
        first.resize(5).expect("less is no question");
        assert_eq!(budget.level(), (5, 1_000));
        drop(first);
        assert_eq!(budget.level(), (0, 1_000));
    }

    #[test]
    fn what_is_sure_is_there_however_much_others_take() {
        let budget = Budget::new(100, 10, 4);
        let greedy: Vec<Share> = (0..3).map(|_| budget.share(1_000)).collect();
        let held: Vec<Hold> = std::iter::repeat_with(|| greedy.iter().filter_map(|share| share.take(1).ok()))
            .take(200)
            .flatten()
            .collect();
        assert!(held.len() >= 40, "{}", held.len());
        assert_eq!(greedy[0].take(1).err(), Some(Exhausted::Minion(100)));
        let neighbour = budget.share(1_000);
        assert!(neighbour.take(10).is_ok());
        assert_eq!(neighbour.take(31).err(), Some(Exhausted::Minion(100)));
    }

    #[test]
    fn who_takes_all_that_there_is_leaves_as_much_for_whoever_comes() {
        let budget = Budget::new(120, 1, 60);
        let greedy: Vec<Share> = (0..5).map(|_| budget.share(1_000)).collect();
        let rounds = std::iter::repeat_with(|| greedy.iter().filter_map(|share| share.take(1).ok()));
        let held: Vec<Hold> = rounds.take(200).flatten().collect();
        assert!(held.len() <= 50, "{}", held.len());
        assert!(budget.share(1_000).take(1).is_ok());
        // One that has few neighbours may have as much as it leaves.
        let alone = Budget::new(120, 1, 10).share(1_000);
        assert!(alone.take(55).is_ok() && alone.take(56).is_err());
    }
}
