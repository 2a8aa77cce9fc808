//! The minion, through its public doors: its link, its command line, its folder.
#![allow(clippy::unwrap_used)]

mod cli;
mod files;
mod link;
mod modules;
mod policy;
mod recall;
mod rig;
mod versions;
mod watch;
