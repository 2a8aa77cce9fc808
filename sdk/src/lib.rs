//! What the author of a Rust module reads.
//!
//! A module is some WIT, a type that implements it, and a line that exports the type:
//!
//! ```
//! minion_sdk::module!({ inline: "
//!     package acme:hello@0.1.0;
//!     world hello {
//!         /// Greets somebody by name.
//!         export greet: func(name: string) -> string;
//!     }
//! " });
//!
//! struct Hello;
//!
//! impl Guest for Hello {
//!     fn greet(name: String) -> String {
//!         format!("hello, {name}")
//!     }
//! }
//!
//! export!(Hello);
//! # fn main() { assert_eq!(Hello::greet("you".into()), "hello, you") }
//! ```
//!
//! Built as a `cdylib` with `cargo build --release --target wasm32-wasip2`, that is a module: every function
//! that its world exports is a method, and the function's doc comment is the method's documentation.
//!
//! What the host offers are plain functions, and the WIT need not mention them: [`log`] and [`job`] always,
//! [`facts`], [`kv`], [`probe`], [`process`] and [`settings`] where the minion's policy grants them. A module asks for what
//! it uses, and for nothing else. Files, environment, clocks and random numbers are those of `std`.
//!
//! Natively the same functions talk to a host that [`testing`] makes up, so a module's methods are tested like
//! any other code, with `cargo test --target` and the name of the own machine's target.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, unreachable_pub)]
pub mod bindings;
pub mod facts;
pub mod job;
pub mod kv;
pub mod log;
pub mod probe;
pub mod process;
pub mod settings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use minion_sdk_macros::module;

#[doc(hidden)]
pub use wit_bindgen;

/// The host's functions: those of the minion in a module, and made-up ones in a native test.
mod host {
    #[cfg(target_arch = "wasm32")]
    pub(crate) use crate::bindings::minion::{
        facts::facts, job::job, kv::kv, log::log, probe::probe, process::process, settings::settings,
    };
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) use crate::testing::{facts, job, kv, log, probe, process, settings};
}
