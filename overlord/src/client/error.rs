//! Why an operator's request came to nothing.

use std::path::PathBuf;

use quinn::{ConnectionError, TransportErrorCode};
use wire::identity::{Moment, Untimely};
use wire::message::operator::Refusal;
use wire::transport::endpoint::{
    ALERT_EXPIRED, ALERT_NO_PROTOCOL, CLOSE_REFUSED, CLOSE_UNTIMELY, EndpointError,
};
use wire::transport::frame::FrameError;

use crate::folder::FolderError;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The folder has no identity to dial with.
    #[error("no operator identity in \"{}\": run `overlord init`, or set OVERLORD_DIR", .0.display())]
    NotInitialised(PathBuf),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(FolderError),
    /// There is nothing to dial from, or not with this identity.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The address is not one, or its host has no address.
    #[error("cannot find the overlord's address \"{address}\": {cause}; write HOST:PORT")]
    Address {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        cause: std::io::Error,
    },
    /// Nobody answers.
    #[error("no overlord answers at {address} ({cause}); start it with `overlord serve`")]
    Unreachable {
        /// The address that was dialled.
        address: String,
        /// How it did not answer.
        cause: String,
    },
    /// Somebody answers who is not our overlord.
    #[error("{address} is not the overlord of this folder ({cause}); check --address and OVERLORD_DIR")]
    Untrusted {
        /// The address that was dialled.
        address: String,
        /// What its certificate lacks.
        cause: String,
    },
    /// Our overlord answers, and its certificate is not good now.
    #[error(
        "the certificate of the overlord at {address} {untimely}: set the clock of this host, or, where that is \
         right, start the overlord again, which renews it"
    )]
    Untimely {
        /// The address that was dialled.
        address: String,
        /// What is wrong with its time.
        untimely: Untimely,
    },
    /// The overlord finds that the operator's certificate is not good now.
    #[error(
        "the overlord at {address} refuses this operator: by its clock it is not the time of this operator's \
         certificate, and this host's clock says {}; set both clocks. The certificate in the overlord's own folder \
         is renewed by any command there",
        Moment::now()
    )]
    Outdated {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord speaks no version that this program knows.
    #[error(
        "the overlord at {address} speaks none of the versions of this program: bring both to the same version"
    )]
    Version {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord does not let this operator in. It says no more than that; its log does.
    #[error("the overlord at {address} refuses this operator: its log says why")]
    Refused {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord refuses this request, and says why.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The connection broke while the answer was awaited.
    #[error("lost the connection to the overlord at {address} ({cause})")]
    Lost {
        /// The address that was dialled.
        address: String,
        /// How it broke.
        cause: String,
    },
    /// The overlord sent something that cannot be read, or a request is too large to send.
    #[error("cannot talk to the overlord: {0}")]
    Frame(FrameError),
    /// The overlord ended the request without an answer.
    #[error(
        "the overlord at {address} gives no answer: its log may say why; ask again, or for fewer minions"
    )]
    NoAnswer {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord is of a version that cannot do this.
    #[error(
        "the overlord is of an older version, which cannot {what}: bring it to the version of this program"
    )]
    OlderOverlord {
        /// What it cannot do.
        what: &'static str,
    },
    /// The overlord answered something else than what was asked.
    #[error("the overlord's answer does not fit the question: are both of the same version?")]
    Unexpected,
}

impl From<FolderError> for ClientError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::NotInitialised(dir) => ClientError::NotInitialised(dir),
            other => ClientError::Folder(other),
        }
    }
}

impl ClientError {
    /// Which of the kinds of `docs/json.md` it is of.
    pub fn kind(&self) -> &'static str {
        match self {
            ClientError::Refusal(refusal) => refusal.kind.as_str(),
            ClientError::NotInitialised(_) => "not-initialised",
            ClientError::Address { .. } | ClientError::Unreachable { .. } => "unreachable",
            ClientError::Untrusted { .. } => "untrusted",
            ClientError::Untimely { .. } | ClientError::Outdated { .. } => "untimely",
            ClientError::Version { .. } | ClientError::OlderOverlord { .. } | ClientError::Unexpected => {
                "version"
            }
            ClientError::Refused { .. } => "denied",
            ClientError::Lost { .. } => "lost",
            ClientError::NoAnswer { .. } => "not-answered",
            ClientError::Frame(_) => "usage",
            ClientError::Folder(_) | ClientError::Endpoint(_) => "failed",
        }
    }

    /// What the end of a connection means, before it stood (`Unreachable`) or later (`Lost`).
    pub(super) fn of_connection(address: &str, error: &ConnectionError, stood: Stood) -> Self {
        let address = address.to_owned();
        match error {
            ConnectionError::ApplicationClosed(close) if close.error_code == CLOSE_REFUSED => {
                ClientError::Refused { address }
            }
            ConnectionError::ApplicationClosed(close) if close.error_code == CLOSE_UNTIMELY => {
                ClientError::Outdated { address }
            }
            ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == ALERT_EXPIRED => {
                ClientError::Outdated { address }
            }
            ConnectionError::ConnectionClosed(close) if u64::from(close.error_code) == ALERT_NO_PROTOCOL => {
                ClientError::Version { address }
            }
            // The other end did not like our certificate.
            ConnectionError::ConnectionClosed(close) if is_tls(close.error_code) => {
                ClientError::Refused { address }
            }
            // We did not like the other end's.
            ConnectionError::TransportError(error) if is_tls(error.code) => {
                ClientError::Untrusted { address, cause: error.reason.clone() }
            }
            other => {
                let cause = other.to_string();
                match stood {
                    Stood::NotYet => ClientError::Unreachable { address, cause },
                    Stood::Already => ClientError::Lost { address, cause },
                }
            }
        }
    }
}

/// Whether a connection had been made before it ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stood {
    NotYet,
    Already,
}

/// QUIC carries the alerts of TLS in a range of its own error codes.
fn is_tls(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}
