//! What an overlord, a minion and an operator say to each other.
//!
//! These are plain types that know neither end. They lie in rooms: [`value`] is what methods take and return,
//! [`message`] what the sides say to each other, [`document`] what people and programs are shown of it,
//! [`transport`] how messages travel, [`identity`] who speaks, [`signing`] who vouches for a module, and
//! [`targets`] which minions are meant. [`name`] and [`digest`] are what all rooms call things by, and [`memory`] is how much
//! memory they say that they take.
//!
//! Nothing here keeps a record, runs a guest or decides who may do what: those are the ledger, the minion and the
//! overlord. A type that is sent or stored only ever grows at its end, since older programs and older ledgers hold
//! it: see [`message::version`].
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

pub mod digest;
pub mod document;
pub mod identity;
pub mod memory;
pub mod message;
pub mod name;
pub mod signing;
pub mod targets;
pub mod transport;
pub mod value;

pub use policy::size;
