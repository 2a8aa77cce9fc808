//! Why a minion, or a swarm of them, cannot start.

use audit_log::AuditError;
use ledger::LedgerError;
use wire::identity::IdentityError;

use crate::highest_versions::HighestVersionsError;
use crate::membership::MembershipError;
use crate::modules::ModulesError;
use crate::sandbox::SandboxError;

/// Why a minion cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is not known to whom it belongs.
    #[error(transparent)]
    Membership(#[from] MembershipError),
    /// What tells it from a copy of it cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its job store cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The modules folder cannot be read.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// The file with the highest version of each module cannot be read.
    #[error(transparent)]
    HighestVersions(#[from] HighestVersionsError),
    /// The minion's audit log cannot be opened.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// There are no threads for guests.
    #[error("cannot start the threads that guests run on: {0}")]
    Threads(std::io::Error),
}
