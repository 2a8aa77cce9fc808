//! The minion, through its public doors: its link, its command line, its folder.
#![allow(clippy::unwrap_used)]

mod cli;
mod link;
mod policy;
mod rig;
