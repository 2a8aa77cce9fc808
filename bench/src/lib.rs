//! Measurements on real daemons, in a folder that is thrown away: whether they stay flat (`soak`), how fast
//! they are (`calls`) and whether they keep their promises when they are killed (`crash`).
//!
//! Nothing here asserts a time: speeds are reported as ratios to a floor that the same run measured. The commands are [`cli`]'s.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod calls;
pub mod cli;
mod crash;
mod echo;
mod error;
mod job;
mod soak;
mod statistics;
mod trial;
mod verdict;
mod vitals;

pub use self::calls::{Calls, CallsOptions, Measured, calls};
pub use self::crash::{Crash, CrashOptions, Kills, Violation, crash};
pub use self::error::BenchError;
pub use self::soak::{Disk, Sample, Soak, SoakOptions, soak};
pub use self::statistics::Spread;
pub use self::verdict::{Growth, Measure};
pub use self::vitals::Vitals;
