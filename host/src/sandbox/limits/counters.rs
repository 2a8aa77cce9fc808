//! What the jobs of a module came to, for `minion status`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use machine::lock;
use wire::message::job::OutcomeKind;
use wire::message::outcome::{Cost, Outcome};

/// Sums over the jobs of a module since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// How many jobs ended in each outcome.
    pub outcomes: HashMap<OutcomeKind, u64>,
    /// The processor time of all jobs together.
    pub cpu: Duration,
    /// The most memory that any of the jobs had, in bytes.
    pub peak_memory: u64,
}

impl Counters {
    /// How many jobs ended.
    pub fn jobs(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// The counters of one module.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct ModuleCounters(Mutex<Counters>);

impl ModuleCounters {
    /// Counts one job.
    pub(in crate::sandbox) fn add(&self, outcome: &Outcome, cost: &Cost) {
        let mut counters = self.counters();
        *counters.outcomes.entry(outcome.kind()).or_default() += 1;
        counters.cpu += Duration::from_micros(cost.cpu_us);
        counters.peak_memory = counters.peak_memory.max(cost.peak_memory);
    }

    /// The sums so far.
    pub(in crate::sandbox) fn read(&self) -> Counters {
        self.counters().clone()
    }

    /// Locks the counters.
    fn counters(&self) -> std::sync::MutexGuard<'_, Counters> {
        lock::hold(&self.0)
    }
}
