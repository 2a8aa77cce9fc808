//! What the author of a module needs besides a compiler: a place to start, bindings before it, packing and signing
//! after it.
//!
//! None of this runs in the daemon. The commands of [`cli`] are a part of the command line of `minion`.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod bindings;
pub mod cli;
mod clock;
mod component;
mod error;
mod generator_docs;
mod pack;
pub mod scaffold;
mod sources;
mod supervised;
mod typescript;
mod weight;
mod wit;

pub use bindings::{BindingsLanguage, write_bindings};
pub use error::AuthoringError;
pub use pack::{About, Packed, pack};
pub use supervised::supervised;
pub use wit::Wit;
