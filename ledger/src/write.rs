//! What a write is for, how safe it must be before it is acknowledged, and whether it changed anything.

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

/// Whether a write changed anything. Reports come late and twice, so most writes may answer [`Changed::No`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed<T = ()> {
    /// The write changed the ledger, and this is what came of it.
    Yes(T),
    /// The ledger knew that already, or knows no such job or no such part of it. The first outcome stands.
    No,
}
