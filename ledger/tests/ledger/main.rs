//! Ledgers through their public door: every test works on a folder of its own, and most open it again.
#![allow(clippy::unwrap_used)]

mod accept;
mod cancel;
mod crash;
mod damage;
mod folder;
mod format;
mod full;
mod give_up;
mod kv;
mod list;
mod listing;
mod minion;
mod model;
mod modules;
mod registry;
mod report;
mod retention;
mod rig;
mod sample;
mod swarm;
