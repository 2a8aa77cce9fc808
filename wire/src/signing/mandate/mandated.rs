//! What a mandate is for.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::message::call::Share;
use crate::name::{MethodPath, ModuleName};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mandated {
    /// A method is to run.
    Call(Box<MandatedCall>),
    /// A module is to be another one.
    Change(MandatedChange),
}

/// A method that is to run, with all that was said of how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandatedCall {
    /// The method.
    pub method: MethodPath,
    /// The digest of the arguments, in the form in which the operator gave them.
    pub arguments: Digest,
    /// How long it may run on each minion, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether effects are only to be recorded.
    pub dry_run: bool,
    /// Whether it is to be on disk before anyone says that it is accepted.
    pub durable: bool,
    /// How long it is kept for minions that are not connected, in milliseconds.
    pub queue_ms: Option<u64>,
    /// How many minions may run it at once.
    pub batch: Option<Share>,
    /// The number of failures after which no further minion gets it.
    pub max_failures: Option<Share>,
}

/// How a module is to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MandatedChange {
    /// This version comes into service.
    Push {
        /// The module.
        name: ModuleName,
        /// SHA-256 of the version's file.
        digest: Digest,
        /// Whether the operator knows that it is older than what is in service.
        downgrade: bool,
    },
    /// This version comes into service now, and on minions that match later.
    Assign {
        /// The module.
        name: ModuleName,
        /// SHA-256 of the version's file.
        digest: Digest,
    },
    /// The module goes out of service.
    Remove(ModuleName),
    /// The version before comes back.
    Rollback(ModuleName),
}

impl MandatedChange {
    /// The module that is to be another one.
    pub fn module(&self) -> &ModuleName {
        match self {
            Self::Push { name, .. } | Self::Assign { name, .. } => name,
            Self::Remove(name) | Self::Rollback(name) => name,
        }
    }
}
