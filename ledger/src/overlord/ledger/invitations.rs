//! What is asked of invitations: tokens by which a minion gets its name.

use wire::digest::Digest;
use wire::name::MinionName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::enrolment::Made;
use crate::overlord::invitation::{Invite, InviteError};
use crate::overlord::operations::{enrolment, invitation};
use crate::write::{Durability, Purpose};

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
