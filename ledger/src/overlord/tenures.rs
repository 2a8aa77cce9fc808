//! Which places a minion's links came from, so that nobody is asked about a job that another one was sent.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::job::JobId;
use wire::name::MinionName;

use super::ledger::OverlordLedger;
use super::minions::key_of;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::read::Read;
use crate::record::Record;
use crate::space::Space;

/// The time for which one place had a minion's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The place, as in [`Instance`](wire::message::instance::Instance).
    pub place: Digest,
    /// The newest job when it came; `None` where there was none.
    pub after: Option<JobId>,
}

/// Those of one minion, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tenures(Vec<Tenure>);

impl Record for Tenures {
    const SPACE: Space = Space::Tenures;
}

impl OverlordLedger {
    /// Records the tenures of a known minion, in place of those before; synced.
    pub async fn put_tenures(&self, name: &MinionName, tenures: Vec<Tenure>) -> Result<(), LedgerError> {
        let key = key_of(name);
        let write = move |draft: &Draft<'_>| {
            if draft.has(Space::Minions, &key)? {
                draft.put_record(key, &Tenures(tenures));
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// The tenures of a minion, in their order; none where it never said where it is.
    pub fn tenures(&self, name: &MinionName) -> Result<Vec<Tenure>, LedgerError> {
        let Tenures(tenures) = self.engine.read()?.record(&key_of(name))?.unwrap_or_default();
        Ok(tenures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn tenures_are_stored_as_format_3_has_them() {
        let tenure = Tenure { place: Digest::of(b"place"), after: Some(JobId::from_bytes([1; 16])) };
        is_stored_as(
            &Tenures(vec![tenure]),
            "01bc2f41e60181df63580cc9ff1550c90d918ec234f1834013b800b5321201e88d96e785277c0101\
             010101010101010101010101010101",
        );
    }
}
