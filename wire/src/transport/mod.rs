//! How messages travel: endpoints and their connections, what each end lets the other make it hold, and frames on streams.

pub mod allowance;
pub mod endpoint;
pub mod frame;
pub mod intake;
