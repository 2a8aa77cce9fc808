//! Invitations to enroll, each good for one key.

use wire::digest::Digest;
use wire::name::MinionName;

use super::minion::{self, Enrolled};
use crate::draft::Draft;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::overlord::enrolment::Made;
use crate::overlord::enrolment::{Invite, InviteError};
use crate::read::Read;
use crate::record::Record;

impl Record for Invite {
    const SPACE: Keyspace = Keyspace::Invites;
}

/// Records a token, and who made it.
pub(crate) fn put(draft: &Draft<'_>, invite: &Invite, made: &Made) {
    draft.put_record(invite.secret.as_bytes().to_vec(), invite);
    draft.put_record(invite.secret.as_bytes().to_vec(), made);
}

/// All tokens that were given out and not forgotten.
pub(crate) fn all(source: &impl Read) -> Vec<Invite> {
    source.records::<Invite>(Span::all()).map(|(_, invite)| invite).collect()
}

/// Forgets the token of this secret, whether it is for one name or for several.
pub(crate) fn withdraw(draft: &Draft<'_>, secret: &Digest) {
    for space in [Keyspace::Invites, Keyspace::Inviters, Keyspace::GlobInvites] {
        draft.remove(space, secret.as_bytes().to_vec());
    }
}

/// Forgets the tokens that had expired at `until`, and returns how many.
pub(crate) fn purge(draft: &Draft<'_>, until: u64) -> usize {
    let invites = draft.records::<Invite>(Span::all());
    let expired: Vec<_> =
        invites.filter(|(_, invite)| invite.expires_at <= until).map(|(_, invite)| invite.secret).collect();
    expired.iter().for_each(|secret| withdraw(draft, secret));
    expired.len()
}

/// The token of `secret`, where it lets a minion in at the time `now`.
pub(crate) fn valid(source: &impl Read, secret: &Digest, now: u64) -> Result<Invite, InviteError> {
    let invite = source.record::<Invite>(secret.as_bytes())?.ok_or(InviteError::Unknown)?;
    if invite.expires_at <= now { Err(InviteError::Expired { name: invite.name }) } else { Ok(invite) }
}

/// Uses the token of `secret` to enrol `key`, and returns the name that it is for.
pub(crate) fn redeem(
    draft: &Draft<'_>,
    secret: &Digest,
    key: Digest,
    now: u64,
) -> Result<MinionName, InviteError> {
    let invite = valid(draft, secret, now)?;
    let name = invite.name.clone();
    if invite.used_by.is_some_and(|other| other != key) {
        return Err(InviteError::Used { name });
    }
    // Another key that had the name must not take it back with the token by which it was let in.
    if minion::enrol(draft, &name, key, now)? == Enrolled::InPlaceOfAnother {
        forget_used(draft, &name);
    }
    draft.put_record(secret.as_bytes().to_vec(), &Invite { used_by: Some(key), ..invite });
    Ok(name)
}

/// Forgets the tokens of a minion by which somebody has come in.
pub(crate) fn forget_used(draft: &Draft<'_>, name: &MinionName) {
    forget(draft, name, |invite| invite.used_by.is_some());
}

/// Forgets all tokens of a minion.
pub(crate) fn forget_all(draft: &Draft<'_>, name: &MinionName) {
    forget(draft, name, |_| true);
}

/// Forgets those tokens of a minion.
fn forget(draft: &Draft<'_>, name: &MinionName, which: impl Fn(&Invite) -> bool) {
    let invites: Vec<_> = draft.records::<Invite>(Span::all()).collect();
    let of_minion = invites.into_iter().filter(|(_, invite)| invite.name == *name && which(invite));
    of_minion.for_each(|(_, invite)| withdraw(draft, &invite.secret));
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
