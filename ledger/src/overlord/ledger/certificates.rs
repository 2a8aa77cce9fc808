//! What is asked of the certificates of minions.

use wire::name::MinionName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::certificate::{Certificates, Issued};
use crate::overlord::operations::certificate;
use crate::write::{Durability, Purpose};

/// Certificates of minions: those that they were seen with, and those that they are given next.
impl OverlordLedger {
    /// Records the next certificate of a minion, whose key lets it in from now on beside the one that it has; synced.
    pub async fn put_next_certificate(&self, name: &MinionName, next: Issued) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| certificate::put_next(draft, &name, next);
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Records that a minion was seen with a certificate. Where that is for its next key, this is its only key from now
    /// on. A certificate for any other key changes nothing. Gives whether it is for one of these two.
    pub async fn certificate_shown(
        &self,
        name: &MinionName,
        shown: Issued,
        durability: Durability,
    ) -> Result<bool, LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| certificate::shown(draft, &name, shown);
        self.engine.write(Purpose::Proceed, durability, write).await
    }

    /// What is known of the certificates of each minion, by name. Minions of which nothing is are left out.
    pub async fn certificates(&self) -> Result<Vec<(MinionName, Certificates)>, LedgerError> {
        self.read(|source| Ok(certificate::all(source))).await
    }
}
