//! What the overlord and the minion ask of the machine that they run on: its clock, its files and folders, how it is
//! configured, its room, and how long to wait before asking something again.
//!
//! Nothing here knows of jobs, modules or each other's messages.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

pub mod backoff;
pub mod clock;
pub mod configuration;
pub mod failpoint;
pub mod file;
pub mod forward;
pub mod heavy;
pub mod home;
pub mod partial;
pub mod room;
