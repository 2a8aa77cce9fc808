//! Hosts with a token.

use ledger::{Invitations, InviteError, Invited, LedgerError};
use machine::clock::now_ms;
use wire::digest::Digest;
use wire::identity::{Side, SigningRequest};
use wire::message::enrolment::NameHolder;
use wire::message::newcomer::NewcomerReply;
use wire::name::MinionName;

use super::{EnrollDoor, TurnedAway};
use crate::audit::LetInBy;
use crate::enrolment::NameGlob;
use crate::roles::{Deed, MinionVerb, On};
use crate::services::Services;

impl EnrollDoor {
    /// The answer to a host that has a token, and `offers` a name for one that leaves the choice.
    pub(super) async fn minion(
        &self,
        secret: &[u8; 16],
        offers: Option<&MinionName>,
        signing_request: &[u8],
    ) -> Result<NewcomerReply, TurnedAway> {
        let Services { ledger, registry, .. } = &*self.hall.services;
        let secret = Digest::of(secret);
        if let Invited::Glob(invite) =
            ledger.invited_by(&secret, now_ms()).await.map_err(TurnedAway::refused)?
        {
            fits(&invite.glob, offers)?;
        }
        let signing_request = read(signing_request)?;
        let may_replace = self.may_replace(&secret).await.map_err(TurnedAway::refused)?;
        match registry.enroll(&secret, offers, signing_request.key(), may_replace).await {
            Ok(name) => self.sign(name, &signing_request, &LetInBy::Token).await,
            Err(InviteError::Taken { name }) => self.taken(name, &signing_request).await,
            Err(error) => Err(TurnedAway::refused(error)),
        }
    }

    /// Whether a token for one name takes that from the minion that has it: where whoever made the token may remove that, now.
    async fn may_replace(&self, secret: &Digest) -> Result<bool, LedgerError> {
        let Services { ledger, registry, operators, roles, .. } = &*self.hall.services;
        let Invitations { names, .. } = ledger.invitations().await?;
        let Some((invite, made)) = names.into_iter().find(|(invite, _)| invite.secret == *secret) else {
            return Ok(false);
        };
        // One of an older overlord does not say who made it.
        let Some(made) = made else { return Ok(true) };
        let roles = roles.of(&made.by, operators.roles(&made.by).as_deref());
        let on = On::These(std::slice::from_ref(&invite.name));
        Ok(roles.decide(Deed::Minion(MinionVerb::Remove), on, registry).is_allowed())
    }

    /// The answer to a host whose name another has, which its token does not take.
    async fn taken(
        &self,
        name: MinionName,
        signing_request: &SigningRequest,
    ) -> Result<NewcomerReply, TurnedAway> {
        match self.hall.services.registry.holder(&name, signing_request.key()) {
            // The host may be that one, installed anew: an operator knows.
            NameHolder::Absent => self.waits(name, signing_request).await,
            _ => Err(self.conflict(name, signing_request.key())),
        }
    }

    /// What becomes of a host that wants a name which it cannot have.
    pub(super) fn conflict(&self, name: MinionName, key: Digest) -> TurnedAway {
        let registry = &self.hall.services.registry;
        match registry.holder(&name, key) {
            NameHolder::Connected => {
                registry.came_for_the_name(&name, self.connection.remote_address());
                let linked = registry.connection(&name).map(|connection| connection.remote_address());
                let linked = linked.map(|linked| format!(" from {linked}")).unwrap_or_default();
                let why = format!("it wants the name \"{name}\", which a minion has that is linked{linked}");
                TurnedAway { reply: Box::new(NewcomerReply::NameInUse(name)), why }
            }
            NameHolder::Revoked => TurnedAway::refused(format!(
                "it wants the name \"{name}\", which is that of a minion that was revoked"
            )),
            _ => TurnedAway::refused(format!("it wants the name \"{name}\", which another minion has")),
        }
    }

    /// The certificate of a host that has the name now.
    pub(super) async fn sign(
        &self,
        name: MinionName,
        signing_request: &SigningRequest,
        by: &LetInBy<'_>,
    ) -> Result<NewcomerReply, TurnedAway> {
        let Services { authorities, audit, .. } = &*self.hall.services;
        let renewing = authorities.held().coming_in();
        let certificate = renewing
            .authority
            .sign_request(signing_request, Side::Minion, name.as_str())
            .map_err(|error| TurnedAway::refused(format!("cannot sign for \"{name}\": {error}")))?;
        authorities
            .giving(signing_request.key(), renewing.holding.clone())
            .await
            .map_err(TurnedAway::refused)?;
        let from = self.connection.remote_address();
        tracing::info!(minion = %name, %from, "enrolled");
        audit.enrolled(&name, signing_request.key(), from, by);
        Ok(NewcomerReply::Minion { name, issued: renewing.issued(certificate) })
    }
}

/// A signing request, whose owner has proved to have its key.
pub(super) fn read(signing_request: &[u8]) -> Result<SigningRequest, TurnedAway> {
    SigningRequest::from_der(signing_request)
        .map_err(|error| TurnedAway::refused(format!("its signing request is no good: {error}")))
}

/// Refuses a host whose name is none of those that its token is for.
fn fits(glob: &str, offers: Option<&MinionName>) -> Result<(), TurnedAway> {
    let matches = |name: &MinionName| glob.parse::<NameGlob>().is_ok_and(|glob| glob.matches(name));
    if offers.is_some_and(matches) {
        return Ok(());
    }
    let why = match offers {
        Some(name) => format!("its token is for \"{glob}\", and its name is \"{name}\""),
        None => format!("its token is for \"{glob}\", and it has no name that a minion could have"),
    };
    Err(TurnedAway { reply: Box::new(NewcomerReply::NameNotInvited { glob: glob.to_owned() }), why })
}
