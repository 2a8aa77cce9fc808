//! What operators ask of who may become a minion, and who may be one no longer.

use ledger::{GlobInvite, Invitations, Invite, LedgerError, Made, Revocation, WaitingHost};
use machine::clock::now_ms;
use wire::digest::Digest;
use wire::message::enrolment::{EnrolmentReply, EnrolmentRequest, Invitation, NameHolder, PendingHost};
use wire::message::operator::{Refusal, RefusalKind};
use wire::name::{MinionName, OperatorName};

use super::permit::Gate;
use crate::enrolment::NameGlob;
use crate::registry::StandingError;
use crate::roles::{Deed, MinionVerb};
use crate::services::Services;

/// The requests of one operator, which its roles allow.
pub(super) struct EnrolmentDoor<'a> {
    pub(super) services: &'a Services,
    pub(super) operator: &'a OperatorName,
    /// What there is for the operator, of what it lists.
    pub(super) gate: Gate<'a>,
}

impl EnrolmentDoor<'_> {
    /// Answers one request.
    pub(super) async fn answer(&self, request: EnrolmentRequest) -> Result<EnrolmentReply, Refusal> {
        match request {
            EnrolmentRequest::Invite { glob, uses, ttl_ms } => self.invite_glob(&glob, uses, ttl_ms).await,
            EnrolmentRequest::Invitations => Ok(EnrolmentReply::Invitations(self.invitations().await?)),
            EnrolmentRequest::Uninvite(which) => self.uninvite(&which).await,
            EnrolmentRequest::Pending => Ok(EnrolmentReply::Pending(self.pending())),
            EnrolmentRequest::Accept { name, key } => self.accept(&name, key).await,
            EnrolmentRequest::Reject { name, key } => self.reject(&name, key).await,
            EnrolmentRequest::Revoke { name, why } => self.revoke(&name, why).await,
            EnrolmentRequest::Unrevoke(name) => self.unrevoke(&name).await,
            EnrolmentRequest::Remove(name) => self.remove(&name).await,
        }
    }

    /// Makes a token for one name.
    pub(super) async fn invite(&self, name: MinionName, ttl_ms: u64) -> Result<String, Refusal> {
        let (token, secret, expires_at) = self.token(ttl_ms)?;
        let invite = Invite { name: name.clone(), secret, expires_at, used_by: None };
        self.services.ledger.put_invite(invite, self.made()).await.map_err(unrecorded)?;
        self.invited(name.as_str());
        Ok(token)
    }

    async fn invite_glob(&self, glob: &str, uses: u32, ttl_ms: u64) -> Result<EnrolmentReply, Refusal> {
        let glob: NameGlob = glob.parse().map_err(|error| bad_request(format!("{error}")))?;
        if uses == 0 {
            return Err(bad_request("a token for no host lets nobody in: let --uses be 1 at least"));
        }
        let (token, secret, expires_at) = self.token(ttl_ms)?;
        let (made, names) = (self.made(), glob.as_str());
        let invite = GlobInvite { glob: names.to_owned(), secret, uses, used: 0, expires_at, made };
        self.services.ledger.put_glob_invite(invite).await.map_err(unrecorded)?;
        self.invited(names);
        Ok(EnrolmentReply::Invited(token))
    }

    /// A token, the digest of its secret, and when it expires.
    fn token(&self, ttl_ms: u64) -> Result<(String, Digest, u64), Refusal> {
        if ttl_ms == 0 {
            let message = "a token that is good for no time lets nobody in: let it be a millisecond at least";
            return Err(bad_request(message));
        }
        let token = self.services.token()?;
        Ok((token.to_string(), Digest::of(&token.secret), now_ms().saturating_add(ttl_ms)))
    }

    fn invited(&self, names: &str) {
        tracing::info!(operator = %self.operator, minion = names, "invited");
        self.services.audit.standing_changed("invited", self.operator, names, Ok(""));
    }

    async fn invitations(&self) -> Result<Vec<Invitation>, Refusal> {
        Ok(self.own_invitations().await?.into_iter().map(|(_, invitation)| invitation).collect())
    }

    /// The tokens for names that the operator may invite, with the digests of their secrets. For it, there are no others.
    async fn own_invitations(&self) -> Result<Vec<(Digest, Invitation)>, Refusal> {
        let mut open = self.open().await?;
        open.retain(|(_, invitation)| self.gate.covers(Deed::Minion(MinionVerb::Invite), &invitation.names));
        Ok(open)
    }

    /// The tokens that somebody may still join with, with the digests of their secrets.
    async fn open(&self) -> Result<Vec<(Digest, Invitation)>, Refusal> {
        Ok(good(self.services.ledger.invitations().await.map_err(unreadable)?, now_ms()))
    }

    async fn uninvite(&self, which: &str) -> Result<EnrolmentReply, Refusal> {
        let ledger = &self.services.ledger;
        let which = which.to_ascii_lowercase();
        let mut meant = self.own_invitations().await?;
        meant.retain(|(_, invitation)| invitation.names == which || invitation.id == which);
        if meant.is_empty() {
            return Err(not_found(
                "no open invitation has this name or id: see `overlord minion invitations`",
            ));
        }
        let (secrets, meant): (Vec<Digest>, Vec<Invitation>) = meant.into_iter().unzip();
        ledger.withdraw(secrets).await.map_err(unrecorded)?;
        for invitation in &meant {
            self.services.audit.standing_changed("uninvited", self.operator, &invitation.names, Ok(""));
        }
        Ok(EnrolmentReply::Invitations(meant))
    }

    /// The hosts that wait for names that the operator may accept.
    fn pending(&self) -> Vec<PendingHost> {
        let mut hosts = self.services.waiting.list(None);
        hosts.retain(|host| self.gate.covers(Deed::Minion(MinionVerb::Accept), host.name.as_str()));
        hosts.into_iter().map(|host| self.shown(host)).collect()
    }

    fn shown(&self, host: WaitingHost) -> PendingHost {
        let holder = self.services.registry.holder(&host.name, host.key);
        let rejected_by = match host.answer {
            ledger::Answer::Rejected(made) => Some(made.by),
            _ => None,
        };
        let WaitingHost { key, name, from, since, asked_at, .. } = host;
        PendingHost { name, key, address: from, since, asked_at, rejected_by, holder }
    }

    /// The hosts that wait for a name, only those with this key where one is given.
    fn waiting(&self, name: &MinionName, key: Option<Digest>) -> Result<Vec<WaitingHost>, Refusal> {
        let mut hosts = self.services.waiting.list(Some(name));
        if hosts.is_empty() {
            return Err(not_found(format!(
                "no host waits for the name \"{name}\": see `overlord minion pending`"
            )));
        }
        if let Some(key) = key {
            hosts.retain(|host| host.key == key);
            if hosts.is_empty() {
                let message = format!(
                    "no host with this fingerprint waits for the name \"{name}\": compare it with what `minion join` says \
                     there and with `overlord minion pending`"
                );
                return Err(not_found(message));
            }
        }
        Ok(hosts)
    }

    async fn accept(&self, name: &MinionName, key: Option<Digest>) -> Result<EnrolmentReply, Refusal> {
        let mut hosts = self.waiting(name, key)?;
        let (Some(host), true) = (hosts.pop(), hosts.is_empty()) else {
            return Err(bad_request(format!(
                "several hosts want the name \"{name}\": say which with --fingerprint, see `overlord minion pending`"
            )));
        };
        let Services { registry, waiting, .. } = self.services;
        let (made, shown) = (self.made(), self.shown(host.clone()));
        let accepted = registry.accept(host, made.clone()).await;
        let fingerprint = shown.key.to_string();
        self.decided("accepted", name, accepted.as_ref().map(|()| fingerprint.as_str()))?;
        waiting.accepted(shown.key, made);
        let replaced = matches!(shown.holder, NameHolder::Absent);
        Ok(EnrolmentReply::Accepted { host: shown, replaced })
    }

    async fn reject(&self, name: &MinionName, key: Option<Digest>) -> Result<EnrolmentReply, Refusal> {
        let hosts = self.waiting(name, key)?;
        for host in &hosts {
            self.services.waiting.reject(host.clone(), self.operator).await.map_err(unrecorded)?;
            let fingerprint = host.key.to_string();
            self.decided("rejected", name, Ok(fingerprint.as_str()))?;
        }
        Ok(EnrolmentReply::Pending(hosts.into_iter().map(|host| self.shown(host)).collect()))
    }

    async fn revoke(&self, name: &MinionName, why: String) -> Result<EnrolmentReply, Refusal> {
        if why.len() > MAX_WHY {
            return Err(bad_request(format!("a reason has at most {MAX_WHY} bytes: say less with --why")));
        }
        let Services { registry, waiting, .. } = self.services;
        let revoked = registry.revoke(name, Revocation { made: self.made(), why: why.clone() }).await;
        self.decided("revoked", name, revoked.as_ref().map(|_| why.as_str()))?;
        // What was accepted before is accepted no longer.
        waiting.forget_accepted(name);
        let was_connected = revoked.unwrap_or_default();
        let open = self.open().await?.into_iter().map(|(_, invitation)| invitation);
        let globs = open.filter(|invitation| invitation.names.parse::<MinionName>().is_err());
        Ok(EnrolmentReply::Revoked {
            was_connected,
            globs: globs.map(|invitation| invitation.names).collect(),
        })
    }

    async fn unrevoke(&self, name: &MinionName) -> Result<EnrolmentReply, Refusal> {
        let unrevoked = self.services.registry.unrevoke(name).await;
        self.decided("unrevoked", name, unrevoked.as_ref().map(|()| ""))?;
        Ok(EnrolmentReply::Done)
    }

    async fn remove(&self, name: &MinionName) -> Result<EnrolmentReply, Refusal> {
        let removed = self.services.registry.remove(name).await;
        self.decided("removed", name, removed.as_ref().map(|()| ""))?;
        self.services.waiting.forget_accepted(name);
        Ok(EnrolmentReply::Done)
    }

    /// Writes a decision down, and hands on why it could not be made.
    fn decided(
        &self,
        event: &str,
        minion: &MinionName,
        outcome: Result<&str, &StandingError>,
    ) -> Result<(), Refusal> {
        let said = outcome.map_err(ToString::to_string);
        let said = said.as_ref().map(|why| *why).map_err(String::as_str);
        self.services.audit.standing_changed(event, self.operator, minion.as_str(), said);
        match outcome {
            Ok(_) => {
                tracing::info!(operator = %self.operator, %minion, event, "the standing of a minion was changed");
                Ok(())
            }
            Err(error) => Err(refusal(error)),
        }
    }

    fn made(&self) -> Made {
        Made { by: self.operator.clone(), at: now_ms() }
    }
}

/// The tokens that somebody may still join with, those that expire first first, with the digests of their secrets.
fn good(known: Invitations, now: u64) -> Vec<(Digest, Invitation)> {
    let names = known.names.into_iter().map(|(invite, made)| {
        let used = u32::from(invite.used_by.is_some());
        (invite.secret, invite.name.to_string(), 1, used, invite.expires_at, made)
    });
    let globs = known.globs.into_iter().map(|invite| {
        (invite.secret, invite.glob, invite.uses, invite.used, invite.expires_at, Some(invite.made))
    });
    let open =
        names.chain(globs).filter(|(_, _, uses, used, expires_at, _)| used < uses && *expires_at > now);
    let mut good: Vec<_> = open
        .map(|(secret, names, uses, used, expires_at, made)| {
            let (made_by, made_at) = made.map(|made| (made.by, made.at)).unzip();
            // The digest of the secret says nothing of it, and a part of that nothing of the rest.
            let id = secret.short();
            (secret, Invitation { id, names, uses, used, expires_at, made_by, made_at })
        })
        .collect();
    good.sort_by_key(|(_, invitation)| invitation.expires_at);
    good
}

fn refusal(error: &StandingError) -> Refusal {
    let kind = match error {
        StandingError::Unknown(_) => RefusalKind::NotFound,
        StandingError::Ledger(_) => RefusalKind::Unavailable,
        _ => RefusalKind::BadRequest,
    };
    Refusal::new(kind, error.to_string())
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::BadRequest, message)
}

fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::NotFound, message)
}

fn unrecorded(error: LedgerError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("the overlord cannot record this: {error}"))
}

fn unreadable(error: LedgerError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, error.to_string())
}

/// The longest reason for a revocation, in bytes.
const MAX_WHY: usize = 1000;
