//! The operators that an overlord knows, and the tokens by which they come in.

use wire::digest::Digest;
use wire::message::operators::OperatorStanding;
use wire::name::OperatorName;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{Span, name_prefix};
use crate::keyspace::Keyspace;
use crate::overlord::operator::{OperatorInvite, OperatorInviteError, OperatorRecord, Renewed};
use crate::read::Read;
use crate::record::Record;

impl Record for OperatorRecord {
    const SPACE: Keyspace = Keyspace::Operators;
}

impl Record for Renewed {
    const SPACE: Keyspace = Keyspace::RenewedOperators;
}

impl Record for OperatorInvite {
    const SPACE: Keyspace = Keyspace::OperatorInvites;
}

/// Records an operator, in place of what was known of one of that name. A revoked one loses the tokens that were made
/// for it and by it.
pub(crate) fn put(draft: &Draft<'_>, operator: &OperatorRecord) {
    if matches!(operator.standing, OperatorStanding::Revoked { .. }) {
        forget_invites(draft, &operator.name);
    }
    draft.put_record(key_of(&operator.name), operator);
}

/// Records the certificates that an operator has renewed its first one with, in place of those that were on record.
pub(crate) fn put_renewed(draft: &Draft<'_>, name: &OperatorName, renewed: &Renewed) {
    draft.put_record(key_of(name), renewed);
}

/// The certificates with which operators have renewed their first ones, by name, where that is on record.
pub(crate) fn renewed(source: &impl Read) -> Result<Vec<(OperatorName, Renewed)>, LedgerError> {
    let mut found = Vec::new();
    for operator in all(source) {
        if let Some(renewed) = source.record::<Renewed>(&key_of(&operator.name))? {
            found.push((operator.name, renewed));
        }
    }
    Ok(found)
}

/// Forgets an operator and the tokens that were made for it and by it. Gives whether there was either.
pub(crate) fn remove(draft: &Draft<'_>, name: &OperatorName) -> Result<bool, LedgerError> {
    let is_known = draft.record::<OperatorRecord>(&key_of(name))?.is_some();
    draft.remove(Keyspace::Operators, key_of(name));
    draft.remove(Keyspace::RenewedOperators, key_of(name));
    let tokens = forget_invites(draft, name);
    Ok(is_known || tokens > 0)
}

/// All operators, by name.
pub(crate) fn all(source: &impl Read) -> Vec<OperatorRecord> {
    let mut all: Vec<OperatorRecord> = source.records(Span::all()).map(|(_, one)| one).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Records a token.
pub(crate) fn put_invite(draft: &Draft<'_>, invite: &OperatorInvite) {
    draft.put_record(invite.secret.as_bytes().to_vec(), invite);
}

/// The token of `secret`, where it lets an operator in at the time `now`.
pub(crate) fn valid(
    source: &impl Read,
    secret: &Digest,
    now: u64,
) -> Result<OperatorInvite, OperatorInviteError> {
    let invite = source.record::<OperatorInvite>(secret.as_bytes())?.ok_or(OperatorInviteError::Unknown)?;
    if invite.expires_at <= now {
        return Err(OperatorInviteError::Expired(invite.name));
    }
    let by = source.record::<OperatorRecord>(&key_of(&invite.by))?;
    if by.is_none_or(|by| by.standing != OperatorStanding::Active) {
        return Err(OperatorInviteError::InviterGone(invite.name));
    }
    Ok(invite)
}

/// Uses the token of `secret` for `key`, whose certificate is good from one second until another, and returns the operator as it is
/// recorded then.
pub(crate) fn redeem(
    draft: &Draft<'_>,
    secret: &Digest,
    key: Digest,
    (valid_from, valid_until): (i64, i64),
    now: u64,
) -> Result<OperatorRecord, OperatorInviteError> {
    let invite = valid(draft, secret, now)?;
    if invite.used_by.is_some_and(|other| other != key) {
        return Err(OperatorInviteError::Used(invite.name));
    }
    let former = draft.record::<OperatorRecord>(&key_of(&invite.name))?;
    // Somebody else may have got the name by a later token, and keeps it.
    if invite.used_by.is_some() && former.as_ref().and_then(|former| former.key) != invite.used_by {
        return Err(OperatorInviteError::Used(invite.name));
    }
    // One that asks again, because it did not hear the answer, has not come in since now.
    let again = former.filter(|former| former.key == Some(key));
    let is_another = again.is_none();
    let since = again.map_or(now, |former| former.since);
    let operator = OperatorRecord {
        name: invite.name.clone(),
        kind: invite.kind,
        roles: invite.roles.clone(),
        standing: OperatorStanding::Active,
        key: Some(key),
        since,
        invited_by: Some(invite.by.clone()),
        lifetime_ms: invite.lifetime_ms,
        valid_from: Some(valid_from),
        valid_until: Some(valid_until),
    };
    draft.put_record(key_of(&invite.name), &operator);
    if is_another {
        // What the former one has renewed is good no more, whatever the clock said when it was made.
        put_renewed(draft, &invite.name, &Renewed::default());
    }
    // Another token would take the name away from whoever has it now, which nobody said is meant.
    // Those that it made go with whoever had it.
    let goes = |other: &OperatorInvite| other.name == invite.name || (is_another && other.by == invite.name);
    forget(draft, |other| goes(other) && other.secret != *secret);
    draft.put_record(secret.as_bytes().to_vec(), &OperatorInvite { used_by: Some(key), ..invite });
    Ok(operator)
}

/// Forgets the tokens that had expired at `until`, and returns how many.
pub(crate) fn purge_invites(draft: &Draft<'_>, until: u64) -> usize {
    forget(draft, |invite| invite.expires_at <= until)
}

fn forget_invites(draft: &Draft<'_>, name: &OperatorName) -> usize {
    forget(draft, |invite| invite.name == *name || invite.by == *name)
}

fn forget(draft: &Draft<'_>, which: impl Fn(&OperatorInvite) -> bool) -> usize {
    let invites: Vec<_> = draft.records::<OperatorInvite>(Span::all()).collect();
    let keys: Vec<_> =
        invites.into_iter().filter(|(_, invite)| which(invite)).map(|(key, _)| key.to_vec()).collect();
    let count = keys.len();
    keys.into_iter().for_each(|key| draft.remove(Keyspace::OperatorInvites, key));
    count
}

fn key_of(name: &OperatorName) -> Vec<u8> {
    name_prefix(name.as_str())
}

#[cfg(test)]
mod tests {
    use wire::message::operators::OperatorKind;

    use super::*;
    use crate::overlord::certificate::Issued;
    use crate::record::tests::is_stored_as;

    #[test]
    fn operators_and_their_tokens_are_stored_as_format_3_has_them() {
        let name = |name: &str| name.parse().expect("a name");
        let roles = vec!["deploy".parse().expect("a role")];
        let by = name("ann");
        is_stored_as(
            &OperatorRecord {
                name: name("ci"),
                kind: OperatorKind::Service,
                roles: roles.clone(),
                standing: OperatorStanding::Revoked { at: 7, by: by.clone(), why: "lost".into() },
                key: Some(Digest::of(b"key")),
                since: 5,
                invited_by: Some(by.clone()),
                lifetime_ms: Some(9),
                valid_from: Some(3),
                valid_until: Some(-1),
            },
            "017f6bf5830263690101066465706c6f79010703616e6e046c6f7374012c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683050103616e6e010901060101",
        );
        let renewed = Issued { key: Digest::of(b"key"), from: -1, until: 1_700_000_000 };
        is_stored_as(
            &Renewed { certificates: vec![renewed] },
            "013ca3f5f4012c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b6830180c49fd50c",
        );
        is_stored_as(
            &OperatorInvite {
                secret: Digest::of(b"secret"),
                name: name("ci"),
                kind: OperatorKind::Person,
                roles,
                lifetime_ms: None,
                expires_at: 5,
                by,
                used_by: None,
            },
            "018de65b532bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b0263690001066465706c6f79000503616e6e00",
        );
    }
}
