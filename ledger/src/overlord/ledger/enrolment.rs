//! What is asked of enrolment: tokens by which minions get their names, hosts that wait, and revocations.

use wire::digest::Digest;
use wire::name::MinionName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::enrolment::{
    GlobInvite, Invitations, Invite, InviteError, Invited, Made, Revocation, WaitingHost,
};
use crate::overlord::operations::{enrolment, invitation};
use crate::write::{Durability, Purpose};

/// Enrolment: who is let in, and who is not any more.
impl OverlordLedger {
    /// What the token of `secret` lets in at the time `now`. Writes nothing.
    ///
    /// # Errors
    /// [`InviteError`], which says why it lets nobody in.
    pub async fn invited_by(&self, secret: &Digest, now: u64) -> Result<Invited, InviteError> {
        self.read(|source| enrolment::valid(source, secret, now)).await
    }

    /// Records a token for several names; synced.
    pub async fn put_glob_invite(&self, invite: GlobInvite) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            enrolment::put(draft, &invite);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Uses the token of `secret` at the time `now` to enrol `key` under a name that its glob matches; synced.
    ///
    /// The key that has the name already uses up nothing, since a minion may die between the use and the answer.
    ///
    /// # Errors
    /// [`InviteError`], which says why the token does not give the name: [`InviteError::Taken`] where another key has
    /// it, connected or not.
    pub async fn redeem_glob(
        &self,
        secret: &Digest,
        name: &MinionName,
        key: Digest,
        now: u64,
    ) -> Result<(), InviteError> {
        let (secret, name) = (*secret, name.clone());
        let write = move |draft: &Draft<'_>| match enrolment::redeem(draft, &secret, &name, key, now) {
            Err(InviteError::Ledger(error)) => Err(error),
            answer => Ok(answer),
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await?
    }

    /// All tokens that were given out and not forgotten, used ones among them.
    pub async fn invitations(&self) -> Result<Invitations, LedgerError> {
        self.read(|source| enrolment::invitations(source)).await
    }

    /// Forgets the tokens with these secrets; synced.
    pub async fn withdraw(&self, secrets: Vec<Digest>) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            secrets.iter().for_each(|secret| invitation::withdraw(draft, secret));
            Ok(())
        };
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// Enrols `key` under a name that nobody has; synced. Gives whether the name is its own now: it is not where another
    /// key has it, or the name is revoked.
    pub async fn enrol_new(&self, name: &MinionName, key: Digest, now: u64) -> Result<bool, LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| enrolment::enrol_new(draft, &name, key, now);
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Records a host that waits, in place of what was known of one with its key; synced.
    pub async fn put_waiting(&self, host: WaitingHost) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            enrolment::put_waiting(draft, &host);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Records that a host that waits was accepted, and enrols its key under its name, in place of another that had it;
    /// synced.
    pub async fn accept_waiting(&self, host: WaitingHost, made: Made) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| enrolment::accept(draft, host, made);
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// The hosts that wait or were answered.
    pub async fn waiting(&self) -> Result<Vec<WaitingHost>, LedgerError> {
        self.read(|source| Ok(enrolment::waiting(source))).await
    }

    /// Forgets the hosts with these keys that wait.
    pub async fn forget_waiting(&self, keys: Vec<Digest>) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            keys.iter().for_each(|key| enrolment::forget_waiting(draft, key));
            Ok(())
        };
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }

    /// Records that a minion may not connect any more; synced. Does nothing where it is not known.
    ///
    /// All tokens are forgotten that were made for it until then: only one that is made afterwards lets it in again.
    pub async fn revoke_minion(&self, name: &MinionName, revocation: Revocation) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| {
            invitation::forget_all(draft, &name);
            enrolment::revoke(draft, &name, &revocation)
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Records that a minion that was revoked may connect again, with the key that it had; synced.
    pub async fn unrevoke_minion(&self, name: &MinionName) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| enrolment::unrevoke(draft, &name);
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Who revoked which minions, and why. One that an older overlord has revoked is left out.
    pub async fn revocations(&self) -> Result<Vec<(MinionName, Revocation)>, LedgerError> {
        self.read(|source| Ok(enrolment::revocations(source))).await
    }
}

/// Invitations: tokens by which a minion gets its name.
impl OverlordLedger {
    /// Records a token, and who made it; synced.
    pub async fn put_invite(&self, invite: Invite, made: Made) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            invitation::put(draft, &invite, &made);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// The name that the token of `secret` is for, where it lets a minion in at the time `now`. Writes nothing.
    ///
    /// # Errors
    /// [`InviteError`], which says why it lets nobody in.
    pub async fn invited(&self, secret: &Digest, now: u64) -> Result<MinionName, InviteError> {
        self.read(|source| Ok(invitation::valid(source, secret, now)?.name)).await
    }

    /// Uses the token of `secret` at the time `now` to enrol `key`, and returns the name that it is for; synced.
    ///
    /// One key gets in by a token, and as often as it asks until the token expires, since a minion may die between
    /// the use and the answer. Where another key had the name, or the name was revoked, what was known of that
    /// minion is forgotten, and so are the tokens by which others had come in.
    ///
    /// # Errors
    /// [`InviteError`], which says why the token lets nobody in.
    pub async fn redeem(&self, secret: &Digest, key: Digest, now: u64) -> Result<MinionName, InviteError> {
        // Looked at first, so that nobody without a token makes the ledger write.
        self.invited(secret, now).await?;
        let secret = *secret;
        let write = move |draft: &Draft<'_>| match invitation::redeem(draft, &secret, key, now) {
            Err(InviteError::Ledger(error)) => Err(error),
            answer => Ok(answer),
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await?
    }

    /// All tokens that were given out and not forgotten.
    pub async fn invites(&self) -> Result<Vec<Invite>, LedgerError> {
        self.read(|source| Ok(invitation::all(source))).await
    }

    /// Forgets the tokens that had expired at the time `until`, in milliseconds since 1970, and returns how many.
    pub async fn purge_invites(&self, until: u64) -> Result<usize, LedgerError> {
        let write =
            move |draft: &Draft<'_>| Ok(invitation::purge(draft, until) + enrolment::purge(draft, until));
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }
}
