//! Hosts without a token.

use ledger::LedgerError;
use wire::identity::SigningRequest;
use wire::message::enrolment::NameHolder;
use wire::message::newcomer::NewcomerReply;
use wire::name::MinionName;

use super::minion::read;
use super::{EnrollDoor, TurnedAway};
use crate::audit::LetInBy;
use crate::enrolment::{AGAIN, Asked};
use crate::services::Services;

impl EnrollDoor {
    /// The answer to a host that has no token.
    pub(super) async fn without_token(
        &self,
        name: MinionName,
        signing_request: &[u8],
    ) -> Result<NewcomerReply, TurnedAway> {
        let signing_request = read(signing_request)?;
        let Services { config, registry, .. } = &*self.hall.services;
        let (key, from) = (signing_request.key(), self.connection.remote_address());
        match registry.holder(&name, key) {
            NameHolder::Connected => return Err(self.conflict(name, key)),
            // A rule gives no name away that somebody has, nor lets anybody in again.
            NameHolder::Nobody => {
                if let Some(rule) = config.current().enrolment.rule(&name, from.ip())
                    && registry.enrol_new(&name, key).await.map_err(unavailable)?
                {
                    return self.sign(name, &signing_request, &LetInBy::Rule(&rule.to_string())).await;
                }
            }
            NameHolder::Itself | NameHolder::Absent | NameHolder::Revoked => {}
        }
        self.waits(name, &signing_request).await
    }

    /// The answer to a host that an operator has to let in.
    pub(super) async fn waits(
        &self,
        name: MinionName,
        signing_request: &SigningRequest,
    ) -> Result<NewcomerReply, TurnedAway> {
        let Services { waiting, registry, audit, .. } = &*self.hall.services;
        let (key, from) = (signing_request.key(), self.connection.remote_address());
        let again_ms = AGAIN.as_millis() as u64;
        let mut asked = waiting.ask(&name, key, from).await.map_err(unavailable)?;
        if matches!(asked, Asked::Accepted(_)) && registry.holder(&name, key) != NameHolder::Itself {
            // It has lost the name since.
            waiting.forget_accepted(&name);
            asked = waiting.ask(&name, key, from).await.map_err(unavailable)?;
        }
        match asked {
            Asked::Accepted(made) => self.sign(name, signing_request, &LetInBy::Operator(&made.by)).await,
            Asked::Begins => {
                tracing::info!(minion = %name, %key, %from, "a host waits: `overlord minion pending` shows it");
                audit.waits(&name, key, from);
                Ok(NewcomerReply::Waits { again_ms })
            }
            Asked::Waits => Ok(NewcomerReply::Waits { again_ms }),
            Asked::Full => Ok(NewcomerReply::Full { again_ms: FULL_AGAIN * again_ms }),
            Asked::Rejected => Err(TurnedAway {
                reply: Box::new(NewcomerReply::Rejected),
                why: format!("an operator has rejected it as \"{name}\""),
            }),
        }
    }
}

fn unavailable(error: LedgerError) -> TurnedAway {
    TurnedAway::refused(error)
}

/// How many times as long as others a host waits that there is no room for.
const FULL_AGAIN: u64 = 10;
