//! What operators depend on, tried on the real binaries.

mod assign;
mod bench;
mod calls;
mod clocks;
mod crashes;
mod delivery;
mod dev;
mod facts;
mod follow;
mod gate;
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
mod scale;
mod signatures;
mod storage;
