//! What every step of an upgrade does: it writes all records of one kind anew.

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::record::Record;
use crate::storage::{Changes, Store};
use crate::write::Durability;

/// Where a batch of an upgrade ends although more is to be done, in bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Rewrites each record that is an `Old` one as a `New` one. A record that is neither is left for the reader who
/// sets it aside.
pub(super) fn rewrite<Old: Record, New: Record + From<Old>>(store: &Store) -> Result<(), LedgerError> {
    let mut draft = Draft::new(store);
    for (key, bytes) in store.scan(Old::SPACE, Span::all()) {
        let Some(old) = Old::decode(&key, &bytes) else { continue };
        draft.apply(|draft| Ok(draft.put_record(key.to_vec(), &New::from(old))))?;
        if draft.weight() >= BATCH_BYTES {
            commit(store, [std::mem::replace(&mut draft, Draft::new(store)).into_changes()])?;
        }
    }
    commit(store, [draft.into_changes()])
}

/// Writes changes of an upgrade, which are on disk when this returns.
pub(super) fn commit(store: &Store, changes: impl IntoIterator<Item = Changes>) -> Result<(), LedgerError> {
    let changes = changes.into_iter().flatten().collect();
    store.commit(&changes, Durability::Synced).map_err(|refused| refused.error)
}
