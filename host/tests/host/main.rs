//! The minion, through its public doors: its link and its folder.
#![allow(clippy::unwrap_used)]

mod fallback;
mod files;
mod link;
mod modules;
mod policy;
mod rig;
mod signed;
mod versions;
