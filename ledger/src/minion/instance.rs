//! Which instance of its minion a ledger belongs to.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;

use super::ledger::MinionLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record::Record;
use crate::write::{Durability, Purpose};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InstanceId(Digest);

impl Record for InstanceId {
    const SPACE: Keyspace = Keyspace::Instance;
}

impl MinionLedger {
    /// The id of the minion that this ledger belongs to. Where it has none yet, `new` is recorded as its id;
    /// synced.
    pub async fn instance(&self, new: Digest) -> Result<Digest, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            if let Some(InstanceId(id)) = draft.record(KEY)? {
                return Ok(id);
            }
            draft.put_record(KEY.to_vec(), &InstanceId(new));
            Ok(new)
        };
        if let Some(InstanceId(id)) = self.engine.read()?.record(KEY)? {
            return Ok(id);
        }
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }
}

const KEY: &[u8] = b"minion";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    #[test]
    fn an_instance_is_stored_as_format_3_has_it() {
        is_stored_as(
            &InstanceId(Digest::of(b"instance")),
            "01e0717ca65e8c03a94c7835b87dd82c690f9f85c08592ef7433aa141ceaacb36a9f4da434",
        );
    }

    #[tokio::test]
    async fn a_ledger_keeps_its_first_instance() {
        let dir = crate::scratch::folder();
        let ledger = MinionLedger::open(dir.path()).expect("opens");
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(ledger.instance(one).await.expect("made"), one);
        ledger.close().await;
        drop(ledger);
        let ledger = MinionLedger::open(dir.path()).expect("opens");
        assert_eq!(ledger.instance(other).await.expect("kept"), one);
    }
}
