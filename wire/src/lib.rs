//! What an overlord, a minion and an operator say to each other.
//!
//! Plain types that know neither end: values and signatures, jobs and their one transition function,
//! the messages of each door, and how they are framed. Beside them, the two things that every end needs to
//! speak at all: identities (keys, certificates, tokens) and QUIC endpoints; and the signatures of modules.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
pub mod arguments;
mod budget;
pub mod call;
pub mod caps;
pub mod catalogue;
pub mod check;
pub mod digest;
pub mod endpoint;
pub mod enroll;
pub mod forward;
pub mod frame;
pub mod given;
pub mod heavy;
pub mod held;
mod history;
pub mod identity;
pub mod instance;
pub mod intake;
mod integer;
pub mod inventory;
pub mod job;
mod job_document;
pub mod json;
pub mod json_text;
pub mod link;
pub mod message;
mod method_names;
pub mod module;
mod module_document;
mod module_page;
mod module_text;
pub mod name;
pub mod operator;
pub mod outcome;
pub mod redaction;
mod report_document;
pub mod schema;
mod shape;
pub mod signature;
pub mod signing;
mod specimen;
mod strict_json;
mod target;
pub mod text;
pub mod transport;
pub mod v1;
pub mod value;
pub mod value_error;
pub mod value_size;
pub mod version;
mod wave;
mod word;

pub use policy::size;
