//! Whether a write changed the ledger.

/// Whether a write changed anything. Reports come late and twice, so most writes may answer [`Changed::No`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed<T = ()> {
    /// The write changed the ledger, and this is what came of it.
    Yes(T),
    /// The ledger knew that already, or knows no such job or no such part of it. The first outcome stands.
    No,
}
