//! Modules in every language that there are examples and templates for, built from source and run by real daemons.
//!
//! A test binary of its own, because the first time it installs compilers and takes some minutes.

mod commands;
mod declarations;
mod disk;
mod new;
