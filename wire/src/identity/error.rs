//! Why an identity could not be made, read or kept.
//!
//! This file, `peer` and `validity` name each other: what they read fails with this error, which says of a certificate whose it
//! is and that its time is wrong.

use std::path::PathBuf;

use super::peer::Peer;
use super::validity::Untimely;

/// Why an identity could not be made, read or kept.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file could not be read or written.
    #[error("cannot {action} \"{path}\": {source}")]
    File {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should, or holds it in another form than PEM.
    #[error("\"{path}\" is not {what}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A certificate, key or signing request could not be made or used.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The certificate is not one that an overlord's authority signs: what is wrong with its subject.
    #[error("not a certificate of an overlord's authority: {0}")]
    Foreign(&'static str),
    /// A key is encrypted, and cannot be decrypted; or cannot be encrypted.
    #[error("{0}")]
    Locked(String),
    /// The certificate of an authority cannot be used as one.
    #[error("{0}")]
    Authority(String),
    /// The certificate is one of ours, and it is not good at this moment.
    #[error("the certificate of {} \"{}\" {untimely}", .peer.side, .peer.name)]
    Untimely {
        /// The owner that the certificate names.
        peer: Box<Peer>,
        /// Whether its time has not come or is over.
        untimely: Untimely,
    },
}
