//! `minion:job`: what a module may know of its job, and how it reports on it.

use std::time::Instant;

use machine::clock;
use wire::message::call::Progress;

use self::bindings::minion::job::job::{Error, Host};
use super::package::Package;
use super::{Capability, interface};
use crate::policy::ByteSize;
use crate::sandbox::run::dry_run::{DryRun, RunMode};
use crate::sandbox::run::events::cut;
use crate::sandbox::run::guest::Guest;

/// The longest note of a progress report, in bytes; a longer one is cut.
const MAX_NOTE: usize = 1 << 10;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability =
    Capability::ours("job", &[Package::ours("minion:job", &["job"])], DryRun::Same, link);

interface!(job, "../wit/job", "import minion:job/job@0.1.0;");

impl Host for Guest {
    fn id(&mut self) -> String {
        self.job.id.to_string()
    }

    fn method(&mut self) -> String {
        self.job.method.to_string()
    }

    fn operator(&mut self) -> String {
        self.job.operator.to_string()
    }

    fn deadline(&mut self) -> Option<u64> {
        let left = self.job.ends.saturating_duration_since(Instant::now());
        Some(clock::now_ms().saturating_add(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
    }

    fn dry_run(&mut self) -> bool {
        self.job.mode == RunMode::Dry
    }

    fn progress(&mut self, done: u64, total: u64, note: String) {
        let note = cut(note, MAX_NOTE);
        self.job.events.progress(Progress { done, total, note });
    }

    fn cancelled(&mut self) -> bool {
        self.job.cancel.is_cancelled()
    }

    fn emit(&mut self, chunk: String) -> Result<(), Error> {
        if self.job.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let limit = self.job.policy.limits.output;
        // An empty part is counted with its place, since it takes that wherever it is passed on.
        let emitted = self.job.emitted + (size_of::<String>() + chunk.len()) as u64;
        if emitted > limit {
            return Err(Error::Limit(format!("limits.output is {}", ByteSize(limit))));
        }
        let held = (size_of::<String>() + chunk.len()) as u64;
        self.holdings.say(held).map_err(|error| Error::Limit(error.of_memory()))?;
        self.job.emitted = emitted;
        self.job.events.chunk(chunk);
        Ok(())
    }
}
