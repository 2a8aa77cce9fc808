//! What operators depend on, tried on the real binaries.

mod assign;
mod attackers;
mod bench;
mod calls;
mod clocks;
mod crashes;
mod delivery;
mod dev;
mod facts;
mod follow;
mod gate;
mod hostile_peers;
mod hotload;
mod hotload_deaths;
mod identity;
mod jobs;
mod ledgers;
mod matrix;
mod modules;
mod network;
mod push;
mod pushes;
mod reenrolment;
mod scale;
mod signatures;
mod storage;
