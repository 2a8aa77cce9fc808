//! Dry runs: effects are recorded instead of done.

use std::sync::{Arc, Mutex};

use super::cut::cut;

/// The most effects of one job that are recorded.
const MAX_RECORDS: usize = 1_000;
/// The most bytes of one record; what is longer is cut.
const MAX_RECORD: usize = 1 << 10;

/// Whether the effects of a job are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunMode {
    /// They are.
    #[default]
    Real,
    /// They are recorded, and the module is told so.
    Dry,
}

/// What a dry run would have done, in order. Clones record to the same list.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    /// Adds one effect, as a line.
    pub(super) fn record(&self, effect: String) {
        let effect = cut(effect, MAX_RECORD);
        let mut effects = self.effects();
        if effects.len() < MAX_RECORDS {
            effects.push(effect);
        } else if effects.len() == MAX_RECORDS {
            effects.push(format!("and more than {MAX_RECORDS} in all"));
        }
    }

    /// Takes what was recorded.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.effects())
    }

    /// The list, whatever a thread did that held it before.
    fn effects(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
