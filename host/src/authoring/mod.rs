//! What the author of a module needs besides a compiler: bindings before it, packing after it.
//!
//! None of this runs in the daemon.

mod bindings;
mod clock;
mod component;
mod error;
mod generator_docs;
mod pack;
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
