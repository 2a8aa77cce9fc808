//! Which versions of modules minions are to have, and what became of bringing them.

use serde::{Deserialize, Serialize};
use wire::message::catalogue::Assignment;
use wire::name::{MinionName, ModuleName};
use wire::signing::mandate::SignedMandate;

use super::minion::is_known;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::{Span, name_prefix};
use crate::keyspace::Keyspace;
use crate::overlord::minion::Attempt;
use crate::read::Read;
use crate::record::Record;

impl Record for Assignment {
    const SPACE: Keyspace = Keyspace::Assignments;
}

/// What whoever made an assignment has signed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredMandate {
    /// The place of the assignment that it is of.
    place: u64,
    mandate: SignedMandate,
}

impl Record for StoredMandate {
    const SPACE: Keyspace = Keyspace::AssignmentMandates;
}

impl Record for Attempt {
    const SPACE: Keyspace = Keyspace::Attempts;
}

/// Records an assignment as the newest, in place of one of the same module to the same expression. Returns it with its
/// place, which none had before.
pub(crate) fn assign(
    draft: &Draft<'_>,
    assignment: Assignment,
    mandate: Option<SignedMandate>,
) -> Assignment {
    let last = draft.records::<Assignment>(Span::all()).map(|(_, one)| one.place).max();
    // The newest assignment may be taken back already, while attempts to bring it still name its place. The time
    // keeps the two places apart; the order is that of the numbers.
    let place = last.map_or(0, |last| last.saturating_add(1)).max(assignment.assigned_at);
    let assignment = Assignment { place, ..assignment };
    let key = key_of(&assignment.name, &assignment.expression);
    draft.put_record(key.clone(), &assignment);
    match mandate {
        Some(mandate) => drop(draft.put_record(key, &StoredMandate { place, mandate })),
        None => draft.remove(Keyspace::AssignmentMandates, key),
    }
    assignment
}

/// What whoever made this assignment has signed of it; `None` where nothing was signed.
pub(crate) fn mandate(
    source: &impl Read,
    assignment: &Assignment,
) -> Result<Option<SignedMandate>, LedgerError> {
    let stored = source.record::<StoredMandate>(&key_of(&assignment.name, &assignment.expression))?;
    Ok(stored.filter(|stored| stored.place == assignment.place).map(|stored| stored.mandate))
}

/// Forgets an assignment, and returns it.
pub(crate) fn unassign(
    draft: &Draft<'_>,
    name: &ModuleName,
    expression: &str,
) -> Result<Option<Assignment>, LedgerError> {
    let key = key_of(name, expression);
    let assignment = draft.record::<Assignment>(&key)?;
    if assignment.is_some() {
        draft.remove(Keyspace::Assignments, key.clone());
        draft.remove(Keyspace::AssignmentMandates, key);
    }
    Ok(assignment)
}

/// All assignments: by module, and of each module the newest first.
pub(crate) fn all(source: &impl Read) -> Vec<Assignment> {
    let mut all: Vec<Assignment> = source.records(Span::all()).map(|(_, one)| one).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name).then(b.place.cmp(&a.place)));
    all
}

/// Records what became of an attempt to bring a known minion what is assigned to it.
pub(crate) fn attempted(
    draft: &Draft<'_>,
    minion: &MinionName,
    module: &ModuleName,
    attempt: &Attempt,
) -> Result<(), LedgerError> {
    if is_known(draft, minion)? {
        draft.put_record(key_of_attempt(minion, module), attempt);
    }
    Ok(())
}

/// What became of the last attempt to bring a minion what is assigned to it.
pub(crate) fn attempt(
    source: &impl Read,
    minion: &MinionName,
    module: &ModuleName,
) -> Result<Option<Attempt>, LedgerError> {
    source.record(&key_of_attempt(minion, module))
}

fn key_of(name: &ModuleName, expression: &str) -> Vec<u8> {
    [name_prefix(name.as_str()).as_slice(), expression.as_bytes()].concat()
}

fn key_of_attempt(minion: &MinionName, module: &ModuleName) -> Vec<u8> {
    [name_prefix(minion.as_str()).as_slice(), module.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn an_assignment_is_stored_as_format_2_has_it() {
        let assignment = Assignment {
            expression: "web*".into(),
            name: "service".parse().expect("a name"),
            digest: Digest::of(b"code"),
            version: Some("1.0.0".into()),
            assigned_by: "alice".parse().expect("a name"),
            assigned_at: 5,
            place: 6,
        };
        is_stored_as(
            &assignment,
            "0196ac1eb0047765622a07736572766963655694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8\
             a56577040bc1028f702b0105312e302e3005616c6963650506",
        );
        is_stored_as(&Attempt { place: 6, at: 7, failure: Some("no".into()) }, "01c5e617a8060701026e6f");
    }
}
