//! What people and programs are shown of jobs, modules and results: the same in both programs. The JSON documents
//! of [`Report`](crate::message::outcome::Report) and [`Module`](crate::message::module::Module) are methods of
//! these types; what an overlord says of its jobs is sent as the types of `job`, which
//! [`crate::message::operator`] exports.
//!
//! So this room and [`crate::message`] name each other: the documents are made of messages, and those of jobs are
//! themselves what an overlord sends.
//!
//! Everything that others wrote goes through [`text`] or [`json_text`] before it reaches a terminal, and arguments
//! go through [`redaction`]. Tables, colours and the streams themselves are the crate `output`'s.

pub(crate) mod job;
pub mod json_text;
pub(crate) mod module;
pub(crate) mod module_text;
pub(crate) mod page;
pub mod redaction;
pub(crate) mod report;
pub mod text;
