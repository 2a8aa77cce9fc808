//! A newcomer that has a token of an operator.

use ledger::OperatorInvite;
use wire::digest::Digest;
use wire::identity::{Peer, Side, SigningRequest};
use wire::message::newcomer::NewcomerReply;

use super::{EnrollDoor, TurnedAway};
use crate::services::Services;

impl EnrollDoor {
    /// Lets an operator in that was invited.
    pub(super) async fn operator(
        &self,
        secret: &[u8; 16],
        signing_request: &[u8],
    ) -> Result<NewcomerReply, TurnedAway> {
        let Services { authorities, operators, audit, .. } = &*self.hall.services;
        let secret = Digest::of(secret);
        let invite = operators.invited(&secret).await.map_err(TurnedAway::refused)?;
        let request = SigningRequest::from_der(signing_request)
            .map_err(|error| TurnedAway::refused(format!("its signing request is no good: {error}")))?;
        let OperatorInvite { name, lifetime_ms, by, .. } = invite;
        let renewing = authorities.held().coming_in();
        let authority = &renewing.authority;
        let certificate = match lifetime_ms {
            Some(lifetime) => authority.sign_request_for(&request, Side::Operator, name.as_str(), lifetime),
            None => authority.sign_request(&request, Side::Operator, name.as_str()),
        };
        let certificate = certificate.map_err(TurnedAway::refused)?;
        let peer = Peer::of(&certificate).map_err(TurnedAway::refused)?;
        authorities.giving(peer.key, renewing.holding.clone()).await.map_err(TurnedAway::refused)?;
        // Nobody has the certificate before the token is used up for its key.
        let record = operators.log_in(&secret, peer.key, peer.validity).await.map_err(TurnedAway::refused)?;
        let from = self.connection.remote_address();
        audit.logged_in(&record.name, from, &by);
        tracing::info!(operator = %record.name, %from, "logged in");
        Ok(NewcomerReply::Operator { name: record.name, issued: renewing.issued(certificate) })
    }
}
