//! The newcomers' door: a token's secret and a signing request in, a certificate out.

use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use wire::clock::now_ms;
use wire::digest::Digest;
use wire::endpoint::CLOSE_DONE;
use wire::enroll::{EnrollReply, EnrollRequest, MAX_MESSAGE};
use wire::frame::{self, FrameError};
use wire::identity::{Role, SigningRequest};

use super::refuse;
use crate::desk::Desk;

/// One newcomer.
pub(super) struct EnrollDoor {
    desk: Arc<Desk>,
    connection: Connection,
}

impl EnrollDoor {
    pub(super) fn new(desk: Arc<Desk>, connection: Connection) -> Self {
        Self { desk, connection }
    }

    /// Answers one request and shows the newcomer out.
    pub(super) async fn serve(self) {
        match tokio::time::timeout(PATIENCE, self.exchange()).await {
            Ok(Ok(())) => {
                // The newcomer closes when it has its answer.
                let _ = tokio::time::timeout(PATIENCE, self.connection.closed()).await;
                self.connection.close(CLOSE_DONE, b"");
            }
            Ok(Err(error)) => refuse(&self.connection, &format!("enrolment broke off: {error}")),
            Err(_) => refuse(&self.connection, "enrolment took too long"),
        }
    }

    async fn exchange(&self) -> Result<(), FrameError> {
        let (mut send, mut receive) = self.connection.accept_bi().await.map_err(std::io::Error::from)?;
        let request: EnrollRequest = frame::read(&mut receive, MAX_MESSAGE).await?;
        let reply = match self.enroll(&request).await {
            Ok(reply) => reply,
            Err(why) => {
                tracing::warn!(from = %self.connection.remote_address(), "refused to enrol: {why}");
                EnrollReply::Refused
            }
        };
        frame::write(&mut send, &reply, MAX_MESSAGE).await?;
        // Nothing more is said, whether or not the newcomer still listens.
        let _ = send.finish();
        Ok(())
    }

    /// The answer, or what only the log may say.
    async fn enroll(&self, request: &EnrollRequest) -> Result<EnrollReply, String> {
        let Desk { authority, ledger, registry, .. } = &*self.desk;
        let signing_request = SigningRequest::from_der(&request.signing_request)
            .map_err(|error| format!("its signing request is no good: {error}"))?;
        let (secret, key) = (Digest::of(&request.secret), signing_request.key());
        let name = ledger.redeem(&secret, key, now_ms()).await.map_err(|error| error.to_string())?;
        let certificate = authority
            .sign_request(&signing_request, Role::Minion, name.as_str())
            .map_err(|error| format!("cannot sign for \"{name}\": {error}"))?;
        registry.enroll(name.clone(), key).await.map_err(|error| error.to_string())?;
        tracing::info!(minion = %name, from = %self.connection.remote_address(), "enrolled");
        Ok(EnrollReply::Enrolled { name, certificate, authority: authority.certificate().to_vec() })
    }
}

/// How long a newcomer may take over its one request.
const PATIENCE: Duration = Duration::from_secs(10);
