//! Hosts that are let in by a glob, an operator or a rule, and minions that are revoked.

use wire::digest::Digest;
use wire::name::MinionName;

use super::minion::{self, Enrolled, key_of, name_of};
use super::{invitation, minion as minions};
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::overlord::enrolment::InviteError;
use crate::overlord::enrolment::{Answer, GlobInvite, Invitations, Invited, Made, Revocation, WaitingHost};
use crate::overlord::minion::Standing;
use crate::read::Read;
use crate::record::Record;

impl Record for Made {
    const SPACE: Keyspace = Keyspace::Inviters;
}

impl Record for GlobInvite {
    const SPACE: Keyspace = Keyspace::GlobInvites;
}

impl Record for WaitingHost {
    const SPACE: Keyspace = Keyspace::Waiting;
}

impl Record for Revocation {
    const SPACE: Keyspace = Keyspace::Revocations;
}

/// Records a token for several names.
pub(crate) fn put(draft: &Draft<'_>, invite: &GlobInvite) {
    draft.put_record(invite.secret.as_bytes().to_vec(), invite);
}

/// What the token of `secret` lets in at the time `now`, whatever was used of it.
pub(crate) fn valid(source: &impl Read, secret: &Digest, now: u64) -> Result<Invited, InviteError> {
    match source.record::<GlobInvite>(secret.as_bytes())? {
        Some(invite) if invite.expires_at <= now => Err(InviteError::GlobExpired { glob: invite.glob }),
        Some(invite) => Ok(Invited::Glob(invite)),
        None => Ok(Invited::Name(invitation::valid(source, secret, now)?.name)),
    }
}

/// Uses the token of `secret` to enrol `key` under a name.
pub(crate) fn redeem(
    draft: &Draft<'_>,
    secret: &Digest,
    name: &MinionName,
    key: Digest,
    now: u64,
) -> Result<(), InviteError> {
    let Invited::Glob(invite) = valid(draft, secret, now)? else { return Err(InviteError::Unknown) };
    let before = minions::find(draft, name)?;
    if before.as_ref().is_some_and(|before| before.key == key && before.status == Standing::Active) {
        return Ok(());
    }
    if invite.used >= invite.uses {
        return Err(InviteError::UsedUp { glob: invite.glob });
    }
    if !enrol_new(draft, name, key, now)? {
        return Err(InviteError::Taken { name: name.clone() });
    }
    put(draft, &GlobInvite { used: invite.used + 1, ..invite });
    Ok(())
}

/// Enrols `key` under a name that nobody has. Gives whether the name is its own now.
pub(crate) fn enrol_new(
    draft: &Draft<'_>,
    name: &MinionName,
    key: Digest,
    now: u64,
) -> Result<bool, LedgerError> {
    if let Some(before) = minions::find(draft, name)? {
        return Ok(before.key == key && before.status == Standing::Active);
    }
    minion::enrol(draft, name, key, now)?;
    Ok(true)
}

/// All tokens that were given out and not forgotten.
pub(crate) fn invitations(source: &impl Read) -> Result<Invitations, LedgerError> {
    let mut names = Vec::new();
    for invite in invitation::all(source) {
        let made = source.record(invite.secret.as_bytes())?;
        names.push((invite, made));
    }
    let globs = source.records::<GlobInvite>(Span::all()).map(|(_, invite)| invite).collect();
    Ok(Invitations { names, globs })
}

/// Forgets the tokens for several names that had expired at `until`, and returns how many.
pub(crate) fn purge(draft: &Draft<'_>, until: u64) -> usize {
    let invites = draft.records::<GlobInvite>(Span::all());
    let expired: Vec<_> =
        invites.filter(|(_, invite)| invite.expires_at <= until).map(|(_, invite)| invite.secret).collect();
    expired.iter().for_each(|secret| invitation::withdraw(draft, secret));
    expired.len()
}

/// Records a host that waits.
pub(crate) fn put_waiting(draft: &Draft<'_>, host: &WaitingHost) {
    draft.put_record(host.key.as_bytes().to_vec(), host);
}

/// Lets a host in that waits.
pub(crate) fn accept(draft: &Draft<'_>, host: WaitingHost, made: Made) -> Result<(), LedgerError> {
    // Another key that had the name must not take it back with the token by which it was let in.
    if minion::enrol(draft, &host.name, host.key, made.at)? == Enrolled::InPlaceOfAnother {
        invitation::forget_used(draft, &host.name);
    }
    draft.remove(Keyspace::Revocations, key_of(&host.name));
    put_waiting(draft, &WaitingHost { answer: Answer::Accepted(made), ..host });
    Ok(())
}

/// The hosts that wait or were answered.
pub(crate) fn waiting(source: &impl Read) -> Vec<WaitingHost> {
    source.records::<WaitingHost>(Span::all()).map(|(_, host)| host).collect()
}

/// Forgets the host with this key that waits.
pub(crate) fn forget_waiting(draft: &Draft<'_>, key: &Digest) {
    draft.remove(Keyspace::Waiting, key.as_bytes().to_vec());
}

/// Records that a known minion may not connect any more.
pub(crate) fn revoke(
    draft: &Draft<'_>,
    name: &MinionName,
    revocation: &Revocation,
) -> Result<(), LedgerError> {
    if minion::is_known(draft, name)? {
        minion::put_standing(draft, name, Standing::Revoked)?;
        draft.put_record(key_of(name), revocation);
    }
    Ok(())
}

/// Records that a minion may connect again.
pub(crate) fn unrevoke(draft: &Draft<'_>, name: &MinionName) -> Result<(), LedgerError> {
    draft.remove(Keyspace::Revocations, key_of(name));
    minion::put_standing(draft, name, Standing::Active)
}

/// Who revoked which minions, and why.
pub(crate) fn revocations(source: &impl Read) -> Vec<(MinionName, Revocation)> {
    let revocations = source.records::<Revocation>(Span::all());
    revocations.filter_map(|(key, revocation)| Some((name_of(&key)?, revocation))).collect()
}
