//! What the sides say to each other: the messages of each door, what they speak of, and what each may take.
//!
//! The doors are [`link`] (overlord and minion), [`operator`] with [`catalogue`], [`operators`] and
//! [`enrolment`] (operator and overlord) and [`newcomer`] with [`enroll`], its older form (newcomer and overlord). They speak of jobs ([`call`], [`job`],
//! [`outcome`]), of modules ([`module`], [`inventory`]), of certificates that are renewed ([`renewal`]), of the authority
//! that signs them ([`authority`]) and of what was done and refused ([`audit`]). Every message that is read has a [`Limit`], and every field of it a cap
//! ([`caps`]); [`version`] says what older peers hear instead. How the bytes travel is [`crate::transport`]'s.

pub mod audit;
pub mod authority;
pub(crate) mod budget;
pub mod call;
pub mod caps;
pub mod catalogue;
pub mod enroll;
pub mod enrolment;
pub(crate) mod history;
pub mod instance;
pub mod inventory;
pub mod job;
pub(crate) mod limit;
pub mod link;
mod memory;
pub(crate) mod method_names;
pub mod module;
mod module_version;
pub mod newcomer;
mod one_method;
pub mod operator;
pub mod operators;
pub mod outcome;
mod refusal;
pub mod renewal;
pub(crate) mod target;
pub mod v1;
pub mod version;

pub(crate) use self::limit::VALUES;
pub use self::limit::{Limit, Message};
