//! What the author of a module needs besides a compiler: bindings before it, packing after it.
//!
//! None of this runs in the daemon.

mod bindings;
mod clock;
mod component;
mod error;
mod pack;
mod typescript;
mod wit;

pub use bindings::{BindingsLanguage, write_bindings};
pub use error::AuthoringError;
pub use pack::{About, Packed, pack};
pub use wit::Wit;
