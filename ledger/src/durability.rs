//! How safe a write must be before it is acknowledged.

/// What a write survives once its future is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// It is in the hands of the operating system: survives `kill -9` of the daemon.
    Written,
    /// It is on disk: survives a power cut. All writes that wait at the same time share one fsync.
    Synced,
}

/// Why something is written, which decides how much room the disk must have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Takes on something new, and is the first to be refused.
    Begin,
    /// Carries on what was taken on before: the last room on the disk is kept for it.
    Proceed,
    /// Makes room, and is refused only where there is next to none.
    Free,
}
