//! What an operator and an overlord say to each other of the authority that signs certificates, and of the move from one to
//! another. All of it travels inside [`OperatorRequest::Authority`](crate::message::operator::OperatorRequest::Authority)
//! and [`OperatorReply::Authority`](crate::message::operator::OperatorReply::Authority).

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What an operator asks of the authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorityRequest {
    /// Which authorities are there, and who has certificates of them? Answered by `Status`.
    Status,
    /// Make a new authority, and begin the move to it. Answered by `Status`.
    Rotate,
    /// End the move: let go of the authority that is not needed any more. Answered by `Status`.
    Finish {
        /// Those who still need it, and are to be left behind: minions and operators, by name.
        leave_behind: Vec<String>,
        /// Whether all of them are.
        force: bool,
    },
    /// Go back to the authority before the move. Answered by `Status`.
    Back,
    /// Make a key for an intermediate authority, and a signing request for it. Answered by `SigningRequest`.
    Export,
    /// Begin the move to the authority whose certificates these are, in PEM: that of the key which was exported first, that
    /// of the root last. Answered by `Status`.
    Import(String),
    /// Make the operator's next certificate, for the key of this signing request in DER: of the authority that the overlord
    /// moves to, with what vouches for that. Answered by `Renewed`.
    Renew(Vec<u8>),
}

/// What an overlord answers to an [`AuthorityRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorityReply {
    /// This is how it is.
    Status(Box<AuthorityStatus>),
    /// The signing request, in PEM.
    SigningRequest(String),
}

/// Where an overlord is on its way from one authority to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveStep {
    /// There is one authority, and no move.
    Settled,
    /// Everybody is given certificates of the new authority. The overlord still shows one of the former.
    Issuing,
    /// The overlord shows a certificate of the new authority as well. Those of the former one are still good.
    Serving,
    /// Everybody is given certificates of the former authority again. Those of the new one are still good.
    Back,
}

impl MoveStep {
    /// The word for it in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            MoveStep::Settled => "settled",
            MoveStep::Issuing => "issuing",
            MoveStep::Serving => "serving",
            MoveStep::Back => "back",
        }
    }
}

/// The authorities of an overlord, and how far the move between them is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityStatus {
    /// How far the move is.
    pub step: MoveStep,
    /// Since when, in milliseconds since 1970; `None` where there never was a move.
    pub since: Option<u64>,
    /// The authorities whose certificates are good: the former one first.
    pub authorities: Vec<AuthorityState>,
    /// Those who have no certificate of the authority that issues, or trust another besides it, by name.
    pub missing: Vec<Missing>,
    /// How many tokens are out that name the authority which is let go of at the end.
    pub tokens: usize,
    /// Whether a signing request was exported whose certificate was not imported yet.
    pub exported: bool,
}

/// One authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityState {
    /// SHA-256 of its own certificate.
    pub id: Digest,
    /// SHA-256 of its root's certificate, by which newcomers know the overlord. The same where it is the root.
    pub fingerprint: Digest,
    /// The first second at which it is good, since 1970.
    pub valid_from: i64,
    /// The last second at which it is good, since 1970.
    pub valid_until: i64,
    /// Whether it signs the certificates of those who renew.
    pub issues: bool,
    /// Whether the overlord shows a certificate of it.
    pub shown: bool,
    /// Whether its key is encrypted on the overlord's disk.
    pub encrypted: bool,
    /// How many minions have a certificate of it.
    pub minions: usize,
    /// How many operators have one.
    pub operators: usize,
}

/// Somebody who is not where the move leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Whether it is an operator; otherwise it is a minion.
    pub is_operator: bool,
    /// Its name.
    pub name: String,
    /// Whether it is connected now.
    pub connected: bool,
    /// When it was heard of last, in milliseconds since 1970; `None` where that is not known.
    pub last_seen: Option<u64>,
    /// What it lacks.
    pub lack: Lack,
}

/// What somebody lacks who is not where the move leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// Its certificate is of the other authority: it gets another when it is connected.
    Certificate,
    /// It still trusts an authority that is gone: it lets go of that when it is connected.
    Trust,
    /// Its certificate is of an authority that is gone: it has to join or log in anew.
    Return,
}

impl Lack {
    /// The word for it in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Lack::Certificate => "certificate",
            Lack::Trust => "trust",
            Lack::Return => "return",
        }
    }
}
