//! What is asked of operators: who they are, and by which tokens they come in.

use wire::digest::Digest;
use wire::name::OperatorName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::operations::operator;
use crate::overlord::operator::{OperatorInvite, OperatorInviteError, OperatorRecord, Renewed};
use crate::write::{Durability, Purpose};

/// Operators: who may ask the overlord for something, and by which tokens they come in.
impl OverlordLedger {
    /// Records an operator, in place of what was known of one of that name; synced. One that is revoked loses the tokens
    /// that were made for it and by it.
    pub async fn put_operator(&self, record: OperatorRecord) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            operator::put(draft, &record);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Records an operator with the certificates that it has renewed its first one with, in place of what was known of one of that
    /// name; synced.
    pub async fn put_renewed_operator(
        &self,
        record: OperatorRecord,
        renewed: Renewed,
    ) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            operator::put(draft, &record);
            operator::put_renewed(draft, &record.name, &renewed);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// The certificates that operators have renewed their first ones with, by name, where that is on record.
    pub async fn renewed_operators(&self) -> Result<Vec<(OperatorName, Renewed)>, LedgerError> {
        self.read(|source| operator::renewed(source)).await
    }

    /// Forgets an operator and the tokens that were made for it and by it; synced. Gives whether there was either. Its jobs stay.
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
    /// One key gets in by a token, and as often as it asks until the token expires or another key has got the name. The
    /// other tokens for the name are forgotten.
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

#[cfg(test)]
mod tests {
    use wire::message::operators::{OperatorKind, OperatorStanding};

    use super::*;

    fn name(name: &str) -> OperatorName {
        name.parse().expect("a name")
    }

    fn operator(who: &str) -> OperatorRecord {
        OperatorRecord {
            name: name(who),
            kind: OperatorKind::Person,
            roles: Vec::new(),
            standing: OperatorStanding::Active,
            key: Some(Digest::of(who.as_bytes())),
            since: 1,
            invited_by: None,
            lifetime_ms: None,
            valid_from: None,
            valid_until: None,
        }
    }

    fn revoked(who: &str) -> OperatorRecord {
        let standing = OperatorStanding::Revoked { at: 2, by: name("ann"), why: String::new() };
        OperatorRecord { standing, ..operator(who) }
    }

    fn token(secret: &str, who: &str, by: &str) -> OperatorInvite {
        OperatorInvite {
            secret: Digest::of(secret.as_bytes()),
            name: name(who),
            kind: OperatorKind::Person,
            roles: Vec::new(),
            lifetime_ms: None,
            expires_at: 1000,
            by: name(by),
            used_by: None,
        }
    }

    /// A ledger that knows these operators and has these tokens out.
    async fn with(operators: &[&str], tokens: &[OperatorInvite]) -> (tempfile::TempDir, OverlordLedger) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(folder.path()).expect("opens");
        for who in operators {
            ledger.put_operator(operator(who)).await.expect("written");
        }
        for token in tokens {
            ledger.put_operator_invite(token.clone()).await.expect("written");
        }
        (folder, ledger)
    }

    async fn redeems(ledger: &OverlordLedger, secret: &str, key: &str) -> Result<(), String> {
        let (secret, key) = (Digest::of(secret.as_bytes()), Digest::of(key.as_bytes()));
        let redeemed = ledger.redeem_operator(&secret, key, (0, 10), 5).await;
        redeemed.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_that_went_to_another_key_is_not_taken_back_with_the_old_token() {
        let (_folder, ledger) = with(&["ann"], &[token("old", "bob", "ann")]).await;
        redeems(&ledger, "old", "laptop").await.expect("lets in");
        redeems(&ledger, "old", "laptop").await.expect("lets in again whoever did not hear the answer");
        ledger.put_operator_invite(token("new", "bob", "ann")).await.expect("written");
        redeems(&ledger, "new", "desktop").await.expect("lets in");
        redeems(&ledger, "old", "laptop").await.expect_err("took the name back");
        let bob = ledger.operators().await.expect("reads").into_iter().find(|one| one.name == name("bob"));
        assert_eq!(bob.and_then(|bob| bob.key), Some(Digest::of(b"desktop")));
    }

    #[tokio::test]
    async fn a_token_that_was_used_is_good_for_the_same_key_alone() {
        let (_folder, ledger) = with(&["ann"], &[token("one", "bob", "ann")]).await;
        redeems(&ledger, "one", "laptop").await.expect("lets in");
        let refused = redeems(&ledger, "one", "desktop").await.expect_err("took the name away");
        assert!(refused.contains("bob"), "{refused}");
        let bob = ledger.operators().await.expect("reads").into_iter().find(|one| one.name == name("bob"));
        assert_eq!(bob.and_then(|bob| bob.key), Some(Digest::of(b"laptop")));
    }

    #[tokio::test]
    async fn of_two_tokens_for_a_name_the_first_that_is_used_ends_the_other() {
        let tokens = [token("one", "bob", "ann"), token("two", "bob", "ann"), token("three", "carl", "ann")];
        let (_folder, ledger) = with(&["ann"], &tokens).await;
        redeems(&ledger, "two", "laptop").await.expect("lets in");
        redeems(&ledger, "one", "desktop").await.expect_err("took the name away");
        redeems(&ledger, "three", "tower").await.expect("a token for another name stays");
    }

    #[tokio::test]
    async fn the_tokens_of_who_is_gone_let_nobody_in() {
        let made = [token("one", "bob", "eve"), token("two", "carl", "mia"), token("three", "dan", "nobody")];
        let (_folder, ledger) = with(&["ann", "eve", "mia"], &made).await;
        ledger.put_operator(revoked("eve")).await.expect("written");
        redeems(&ledger, "one", "laptop").await.expect_err("of one who is revoked");
        // Nor are they good again once it is let in again.
        ledger.put_operator(operator("eve")).await.expect("written");
        redeems(&ledger, "one", "laptop").await.expect_err("of one who was revoked");
        assert!(ledger.remove_operator(&name("mia")).await.expect("written"));
        redeems(&ledger, "two", "laptop").await.expect_err("of one who is forgotten");
        redeems(&ledger, "three", "laptop").await.expect_err("of one who was never known");
    }

    #[tokio::test]
    async fn tokens_for_a_name_that_nobody_has_are_taken_back_with_it() {
        let (_folder, ledger) = with(&["ann"], &[token("one", "bob", "ann")]).await;
        assert!(ledger.remove_operator(&name("bob")).await.expect("written"));
        assert!(!ledger.remove_operator(&name("bob")).await.expect("written"));
        redeems(&ledger, "one", "laptop").await.expect_err("was taken back");
    }

    #[tokio::test]
    async fn tokens_are_forgotten_from_the_moment_at_which_they_expire() {
        let later = OperatorInvite { expires_at: 1001, ..token("later", "carl", "ann") };
        let (_folder, ledger) = with(&["ann"], &[token("sooner", "bob", "ann"), later]).await;
        for (until, gone) in [(999, 0), (1000, 1), (1000, 0), (1001, 1)] {
            assert_eq!(ledger.purge_operator_invites(until).await.expect("written"), gone, "{until}");
        }
        redeems(&ledger, "later", "laptop").await.expect_err("was forgotten");
    }
}
