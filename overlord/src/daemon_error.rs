//! Why an overlord could not run.

use audit_log::AuditError;
use ledger::LedgerError;
use wire::transport::endpoint::EndpointError;

use crate::authorities::OpenError;
use crate::folder::FolderError;

/// Why an overlord could not run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The overlord's folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The overlord's authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] OpenError),
    /// The overlord's ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The overlord's audit log cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The folder with the files of modules cannot be used.
    #[error("{0}")]
    Modules(String),
    /// The address cannot be listened on, or the overlord's identity cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The system does not say which address it gave.
    #[error("cannot tell the address that is listened on: {0}")]
    Address(std::io::Error),
}
