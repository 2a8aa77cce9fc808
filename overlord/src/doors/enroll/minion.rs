//! Hosts with a token.

use machine::clock::now_ms;
use wire::digest::Digest;
use wire::identity::{Role, SigningRequest};
use wire::message::newcomer::NewcomerReply;

use super::{EnrollDoor, TurnedAway};
use crate::services::Services;

impl EnrollDoor {
    /// The answer to a host that has a token.
    pub(super) async fn minion(
        &self,
        secret: &[u8; 16],
        signing_request: &[u8],
    ) -> Result<NewcomerReply, TurnedAway> {
        let Services { authority, ledger, registry, .. } = &*self.hall.services;
        let secret = Digest::of(secret);
        ledger.invited(&secret, now_ms()).await.map_err(TurnedAway::refused)?;
        let signing_request = SigningRequest::from_der(signing_request)
            .map_err(|error| TurnedAway::refused(format!("its signing request is no good: {error}")))?;
        let name = registry.enroll(&secret, signing_request.key()).await.map_err(TurnedAway::refused)?;
        let certificate = authority
            .sign_request(&signing_request, Role::Minion, name.as_str())
            .map_err(|error| TurnedAway::refused(format!("cannot sign for \"{name}\": {error}")))?;
        tracing::info!(minion = %name, from = %self.connection.remote_address(), "enrolled");
        Ok(NewcomerReply::Minion { name, issued: self.issued(certificate) })
    }
}
