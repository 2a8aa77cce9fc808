//! What is asked of operators: who they are, and by which tokens they come in.

use wire::digest::Digest;
use wire::name::OperatorName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::operations::operator;
use crate::overlord::operator::{OperatorInvite, OperatorInviteError, OperatorRecord};
use crate::write::{Durability, Purpose};

/// Operators: who may ask the overlord for something, and by which tokens they come in.
impl OverlordLedger {
    /// Records an operator, in place of what was known of one of that name; synced. One that is revoked loses the tokens
    /// that were made for it.
    pub async fn put_operator(&self, record: OperatorRecord) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            operator::put(draft, &record);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Forgets an operator and the tokens that were made for it; synced. Gives whether it was known. Its jobs stay.
    pub async fn remove_operator(&self, name: &OperatorName) -> Result<bool, LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| operator::remove(draft, &name);
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// All operators, by name.
    pub async fn operators(&self) -> Result<Vec<OperatorRecord>, LedgerError> {
        self.read(|source| Ok(operator::all(source))).await
    }

    /// Records a token for an operator; synced.
    pub async fn put_operator_invite(&self, invite: OperatorInvite) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            operator::put_invite(draft, &invite);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// The token of `secret`, where it lets an operator in at the time `now`. Writes nothing.
    ///
    /// # Errors
    /// [`OperatorInviteError`], which says why it lets nobody in.
    pub async fn operator_invited(
        &self,
        secret: &Digest,
        now: u64,
    ) -> Result<OperatorInvite, OperatorInviteError> {
        self.read(|source| operator::valid(source, secret, now)).await
    }

    /// Uses the token of `secret` at the time `now` for `key`, whose certificate is good from the one second
    /// of `valid` until the other; synced. Returns the operator as it is recorded then, in place of one that had the name.
    ///
    /// One key gets in by a token, and as often as it asks until the token expires.
    ///
    /// # Errors
    /// [`OperatorInviteError`], which says why the token lets nobody in.
    pub async fn redeem_operator(
        &self,
        secret: &Digest,
        key: Digest,
        valid: (i64, i64),
        now: u64,
    ) -> Result<OperatorRecord, OperatorInviteError> {
        // Looked at first, so that nobody without a token makes the ledger write.
        self.operator_invited(secret, now).await?;
        let secret = *secret;
        let write = move |draft: &Draft<'_>| match operator::redeem(draft, &secret, key, valid, now) {
            Err(OperatorInviteError::Ledger(error)) => Err(error),
            answer => Ok(answer),
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await?
    }

    /// Forgets the tokens for operators that had expired at the time `until`, in milliseconds since 1970, and returns
    /// how many.
    pub async fn purge_operator_invites(&self, until: u64) -> Result<usize, LedgerError> {
        let write = move |draft: &Draft<'_>| Ok(operator::purge_invites(draft, until));
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }
}
