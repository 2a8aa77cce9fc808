//! Invitations to enroll, each good for one key.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::name::MinionName;

use super::ledger::OverlordLedger;
use super::minions::{self, Enrolled};
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::Span;
use crate::read::Read;
use crate::record::Record;
use crate::space::Space;

/// A token that was given out, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The minion that it is for.
    pub name: MinionName,
    /// SHA-256 of the secret in the token.
    pub secret: Digest,
    /// When it expires, in milliseconds since 1970.
    pub expires_at: u64,
    /// SHA-256 of the public key that it was used for.
    pub used_by: Option<Digest>,
}

impl Record for Invite {
    const SPACE: Space = Space::Invites;
}

/// Why a token does not let a minion in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// No such token was given out, or it was forgotten since.
    #[error("the token is not known: make a new one with `overlord minion invite NAME`")]
    Unknown,
    /// Its time is over.
    #[error("the token for \"{name}\" has expired: make a new one with `overlord minion invite {name}`")]
    Expired {
        /// The minion that it was for.
        name: MinionName,
    },
    /// Another key was enrolled with it.
    #[error("the token for \"{name}\" was used already: make a new one with `overlord minion invite {name}`")]
    Used {
        /// The minion that it was for.
        name: MinionName,
    },
    /// The ledger could not tell.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl OverlordLedger {
    /// Records a token; synced.
    pub async fn put_invite(&self, invite: Invite) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            draft.put_record(invite.secret.as_bytes().to_vec(), &invite);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// The name that the token of `secret` is for, while it lets anyone in. Writes nothing.
    pub fn invited(&self, secret: &Digest, now: u64) -> Result<MinionName, InviteError> {
        let source = self.engine.read()?;
        Ok(valid(&source, secret, now)?.name)
    }

    /// Uses the token of `secret` to enrol `key`, and returns the name that it is for; synced.
    ///
    /// One key gets in by it, and that one as often as it asks until the token expires, since a minion may
    /// die between the use and the answer. Where another key had the name, or it was revoked, then what was
    /// known of it is forgotten, and so are the tokens by which others had come in.
    pub async fn redeem(&self, secret: &Digest, key: Digest, now: u64) -> Result<MinionName, InviteError> {
        // Nobody without a token makes the ledger write.
        self.invited(secret, now)?;
        let secret = *secret;
        let write = move |draft: &Draft<'_>| match redeem(draft, &secret, key, now) {
            Err(InviteError::Ledger(error)) => Err(error),
            answer => Ok(answer),
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await?
    }

    /// All tokens that were given out and not forgotten.
    pub fn invites(&self) -> Result<Vec<Invite>, LedgerError> {
        let source = self.engine.read()?;
        Ok(source.records::<Invite>(Span::all()).map(|(_, invite)| invite).collect())
    }

    /// Forgets the tokens that have expired, and returns how many.
    pub async fn purge_invites(&self, now: u64) -> Result<usize, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let expired: Vec<_> = draft
                .records::<Invite>(Span::all())
                .filter(|(_, invite)| invite.expires_at <= now)
                .map(|(key, _)| key)
                .collect();
            let count = expired.len();
            expired.into_iter().for_each(|key| draft.remove(Space::Invites, key.to_vec()));
            Ok(count)
        };
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }
}

/// The token of `secret`, where it is one that lets someone in.
fn valid(source: &impl Read, secret: &Digest, now: u64) -> Result<Invite, InviteError> {
    let invite = source.record::<Invite>(secret.as_bytes())?.ok_or(InviteError::Unknown)?;
    if invite.expires_at <= now { Err(InviteError::Expired { name: invite.name }) } else { Ok(invite) }
}

fn redeem(draft: &Draft<'_>, secret: &Digest, key: Digest, now: u64) -> Result<MinionName, InviteError> {
    let invite = valid(draft, secret, now)?;
    let name = invite.name.clone();
    if invite.used_by.is_some_and(|other| other != key) {
        return Err(InviteError::Used { name });
    }
    // Another key that had the name may not take it back with the token that it was let in by.
    if minions::enrol(draft, &name, key, now)? == Enrolled::InPlaceOfAnother {
        forget_invites(draft, &name, |invite| invite.used_by.is_some());
    }
    draft.put_record(secret.as_bytes().to_vec(), &Invite { used_by: Some(key), ..invite });
    Ok(name)
}

/// Forgets those tokens of a minion.
pub(super) fn forget_invites(draft: &Draft<'_>, name: &MinionName, which: impl Fn(&Invite) -> bool) {
    let invites: Vec<_> = draft.records::<Invite>(Span::all()).collect();
    let of_minion = invites.into_iter().filter(|(_, invite)| invite.name == *name && which(invite));
    of_minion.for_each(|(key, _)| draft.remove(Space::Invites, key.to_vec()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn a_token_is_stored_as_format_1_has_it() {
        let (secret, key) = (Digest::of(b"secret"), Digest::of(b"key"));
        let name = "web1".parse().expect("a name");
        is_stored_as(
            &Invite { name, secret, expires_at: 5, used_by: Some(key) },
            "01fefd720204776562312bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527\
             a25b05012c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683",
        );
    }
}
