//! What the overlord and the minion ask of the machine that they run on: its clock ([`clock`], [`moment`]), its files and
//! folders ([`mod@file`], [`partial`], [`home`]), how it is configured ([`configuration`]), how much room its disks have ([`disk_space`]),
//! how many files it may have open ([`descriptors`]), how long to wait before something is asked again ([`backoff`]), what would hold up others on its thread
//! ([`thread`]), states that only go forward ([`forward`]), the memory that it has ([`memory`]), and locks that outlive a panic ([`lock`]). [`failpoint`] is
//! how tests let a daemon die, and set its clock.
//!
//! Nothing here knows of jobs, modules or each other's messages.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

pub mod backoff;
pub mod clock;
pub mod configuration;
pub mod descriptors;
pub mod disk_space;
pub mod failpoint;
pub mod file;
pub mod forward;
pub mod home;
pub mod lock;
pub mod memory;
pub mod moment;
pub mod partial;
pub mod thread;
