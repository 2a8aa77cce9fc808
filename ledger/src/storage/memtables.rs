//! When what was written last leaves memory.
//!
//! The database can do this by itself, but each batch that finds a memtable too large asks its workers to rotate it, again
//! until one of them has, in a line that has room for a thousand requests. While they are at large compactions, that line
//! is full within a second. From then on nobody hears that memtables are full, which grow as long as someone writes, to
//! gibibytes; and a worker that rotates one waits for room in the line that only workers empty, so that all of them may wait
//! for good. So whoever writes rotates a memtable that is full at once, and the database finds none that is too large. In the
//! line is a request for each memtable that waits to be written into a table, of which the database bears four for each
//! keyspace before it holds up whoever writes, and as many for compactions after that. Where its journals are too large, the
//! database asks once for each keyspace.

use fjall::{AbstractTree as _, Keyspace};

/// How large a memtable is when it is full, in bytes: an idle daemon holds next to nothing.
pub(super) const FULL: u64 = 4 << 20;

/// How many workers the database has. With more than one, the first looks at requests for compactions over and over, as
/// long as another is at one: it takes a whole processor for that.
pub(super) const WORKERS: usize = 1;

/// Hands a memtable that is full to the workers of the database, to be written into a table.
pub(super) fn rotate_if_full(keyspace: &Keyspace) {
    rotate_if_over(keyspace, FULL);
}

fn rotate_if_over(keyspace: &Keyspace, bytes: u64) {
    if keyspace.tree.active_memtable().size() <= bytes {
        return;
    }
    // What was written is written all the same; where the database has failed by this, whoever writes next is told.
    if let Err(error) = keyspace.rotate_memtable() {
        tracing::warn!(keyspace = &**keyspace.name(), %error, "a memtable of the ledger stays in memory");
    }
}

#[cfg(test)]
mod tests {
    use fjall::Database;

    use super::super::store::keyspace_options;
    use super::*;

    #[test]
    fn a_memtable_that_is_full_leaves_memory_and_its_records_stay() {
        let folder = crate::scratch::folder();
        let database = Database::builder(folder.path()).worker_threads(WORKERS).open().expect("opened");
        let keyspace = database.keyspace("records", keyspace_options).expect("made");
        keyspace.insert("key", vec![7; 1000]).expect("written");
        let held = || keyspace.tree.active_memtable().size();
        let before = held();
        rotate_if_over(&keyspace, before);
        assert_eq!(held(), before);
        rotate_if_over(&keyspace, before - 1);
        assert_eq!(held(), 0);
        assert!(keyspace.get("key").expect("read").is_some());
    }
}
