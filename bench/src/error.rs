//! Why a measurement could not be made.

use ledger::LedgerError;
use wire::transport::endpoint::EndpointError;

use overlord::cli::CliError;
use overlord::client::ClientError;
use overlord::dev::DevError;
use overlord::folder::FolderError;

/// Why a measurement could not be made. That its result is bad is no error.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The daemons could not be set up.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// The overlord could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The overlord's folder is not in order.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The other end of the bare echo could not be made.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The bare echo, which is the floor of the measurement, broke.
    #[error("the bare QUIC echo broke: {0}")]
    Echo(String),
    /// What the engine or connections cost alone could not be measured.
    #[error("`minion measure`, which measures the floor, does not work: {0}")]
    Bare(String),
    /// A ledger that is measured could not be used.
    #[error("the ledger that is measured broke: {0}")]
    Store(LedgerError),
    /// A daemon cannot be looked at, mostly because it has died.
    #[error("cannot see how {name} is: {source}")]
    Process {
        /// Which one.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A call that has no reason not to work did not.
    #[error("a call that must work ended as {0}: see whether `overlord dev` works")]
    NotOk(String),
    /// What a minion has on record cannot be read.
    #[error("cannot read the ledger of {name}: {source}")]
    Ledger {
        /// Which one.
        name: String,
        /// What is wrong with it.
        source: LedgerError,
    },
}

impl From<BenchError> for CliError {
    fn from(error: BenchError) -> Self {
        Self::Brought(error.into())
    }
}
