//! What is asked of authorities: which of them has signed for whom.

use wire::digest::Digest;
use wire::name::OperatorName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::certificate::{Holding, SeenKey};
use crate::overlord::operations::holding;
use crate::write::{Durability, Purpose};

/// Authorities: which of them has signed for which key, and which keys operators have.
impl OverlordLedger {
    /// Records what the owner of a key is about to be given; synced.
    pub async fn put_holding(&self, key: Digest, holding: Holding) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            holding::put(draft, &key, &holding);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Records the key that an operator was seen with.
    pub async fn operator_shown(&self, operator: &OperatorName, seen: SeenKey) -> Result<(), LedgerError> {
        let operator = operator.clone();
        let write = move |draft: &Draft<'_>| {
            holding::seen(draft, &operator, &seen);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Forgets what the owners of these keys were given.
    pub async fn forget_holdings(&self, keys: Vec<Digest>) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            holding::forget(draft, &keys);
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// What the owner of each key was given. Keys that were signed for before there were several authorities are left out.
    pub async fn holdings(&self) -> Result<Vec<(Digest, Holding)>, LedgerError> {
        self.read(|source| Ok(holding::all(source))).await
    }

    /// The key that each operator was seen with last.
    pub async fn operator_keys(&self) -> Result<Vec<(OperatorName, SeenKey)>, LedgerError> {
        self.read(|source| Ok(holding::operators(source))).await
    }
}
