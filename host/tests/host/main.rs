//! The minion, through its public doors: its link and its folder.
#![allow(clippy::unwrap_used)]

mod files;
mod link;
mod modules;
mod policy;
mod recall;
mod rig;
mod signed;
mod versions;
