//! Dry runs: effects are recorded instead of done. Each capability asks which kind of run it is, and records for
//! itself.

use std::sync::{Arc, Mutex};

use crate::sandbox::run::events::cut;
use machine::lock;

/// The most effects of one job that are recorded.
const MAX_RECORDS: usize = 1_000;
/// The most bytes that the records of one job take together.
const MAX_BYTES: usize = 256 << 10;
/// The most bytes of one record; what is longer is cut.
const MAX_RECORD: usize = 1 << 10;

/// Whether the effects of a job are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunMode {
    /// They are done.
    #[default]
    Real,
    /// They are recorded, and the module is told so.
    Dry,
}

/// What becomes of a capability in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum DryRun {
    /// It is as ever, since nothing of the host is changed by it.
    Same,
    /// What it would change is recorded, and the module is told that it was not done.
    Recorded,
}

/// What a dry run would have done, in order. Clones record to the same list.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct Recorder(Arc<Mutex<Effects>>);

/// The effects that were recorded, and how many there was no room for.
#[derive(Debug, Default)]
struct Effects {
    kept: Vec<String>,
    bytes: usize,
    left_out: u64,
}

impl Recorder {
    /// Gives nothing where the effects of a capability are done in this mode; where they are not, records this effect and
    /// gives it back.
    pub(in crate::sandbox) fn unless_dry(
        &self,
        mode: RunMode,
        of: DryRun,
        effect: impl FnOnce() -> String,
    ) -> Result<(), String> {
        if (mode, of) != (RunMode::Dry, DryRun::Recorded) {
            return Ok(());
        }
        let effect = effect();
        self.record(effect.clone());
        Err(effect)
    }

    /// Adds one effect, as a line.
    fn record(&self, effect: String) {
        let effect = cut(effect, MAX_RECORD);
        let mut effects = self.effects();
        if effects.kept.len() == MAX_RECORDS || effects.bytes + effect.len() > MAX_BYTES {
            effects.left_out += 1;
            return;
        }
        effects.bytes += effect.len();
        effects.kept.push(effect);
    }

    /// Takes out what was recorded, with a last line that says how much was left out, if anything was.
    pub(in crate::sandbox) fn take(&self) -> Vec<String> {
        let Effects { mut kept, left_out, .. } = std::mem::take(&mut *self.effects());
        kept.extend((left_out > 0).then(|| format!("left out {left_out} more")));
        kept
    }

    /// Locks the list.
    fn effects(&self) -> std::sync::MutexGuard<'_, Effects> {
        lock::hold(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_effects_is_cut_off_and_counted() {
        for (effect, kept) in [("x".to_owned(), MAX_RECORDS), ("é".repeat(100_000), MAX_BYTES / MAX_RECORD)]
        {
            let recorder = Recorder::default();
            (0..5000).for_each(|_| recorder.record(effect.clone()));
            let effects = recorder.take();
            assert_eq!(effects.len(), kept + 1);
            assert_eq!(effects[kept], format!("left out {} more", 5000 - kept));
            assert!(effects.iter().all(|effect| effect.len() <= MAX_RECORD));
        }
    }
}
