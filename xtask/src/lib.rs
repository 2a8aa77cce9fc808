//! How guests are built from source: for the tests, which ask for them when they run, and for `cargo modules`
//! and `cargo demo`, which put the bundled ones where `overlord dev` looks.
//!
//! Guests are cargo workspaces of their own (`plugins/`, `tests/fixtures/`), because they need another target
//! and another profile than the host. They are built on demand, never by a build script, so that
//! `cargo check`, clippy and documentation of the host do not pay for them.

mod cargo;
pub mod demo;
pub mod guests;
pub mod modules;
