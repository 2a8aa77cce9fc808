//! The program `minion`, through its command line.
#![allow(clippy::unwrap_used)]

mod cli;
// One test needs an overlord's end of the link, as those of the library do.
#[path = "../../../../host/tests/host/rig.rs"]
mod rig;
mod watch;
