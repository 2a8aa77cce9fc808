//! The minion, through its public doors: its link, its command line, its folder.
#![allow(clippy::unwrap_used)]

mod cli;
mod link;
mod modules;
mod policy;
mod rig;
mod watch;
