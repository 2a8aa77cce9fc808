//! What an overlord, a minion and an operator say to each other.
//!
//! Plain types that know neither end, in rooms: [`value`] is what methods take and give, [`message`] what the sides say,
//! [`document`] what people and programs are shown of it, [`transport`] how it travels, [`identity`] who speaks, and
//! [`signing`] who vouches for a module.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

pub mod digest;
pub mod document;
pub mod identity;
pub mod message;
pub mod name;
pub mod signing;
pub mod transport;
pub mod value;

pub use policy::size;
