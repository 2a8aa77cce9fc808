//! What operators depend on, tried on the real binaries.

mod calls;
mod crashes;
mod delivery;
mod dev;
mod identity;
mod jobs;
mod ledgers;
mod modules;
