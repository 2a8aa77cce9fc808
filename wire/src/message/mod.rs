//! What the sides say to each other: the messages of each door, what they speak of, and what each may take.

pub(crate) mod budget;
pub mod call;
pub mod caps;
pub mod catalogue;
pub mod enroll;
pub mod held;
pub(crate) mod history;
pub mod instance;
pub mod inventory;
pub mod job;
pub(crate) mod limit;
pub mod link;
pub(crate) mod method_names;
pub mod module;
pub mod operator;
pub mod outcome;
pub(crate) mod target;
pub mod v1;
pub mod version;

pub(crate) use self::limit::VALUES;
pub use self::limit::{Limit, Message};
