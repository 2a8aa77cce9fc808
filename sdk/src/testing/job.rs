//! The job on the made-up host: its id, method and operator are always the same, and no point in time ends it.

use super::state;
use crate::job::Error;

pub(crate) fn id() -> String {
    "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned()
}

pub(crate) fn method() -> String {
    "module.method".to_owned()
}

pub(crate) fn operator() -> String {
    "tester".to_owned()
}

pub(crate) fn deadline() -> Option<u64> {
    None
}

pub(crate) fn dry_run() -> bool {
    state(|state| state.dry_run)
}

pub(crate) fn progress(done: u64, total: u64, note: &str) {
    state(|state| state.progress.push((done, total, note.to_owned())));
}

pub(crate) fn cancelled() -> bool {
    state(|state| match &mut state.patience {
        None => false,
        Some(0) => {
            state.cancelled = true;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    })
}

pub(crate) fn emit(chunk: &str) -> Result<(), Error> {
    state(|state| {
        if state.cancelled {
            return Err(Error::Cancelled);
        }
        state.emitted.push(chunk.to_owned());
        Ok(())
    })
}
