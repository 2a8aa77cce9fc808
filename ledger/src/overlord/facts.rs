//! What minions said of their hosts, kept so that it is known also while they are away.

use serde::{Deserialize, Serialize};
use wire::name::MinionName;

use super::ledger::OverlordLedger;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key::Span;
use crate::read::Read;
use crate::record::Record;
use crate::space::Space;

/// The facts of a minion, as it said them last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardFacts {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// A JSON object.
    pub json: String,
}

impl Record for HeardFacts {
    const SPACE: Space = Space::Facts;
}

impl OverlordLedger {
    /// Records what a known minion said of its host.
    pub async fn minion_facts(&self, name: &MinionName, facts: HeardFacts) -> Result<(), LedgerError> {
        let key = name.as_str().as_bytes().to_vec();
        let write = move |draft: &Draft<'_>| {
            if draft.has(Space::Minions, &key)? {
                draft.put_record(key, &facts);
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// What each minion said of its host last, by name; nothing of those that never did.
    pub fn facts(&self) -> Result<Vec<(MinionName, HeardFacts)>, LedgerError> {
        let source = self.engine.read()?;
        let named = |(key, facts): (crate::storage::Bytes, HeardFacts)| {
            Some((std::str::from_utf8(&key).ok()?.parse().ok()?, facts))
        };
        Ok(source.records(Span::all()).filter_map(named).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn facts_are_stored_as_format_3_has_them() {
        is_stored_as(&HeardFacts { at: 5, json: "{}".into() }, "01e943e88f05027b7d");
    }
}
