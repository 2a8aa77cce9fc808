//! Measurements on real daemons, in a folder that is thrown away: whether they stay flat (`soak`), how fast
//! they are (`call`, `fanout`, `connect`, `ledger`, `module`, `push`), what they take (`memory`) and whether they keep their promises when they are killed (`crash`).
//!
//! Nothing here asserts a time: speeds are reported as ratios to a floor that the same run measured. The commands are [`cli`]'s.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod bare;
mod call;
pub mod cli;
mod connect;
mod crash;
mod echo;
mod error;
mod fanout;
mod job;
mod ledger;
mod memory;
mod module;
mod push;
mod report;
mod soak;
mod statistics;
mod trial;
mod verdict;
mod vitals;

pub use self::call::{CallOptions, call};
pub use self::connect::{ConnectOptions, connect};
pub use self::crash::{Crash, CrashOptions, Kills, Violation, crash};
pub use self::error::BenchError;
pub use self::fanout::{FanoutOptions, fanout};
pub use self::ledger::{FEW, LedgerOptions, ledger};
pub use self::memory::{MemoryOptions, memory};
pub use self::module::{ModuleOptions, module};
pub use self::push::{PushOptions, push};
pub use self::report::{Figures, Floor, Measured, Report, Unit};
pub use self::soak::{Disk, Sample, Soak, SoakOptions, soak};
pub use self::statistics::Spread;
pub use self::verdict::{Growth, Measure};
pub use self::vitals::Vitals;
