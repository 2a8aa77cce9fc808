//! One version of a module, and where it is on its way into, or out of, service.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One version of a module, as a minion knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleVersion {
    /// SHA-256 of its file.
    pub digest: Digest,
    /// The version in the component's metadata, if it has one.
    pub version: Option<String>,
    /// Where it is on its way into, or out of, service.
    pub state: ModuleState,
    /// When the version came into this state, in milliseconds since 1970.
    pub since: u64,
    /// The public key of the signer, as text; `None` where there is no signature that is good.
    pub signer: Option<String>,
}

/// Where a version of a module is on its way into, or out of, service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleState {
    /// All bytes of its file are on the minion.
    Received,
    /// Its bytes have the digest that was announced, and the policy allows them.
    Verified,
    /// It is being compiled to machine code.
    Compiling,
    /// It is ready to be put into service, which nobody has done yet.
    Staged,
    /// It is in service: calls go to it.
    Active,
    /// It was replaced or removed, and jobs of it still run.
    Draining,
    /// It was replaced or removed, and is kept so that the minion can go back to it.
    Retired,
    /// It is not in service, for this reason.
    Failed(String),
}

impl ModuleState {
    /// The word for the state in the command line, JSON and logs, without the reason of a failure.
    pub fn as_str(&self) -> &'static str {
        match self {
            ModuleState::Received => "received",
            ModuleState::Verified => "verified",
            ModuleState::Compiling => "compiling",
            ModuleState::Staged => "staged",
            ModuleState::Active => "active",
            ModuleState::Draining => "draining",
            ModuleState::Retired => "retired",
            ModuleState::Failed(_) => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_the_word_that_programs_know() {
        use ModuleState::{Active, Compiling, Draining, Failed, Received, Retired, Staged, Verified};
        let states =
            [Received, Verified, Compiling, Staged, Active, Draining, Retired, Failed("why".to_owned())];
        let words =
            ["received", "verified", "compiling", "staged", "active", "draining", "retired", "failed"];
        assert_eq!(states.each_ref().map(ModuleState::as_str), words);
    }
}
