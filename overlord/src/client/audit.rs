//! The overlord's audit log, as its operators see it. Its request is a method of [`Client`], so this file and its
//! parent name each other.

use wire::message::audit::AuditQuery;
use wire::message::operator::{OperatorReply, OperatorRequest};
use wire::message::version::Version;

use super::job_stream::Replies;
use super::{Client, ClientError};

/// Entries of the overlord's audit log, each a line of JSON, in the order in which they were added.
pub struct AuditStream {
    replies: Replies,
}

impl AuditStream {
    /// The next of the entries; `None` after the last ones, which never come where they are followed. Cancel safe.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::Refusal`] where the log cannot be read or a glob is none.
    pub async fn next(&mut self) -> Result<Option<Vec<String>>, ClientError> {
        match self.replies.next().await? {
            None => Ok(None),
            Some(OperatorReply::AuditEntries(entries)) => Ok(Some(entries)),
            Some(_) => Err(ClientError::Unexpected),
        }
    }
}

impl Client {
    /// What was asked of the overlord, and what it decided: the newest entries of its audit log that fit, and those
    /// that are added after them where `follow` says so.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`].
    pub async fn audit(&self, query: AuditQuery, follow: bool) -> Result<AuditStream, ClientError> {
        if Version::of(&self.connection) < Version::Five {
            return Err(ClientError::OlderOverlord { what: "show its audit log" });
        }
        Ok(AuditStream { replies: self.send(&OperatorRequest::Audit { query, follow }).await? })
    }
}
