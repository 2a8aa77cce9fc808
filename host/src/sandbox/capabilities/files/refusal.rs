//! Why the host does not do what a guest asks, in words that both versions of WASI have.

/// Why the host does not do what a guest asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No grant covers it.
    NotPermitted,
    /// The job is a dry run.
    ReadOnly,
    /// The job has all the descriptors that it may have.
    NoDescriptor,
    /// The job has all of the host's memory that it may have.
    NoMemory,
    /// Something else is being changed by way of the other version of WASI.
    Busy,
}
