//! The minion: a daemon that runs sandboxed modules for an overlord.
//!
//! [`Minion`] owns the parts. Calls come in over the link, are dispatched to the jobs, which record each one
//! in the ledger and run it in the sandbox as a method of one of the modules.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod access;
mod audit;
pub mod cli;
pub mod config;
mod containment;
mod control;
mod descriptors;
mod dial;
mod dialler;
mod dispatch;
pub mod enroll;
mod enrolled;
mod facts;
pub mod folder;
mod granting;
pub mod highest_versions;
mod jobs;
mod link;
mod log_allowance;
mod mandates;
mod membership;
mod minion;
pub mod modules;
mod notice;
pub mod policy;
mod policy_changes;
mod renewal;
pub mod sandbox;
mod shared;
pub mod signature_file;
mod start_error;
mod status;
pub mod swarm;

pub use config::Config;
pub use control::{ControlError, Reload};
pub use dial::DialError;
pub use folder::Folder;
pub use link::LinkState;
pub use membership::MembershipError;
pub use minion::Minion;
pub use start_error::StartError;
pub use status::{ModuleStatus, Status};
