//! What a newcomer and an overlord say to each other at the `enroll/2` door: one [`Newcomer`] and one
//! [`NewcomerReply`] a connection.
//!
//! An overlord that has no such door yet has that of [`enroll`](super::enroll), where a minion with a token can join
//! and nobody else.

use serde::{Deserialize, Serialize};

use crate::message::enroll::{EnrollReply, EnrollRequest};
use crate::name::{MinionName, OperatorName};

pub use crate::message::enroll::MAX_MESSAGE;

/// The application protocol of a newcomer's connection.
pub const ALPN: &[u8] = b"enroll/2";

/// The application protocols of this door, the newest first, for a newcomer that can do with either.
pub const ALPNS: &[&[u8]] = &[ALPN, crate::message::enroll::ALPN];

/// What a newcomer sends. Of each signing request, in DER, only the public key is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Newcomer {
    /// A host that has a token.
    Minion {
        /// The secret of the token.
        secret: [u8; 16],
        /// The name that the host has or wants, for a token that leaves the choice; `None` where it has none that
        /// could be a minion's.
        name: Option<MinionName>,
        /// The signing request.
        signing_request: Vec<u8>,
    },
    /// A host without a token, which waits until an operator or a rule lets it in. It asks again until then.
    Waiting {
        /// The name that it wants.
        name: MinionName,
        /// The signing request.
        signing_request: Vec<u8>,
    },
    /// A person or a program that has a token for operators.
    Operator {
        /// The secret of the token.
        secret: [u8; 16],
        /// The signing request.
        signing_request: Vec<u8>,
    },
}

/// A certificate, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The newcomer's certificate, in DER.
    pub certificate: Vec<u8>,
    /// The certificates between that and an authority, in DER, the nearest first; none where the authority itself has
    /// signed it.
    pub intermediates: Vec<Vec<u8>>,
    /// The certificates of the authorities to trust, in DER; the one that the certificate is of is the first.
    pub authorities: Vec<Vec<u8>>,
}

/// What an overlord answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewcomerReply {
    /// The newcomer is refused, and told no more than that: the reason is in the overlord's log.
    Refused,
    /// The newcomer is a minion now.
    Minion {
        /// Its name.
        name: MinionName,
        /// Its certificate.
        issued: Issued,
    },
    /// The newcomer is an operator now.
    Operator {
        /// Its name.
        name: OperatorName,
        /// Its certificate.
        issued: Issued,
    },
    /// The host is not let in yet: it is to ask again, as one without a token.
    Waits {
        /// How long it is to wait before it asks again, in milliseconds.
        again_ms: u64,
    },
    /// So many wait that there is no room for another one: it may ask again.
    Full {
        /// How long it is to wait before it asks again, in milliseconds.
        again_ms: u64,
    },
    /// An operator has rejected the host.
    Rejected,
    /// Another host has the name and is connected, so that this one cannot have it.
    NameInUse(MinionName),
    /// The token is for other names.
    NameNotInvited {
        /// The names that it is for, as a glob.
        glob: String,
    },
}

impl From<EnrollRequest> for Newcomer {
    fn from(EnrollRequest { secret, signing_request }: EnrollRequest) -> Self {
        Newcomer::Minion { secret, name: None, signing_request }
    }
}

/// What newcomers at the older door hear instead, which know of nothing but tokens of minions.
impl From<NewcomerReply> for EnrollReply {
    fn from(reply: NewcomerReply) -> Self {
        let NewcomerReply::Minion { name, issued } = reply else { return EnrollReply::Refused };
        let Some(authority) = issued.authorities.into_iter().next() else { return EnrollReply::Refused };
        EnrollReply::Enrolled { name, certificate: issued.certificate, authority }
    }
}

/// What newcomers say whose overlord answered at the older door.
impl From<EnrollReply> for NewcomerReply {
    fn from(reply: EnrollReply) -> Self {
        match reply {
            EnrollReply::Enrolled { name, certificate, authority } => NewcomerReply::Minion {
                name,
                issued: Issued { certificate, intermediates: Vec::new(), authorities: vec![authority] },
            },
            EnrollReply::Refused => NewcomerReply::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_at_the_older_door_hears_what_it_knows() {
        let enrolled = EnrollReply::Enrolled {
            name: "web1".parse().expect("a name"),
            certificate: vec![1],
            authority: vec![2],
        };
        assert_eq!(EnrollReply::from(NewcomerReply::from(enrolled.clone())), enrolled);
        for other in [
            NewcomerReply::Refused,
            NewcomerReply::Waits { again_ms: 1 },
            NewcomerReply::NameNotInvited { glob: "web*".into() },
        ] {
            assert_eq!(EnrollReply::from(other), EnrollReply::Refused);
        }
    }
}
