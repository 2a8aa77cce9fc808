//! An append-only log in which no entry can be altered, left out or moved without being noticed.
//!
//! Each line is a JSON object whose last member, `chain`, is the SHA-256 of the chain of the line before and
//! of what else the line holds. Where a file is full the log goes on in another one, whose first entry names the
//! file before and its last chain, so that the chain goes on too. Who can write the files can cut entries off the
//! end, and whole files off the beginning, which the check counts; all else shows.

mod chain;
pub mod cli;
mod entries;
mod error;
mod files;
mod log;
mod query;
mod settings;
mod syslog;
mod verify;

pub use self::chain::entry;
pub use self::entries::AuditEntries;
pub use self::error::AuditError;
pub use self::files::{Rotation, audit_files};
pub use self::log::AuditLog;
pub use self::query::{BadGlob, MAX_BYTES, Matcher};
pub use self::settings::Settings;
pub use self::syslog::{Forward, Forwarder};
pub use self::verify::Verified;
