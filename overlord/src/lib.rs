//! The overlord: the daemon that fans calls out to minions and keeps what became of them, and the command
//! line that operators talk to it with.
//!
//! The daemon's way: [`daemon`] owns the parts; a peer comes in by one of the `doors`; a call becomes a job
//! in `jobs`, which sends a part to each minion in the [`registry`] that the `targets` mean; a module goes
//! into the `catalogue`, from where a `rollout` brings it to minions. The operator's way: [`cli`] parses, [`client`] asks, [`report`] shows.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod audit;
pub mod authorities;
mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
mod config_in_force;
pub mod contexts;
pub mod daemon;
mod daemon_error;
pub mod dev;
pub mod dial_address;
mod doors;
pub mod enrolment;
mod facts;
pub mod folder;
mod jobs;
mod keyed_lock;
mod mandates;
mod operators;
mod outbox;
mod pauses;
mod refusals;
pub mod registry;
pub mod report;
pub mod restored;
mod roles;
mod rollout;
mod services;
mod signed_jobs;
mod signing_key;
mod targets;
mod tasks;
