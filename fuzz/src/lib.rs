//! Feeds damaged input to every reader of what strangers send, and looks for panics, hangs and broken promises.
//!
//! `cargo run -p overlord-fuzz --features program -- TARGET` mutates good inputs at random for a minute; it needs no more than
//! stable Rust. Each entry point ([`load`], [`arguments`], [`frames`]) takes any bytes at all, says whether they
//! were good, and panics where it finds something, so that a coverage-guided fuzzer can call it too. With `cargo fuzz`, which needs
//! nightly Rust, a whole harness is
//!
//! ```text
//! #![no_main]
//! libfuzzer_sys::fuzz_target!(|bytes: &[u8]| { overlord_fuzz::frames(bytes); });
//! ```

mod arguments;
mod driver;
mod frames;
mod input;
mod load;
mod target;

pub use arguments::arguments;
pub use driver::{Driver, Finding, Tally, replay};
pub use frames::frames;
pub use load::load;
pub use target::Target;
