//! Who may become a minion, and who may be one no longer.

use std::time::Duration;

use wire::digest::Digest;
use wire::message::enrolment::{EnrolmentReply, EnrolmentRequest, Invitation, PendingHost};
use wire::message::operator::{OperatorReply, OperatorRequest};
use wire::message::version::Version;
use wire::name::MinionName;

use super::{Client, ClientError};

/// A host that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedHost {
    /// The host, which is a minion once it asks again.
    pub host: PendingHost,
    /// Whether another key had the name, which is refused from now on.
    pub replaced: bool,
}

/// A minion that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedMinion {
    /// Whether it was connected.
    pub was_connected: bool,
    /// The open tokens with which its host could still join under another name, as globs.
    pub globs: Vec<String>,
}

/// Takes the one kind of reply that answers a request.
macro_rules! answer {
    ($client:expr, $request:expr, $reply:pat => $answer:expr) => {
        match $client.ask_of_enrolment($request).await? {
            $reply => Ok($answer),
            _ => Err(ClientError::Unexpected),
        }
    };
}

impl Client {
    /// Makes a token with which as many as `uses` minions can join whose own names a glob matches, good for `ttl`. It is a
    /// secret.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`].
    pub async fn invite_glob(&self, glob: &str, uses: u32, ttl: Duration) -> Result<String, ClientError> {
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let request = EnrolmentRequest::Invite { glob: glob.to_owned(), uses, ttl_ms };
        answer!(self, request, EnrolmentReply::Invited(token) => token)
    }

    /// The tokens with which somebody may still join, those that expire first first.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`].
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ClientError> {
        answer!(self, EnrolmentRequest::Invitations, EnrolmentReply::Invitations(list) => list)
    }

    /// Withdraws the tokens for this name or glob, or the one with this id. Returns those.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is none, and [`ClientError::OlderOverlord`].
    pub async fn uninvite(&self, which: &str) -> Result<Vec<Invitation>, ClientError> {
        let request = EnrolmentRequest::Uninvite(which.to_owned());
        answer!(self, request, EnrolmentReply::Invitations(list) => list)
    }

    /// The hosts that wait to be let in, and those that were turned away lately; by name.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`].
    pub async fn pending(&self) -> Result<Vec<PendingHost>, ClientError> {
        answer!(self, EnrolmentRequest::Pending, EnrolmentReply::Pending(list) => list)
    }

    /// Lets a host in that waits under this name: the one with this key, which must be said where there are several.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is none and `BadRequest` where the name is in use, and
    /// [`ClientError::OlderOverlord`].
    pub async fn accept(&self, name: MinionName, key: Option<Digest>) -> Result<AcceptedHost, ClientError> {
        let request = EnrolmentRequest::Accept { name, key };
        answer!(self, request, EnrolmentReply::Accepted { host, replaced } => AcceptedHost { host, replaced })
    }

    /// Turns hosts away that wait under this name: all, or the one with this key. Returns those.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is none, and [`ClientError::OlderOverlord`].
    pub async fn reject(
        &self,
        name: MinionName,
        key: Option<Digest>,
    ) -> Result<Vec<PendingHost>, ClientError> {
        let request = EnrolmentRequest::Reject { name, key };
        answer!(self, request, EnrolmentReply::Pending(list) => list)
    }

    /// Takes a minion back: its connection ends, and no other is let in. `why` may be empty.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such minion, and [`ClientError::OlderOverlord`].
    pub async fn revoke(&self, name: MinionName, why: String) -> Result<RevokedMinion, ClientError> {
        let request = EnrolmentRequest::Revoke { name, why };
        answer!(self, request, EnrolmentReply::Revoked { was_connected, globs } => RevokedMinion { was_connected, globs })
    }

    /// Lets a minion connect again that was revoked.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such minion, and [`ClientError::OlderOverlord`].
    pub async fn unrevoke(&self, name: MinionName) -> Result<(), ClientError> {
        answer!(self, EnrolmentRequest::Unrevoke(name), EnrolmentReply::Done => ())
    }

    /// Forgets a minion, whose connection ends. Its jobs stay.
    ///
    /// # Errors
    /// As for [`Client`], of kind `NotFound` where there is no such minion, and [`ClientError::OlderOverlord`].
    pub async fn remove_minion(&self, name: MinionName) -> Result<(), ClientError> {
        answer!(self, EnrolmentRequest::Remove(name), EnrolmentReply::Done => ())
    }

    async fn ask_of_enrolment(&self, request: EnrolmentRequest) -> Result<EnrolmentReply, ClientError> {
        if Version::of(&self.connection) < Version::Five {
            return Err(ClientError::OlderOverlord { what: "say who may become or be a minion" });
        }
        match self.ask(&OperatorRequest::Enrolment(Box::new(request))).await? {
            OperatorReply::Enrolment(reply) => Ok(*reply),
            _ => Err(ClientError::Unexpected),
        }
    }
}
