//! Why an operator's request came to nothing, in words for the operator and as a kind for programs.

use std::path::PathBuf;

use quinn::{ConnectionError, TransportErrorCode};
use wire::identity::{Moment, Untimely};
use wire::message::operator::Refusal;
use wire::signing::mandate::BadMandate;
use wire::transport::endpoint::{
    ALERT_EXPIRED, ALERT_NO_PROTOCOL, CLOSE_REFUSED, CLOSE_UNTIMELY, EndpointError,
};
use wire::transport::frame::FrameError;

use crate::folder::FolderError;

/// Why a request came to nothing. The message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The folder has no identity to dial with.
    #[error("no operator identity in \"{}\": run `overlord init` or `overlord login TOKEN`, or set OVERLORD_DIR", .0.display())]
    NotInitialised(PathBuf),
    /// The overlord's folder cannot be used.
    #[error(transparent)]
    Folder(FolderError),
    /// What is asked for cannot be signed.
    #[error(transparent)]
    Unsigned(BadMandate),
    /// This host gives no endpoint to dial from, or the identity cannot be used for one.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The text is no address, or the host that it names has none.
    #[error("cannot find the overlord's address \"{address}\": {cause}; write HOST:PORT")]
    Address {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        cause: std::io::Error,
    },
    /// Nobody answers at the address.
    #[error("no overlord answers at {address} ({cause}); start it with `overlord serve`")]
    Unreachable {
        /// The address that was dialled.
        address: String,
        /// How the attempt ended.
        cause: String,
    },
    /// Somebody answers who is not the overlord of this folder.
    #[error(
        "{address} is not the overlord of this folder ({cause}); check --address and OVERLORD_DIR. If the overlord has moved to \
         another authority since, have an administrator make a token with `overlord operator invite NAME --replace`, and take \
         it with `overlord login TOKEN`"
    )]
    Untrusted {
        /// The address that was dialled.
        address: String,
        /// What its certificate lacks.
        cause: String,
    },
    /// The overlord of this folder answers, and its certificate is not good now by this host's clock.
    #[error(
        "the certificate of the overlord at {address} {untimely}: set the clock of this host, or, where that is \
         right, start the overlord again, which renews it"
    )]
    Untimely {
        /// The address that was dialled.
        address: String,
        /// Whether the certificate's time has not come or is over.
        untimely: Untimely,
    },
    /// Somebody answers who is not the overlord that a token is of.
    #[error(
        "{address} is not the overlord that the token was made by: check the address, or get a new token with `overlord \
         operator invite NAME`"
    )]
    NotOfToken {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord refused a token.
    #[error(
        "the overlord at {address} refuses the token: it was used before, has run out or is not one for operators; get a \
         new one with `overlord operator invite NAME`"
    )]
    TokenRefused {
        /// The address that was dialled.
        address: String,
    },
    /// The operator's certificate is not good now by the overlord's clock.
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
    /// The overlord does not let this operator in. It does not say why; its log does.
    #[error("the overlord at {address} refuses this operator: its log says why")]
    Refused {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord refuses this request and says why.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The connection broke while the answer was awaited. The request may have been done.
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
    /// The overlord ended the request without an answer. The request may have been done.
    #[error(
        "the overlord at {address} gives no answer: its log may say why; ask again, or for fewer minions"
    )]
    NoAnswer {
        /// The address that was dialled.
        address: String,
    },
    /// The overlord speaks an older version of the messages, which cannot express this request.
    #[error(
        "the overlord is of an older version, which cannot {what}: bring it to the version of this program"
    )]
    OlderOverlord {
        /// What it cannot do, as words that follow "cannot".
        what: &'static str,
    },
    /// The overlord's answer is not one to this request.
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
    /// The kind of the error, of those that `docs/json.md` lists: `error.kind` in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            ClientError::Refusal(refusal) => refusal.kind.as_str(),
            ClientError::NotInitialised(_) => "not-initialised",
            ClientError::Address { .. } | ClientError::Unreachable { .. } => "unreachable",
            ClientError::Untrusted { .. } | ClientError::NotOfToken { .. } => "untrusted",
            ClientError::Untimely { .. } | ClientError::Outdated { .. } => "untimely",
            ClientError::Version { .. } | ClientError::OlderOverlord { .. } | ClientError::Unexpected => {
                "version"
            }
            ClientError::Refused { .. } | ClientError::TokenRefused { .. } => "denied",
            ClientError::Lost { .. } => "lost",
            ClientError::NoAnswer { .. } => "not-answered",
            ClientError::Frame(_) | ClientError::Unsigned(_) => "usage",
            ClientError::Folder(_) | ClientError::Endpoint(_) => "failed",
        }
    }

    /// What the end of a connection means: [`ClientError::Unreachable`] before the connection stood,
    /// [`ClientError::Lost`] later, or what the code says with which it was closed.
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
            // The other end refused our certificate.
            ConnectionError::ConnectionClosed(close) if is_tls(close.error_code) => {
                ClientError::Refused { address }
            }
            // We refused the other end's certificate.
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

/// Whether an error is an alert of TLS: QUIC carries them in a range of its own error codes.
fn is_tls(code: TransportErrorCode) -> bool {
    (0x100..0x200).contains(&u64::from(code))
}
