//! Which versions of modules minions are to have, and what became of bringing them.

use serde::{Deserialize, Serialize};
use wire::message::catalogue::Assignment;
use wire::name::{MinionName, ModuleName};

use super::ledger::OverlordLedger;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::{Span, name_prefix};
use crate::read::Read;
use crate::record::Record;
use crate::space::Space;

impl Record for Assignment {
    const SPACE: Space = Space::Assignments;
}

/// What became of the last attempt to bring a minion what is assigned to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The place of the assignment.
    pub place: u64,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Why it is not in service; `None` where it is.
    pub failure: Option<String>,
}

impl Record for Attempt {
    const SPACE: Space = Space::Attempts;
}

impl OverlordLedger {
    /// Records an assignment as the newest, in place of one of the same module to the same expression;
    /// synced. Returns it with its place, which none had before.
    pub async fn assign(&self, assignment: Assignment) -> Result<Assignment, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let last = draft.records::<Assignment>(Span::all()).map(|(_, one)| one.place).max();
            // The last one may be taken back already, and attempts to bring it name its place. The time tells
            // them apart; the order is that of the numbers.
            let place = last.map_or(0, |last| last.saturating_add(1)).max(assignment.assigned_at);
            let assignment = Assignment { place, ..assignment };
            draft.put_record(key_of(&assignment.name, &assignment.expression), &assignment);
            Ok(assignment)
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Forgets an assignment; synced. Returns it, or `None` where there is none.
    pub async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
    ) -> Result<Option<Assignment>, LedgerError> {
        let key = key_of(name, expression);
        let write = move |draft: &Draft<'_>| {
            let assignment = draft.record::<Assignment>(&key)?;
            if assignment.is_some() {
                draft.remove(Space::Assignments, key);
            }
            Ok(assignment)
        };
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// All assignments: by module, and of each module the newest first.
    pub fn assignments(&self) -> Result<Vec<Assignment>, LedgerError> {
        let source = self.engine.read()?;
        let mut all: Vec<Assignment> = source.records(Span::all()).map(|(_, one)| one).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.place.cmp(&a.place)));
        Ok(all)
    }

    /// Records what became of an attempt to bring a minion what is assigned to it.
    pub async fn attempted(
        &self,
        minion: &MinionName,
        module: &ModuleName,
        attempt: Attempt,
    ) -> Result<(), LedgerError> {
        let (known, key) = (minion.as_str().as_bytes().to_vec(), key_of_attempt(minion, module));
        let write = move |draft: &Draft<'_>| {
            if draft.has(Space::Minions, &known)? {
                draft.put_record(key, &attempt);
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// What became of the last attempt to bring a minion what is assigned to it, if there was one.
    pub fn attempt(&self, minion: &MinionName, module: &ModuleName) -> Result<Option<Attempt>, LedgerError> {
        self.engine.read()?.record(&key_of_attempt(minion, module))
    }
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
