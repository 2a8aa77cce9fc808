//! Brings a ledger to what an audit log tells.

use ledger::{Durability, Issued, LedgerError, MinionRecord, OperatorRecord, OverlordLedger, Revocation};
use wire::digest::Digest;
use wire::message::operators::OperatorStanding;
use wire::name::{MinionName, OperatorName};

use super::history::{History, Minion, Operator, Standing};

/// Brings a ledger to what is told, and says what differs then, a line each. Done twice, it changes nothing more.
pub(super) async fn apply(ledger: &OverlordLedger, history: &History) -> Result<Vec<String>, LedgerError> {
    let mut changes = Vec::new();
    for (name, minion) in &history.minions {
        changes.extend(apply_minion(ledger, name, minion).await?);
    }
    let known = ledger.operators().await?;
    for (name, operator) in &history.operators {
        if let Some(record) = known.iter().find(|record| record.name == *name) {
            changes.extend(apply_operator(ledger, record.clone(), operator).await?);
        }
    }
    changes.extend(forget_tokens(ledger).await?);
    Ok(changes)
}

async fn apply_minion(
    ledger: &OverlordLedger,
    name: &MinionName,
    told: &Minion,
) -> Result<Vec<String>, LedgerError> {
    let mut changes = Vec::new();
    let record = ledger.minion(name).await?;
    if let Standing::Removed(at) = told.standing {
        // Where the ledger is newer than the log, the name may have been given to another host since.
        if record.is_some_and(|record| record.enrolled_at <= at) {
            ledger.remove_minion(name).await?;
            changes.push(format!("minion \"{name}\" is removed"));
        }
        return Ok(changes);
    }
    if let Some((first, at)) = enrolled_since(told, record.as_ref()) {
        ledger.remove_minion(name).await?;
        ledger.enrol_new(name, first, at).await?;
        changes.push(format!("minion \"{name}\" is enrolled with another key"));
    }
    let Some(record) = ledger.minion(name).await? else { return Ok(changes) };
    if renewed(ledger, &record, told).await? {
        changes.push(format!("minion \"{name}\" has renewed its key"));
    }
    match &told.standing {
        Standing::Revoked(revocation)
            if record.status == ledger::Standing::Active && record.enrolled_at <= revocation.made.at =>
        {
            ledger.revoke_minion(name, revocation.clone()).await?;
            changes.push(format!("minion \"{name}\" is revoked"));
        }
        // Whoever is revoked in the ledger stays so: that may be newer than what the log tells.
        _ => {}
    }
    Ok(changes)
}

/// The key that a minion was enrolled with and when, where the ledger does not know of that.
fn enrolled_since(told: &Minion, record: Option<&MinionRecord>) -> Option<(Digest, u64)> {
    let (at, (first, _)) = (told.enrolled_at?, told.keys.first()?);
    let is_known = record.is_some_and(|record| {
        told.keys.iter().any(|(key, _)| *key == record.key)
            || record.enrolled_at >= at.saturating_sub(CLOSE_MS)
    });
    (!is_known).then_some((*first, at))
}

/// Records the keys that a minion has renewed: the last one of them is its next one, with which it was not seen since, and the one
/// before is what it has. Gives whether the ledger did not know the last one.
async fn renewed(ledger: &OverlordLedger, record: &MinionRecord, told: &Minion) -> Result<bool, LedgerError> {
    let known = ledger.certificates().await?.into_iter().find(|(name, _)| *name == record.name);
    let known = known.map(|(_, certificates)| certificates).unwrap_or_default();
    let until = known.shown.into_iter().chain(known.next).map(|one| one.until).max().unwrap_or_default();
    let is_newer = |key: &(Digest, Option<i64>)| key.1.is_some_and(|ends| ends > until);
    let keys: Vec<_> = match told.keys.iter().rposition(|(key, _)| *key == record.key) {
        Some(place) => told.keys[place + 1..].to_vec(),
        // Its key is from before the log began, or from after its end.
        None => told.keys.iter().copied().filter(is_newer).collect(),
    };
    if keys.last().map(|(key, _)| *key) == known.next.map(|next| next.key) {
        return Ok(false);
    }
    follow(ledger, &record.name, &keys).await.map(|()| true)
}

async fn follow(
    ledger: &OverlordLedger,
    name: &MinionName,
    keys: &[(Digest, Option<i64>)],
) -> Result<(), LedgerError> {
    let issued = |(key, until): &(Digest, Option<i64>)| {
        let until = until.unwrap_or_default();
        Issued { key: *key, from: until, until }
    };
    if let [.., before, _] = keys {
        ledger.put_next_certificate(name, issued(before)).await?;
        ledger.certificate_shown(name, issued(before), Durability::Synced).await?;
    }
    match keys.last() {
        Some(last) => ledger.put_next_certificate(name, issued(last)).await,
        None => Ok(()),
    }
}

async fn apply_operator(
    ledger: &OverlordLedger,
    mut record: OperatorRecord,
    told: &Operator,
) -> Result<Vec<String>, LedgerError> {
    let (name, before) = (record.name.clone(), record.clone());
    let mut changes = Vec::new();
    if let Standing::Removed(at) = told.standing {
        if record.since <= at {
            ledger.remove_operator(&name).await?;
            changes.push(format!("operator \"{name}\" is removed"));
        }
        return Ok(changes);
    }
    let is_another =
        record.key.is_some() && told.login_at.is_some_and(|at| at > record.since.saturating_add(CLOSE_MS));
    if is_another && record.standing == OperatorStanding::Active {
        record.standing = revoked_by(&name, told);
        changes.push(format!(
            "operator \"{name}\" has logged in anew since the backup, with a key that is not known: it is revoked until it \
             does so again"
        ));
    }
    match &told.standing {
        Standing::Revoked(Revocation { made, why })
            if record.standing == OperatorStanding::Active && record.since <= made.at =>
        {
            record.standing =
                OperatorStanding::Revoked { at: made.at, by: made.by.clone(), why: why.clone() };
            changes.push(format!("operator \"{name}\" is revoked"));
        }
        _ => {}
    }
    if let Some(roles) = &told.roles
        && *roles != record.roles
    {
        record.roles.clone_from(roles);
        changes.push(format!("operator \"{name}\" has other roles"));
    }
    let renewed = ledger.renewed_operators().await?.into_iter().find(|(known, _)| *known == name);
    let mut renewed = renewed.map(|(_, renewed)| renewed).unwrap_or_default();
    for (key, until) in told.renewed.iter().filter(|_| !is_another) {
        if renewed.certificates.iter().all(|one| one.key != *key) {
            renewed.certificates.push(Issued { key: *key, from: *until, until: *until });
            changes.push(format!("operator \"{name}\" has renewed its key"));
        }
    }
    changes.dedup();
    if !changes.is_empty() || record != before {
        ledger.put_renewed_operator(record, renewed).await?;
    }
    Ok(changes)
}

/// That an operator is revoked, since nobody knows its key.
fn revoked_by(name: &OperatorName, told: &Operator) -> OperatorStanding {
    let why = "logged in anew after the backup that was restored".to_owned();
    OperatorStanding::Revoked { at: told.login_at.unwrap_or_default(), by: name.clone(), why }
}

/// Forgets all tokens: they may have been used since the backup, or withdrawn.
async fn forget_tokens(ledger: &OverlordLedger) -> Result<Vec<String>, LedgerError> {
    let invitations = ledger.invitations().await?;
    let names = invitations.names.into_iter().map(|(invite, _)| invite.secret);
    let secrets: Vec<Digest> =
        names.chain(invitations.globs.into_iter().map(|invite| invite.secret)).collect();
    let operators = ledger.purge_operator_invites(u64::MAX).await?;
    let count = secrets.len() + operators;
    ledger.withdraw(secrets).await?;
    Ok((count > 0).then(|| format!("{count} tokens are good no more")).into_iter().collect())
}

/// Within how many milliseconds what the ledger and the log have is of the same moment.
const CLOSE_MS: u64 = 60_000;
