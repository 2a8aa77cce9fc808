//! What is asked of minions: who they are, what they said last, and which certificates they have.

use wire::message::inventory::Inventory;
use wire::name::MinionName;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::certificate::{Certificates, Issued};
use crate::overlord::minion::{HeardFacts, MinionRecord, Standing, Tenure};
use crate::overlord::operations::{certificate, invitation, minion};
use crate::write::{Durability, Purpose};

/// Minions: who they are, and what they said last. What is said of a minion that is not known is dropped.
impl OverlordLedger {
    /// Records a minion as a whole, in place of what was known of one of that name; synced.
    pub async fn put_minion(&self, minion: MinionRecord) -> Result<(), LedgerError> {
        let write = move |draft: &Draft<'_>| {
            if minion.status == Standing::Revoked {
                invitation::forget_all(draft, &minion.name);
            }
            minion::put(draft, minion);
            Ok(())
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Records that a minion was heard of, with the version of its software.
    pub async fn minion_seen(&self, name: &MinionName, at: u64, version: &str) -> Result<(), LedgerError> {
        let (name, version) = (name.clone(), version.to_owned());
        let write = move |draft: &Draft<'_>| minion::seen(draft, &name, at, version);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records which modules a minion has, as it said.
    pub async fn minion_modules(&self, name: &MinionName, modules: Inventory) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_modules(draft, &name, modules);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records what a minion said of its host.
    pub async fn minion_facts(&self, name: &MinionName, facts: HeardFacts) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_facts(draft, &name, &facts);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// Records the tenures of a minion, in place of those before; synced.
    pub async fn put_tenures(&self, name: &MinionName, tenures: Vec<Tenure>) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| minion::put_tenures(draft, &name, tenures);
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// Forgets a minion and the tokens that were made for it; synced. Its jobs stay.
    pub async fn remove_minion(&self, name: &MinionName) -> Result<(), LedgerError> {
        let name = name.clone();
        let write = move |draft: &Draft<'_>| {
            if minion::remove(draft, &name)? {
                invitation::forget_all(draft, &name);
            }
            Ok(())
        };
        self.engine.write(Purpose::Proceed, Durability::Synced, write).await
    }

    /// The minion of that name; `None` where none has enrolled.
    pub async fn minion(&self, name: &MinionName) -> Result<Option<MinionRecord>, LedgerError> {
        self.read(|source| minion::find(source, name)).await
    }

    /// All minions, by name.
    pub async fn minions(&self) -> Result<Vec<MinionRecord>, LedgerError> {
        self.read(|source| minion::all(source)).await
    }

    /// What each minion said of its host last, by name. Minions that never did are left out.
    pub async fn facts(&self) -> Result<Vec<(MinionName, HeardFacts)>, LedgerError> {
        self.read(|source| Ok(minion::facts(source))).await
    }

    /// The tenures of a minion, in their order; empty where it never said where it is.
    pub async fn tenures(&self, name: &MinionName) -> Result<Vec<Tenure>, LedgerError> {
        self.read(|source| minion::tenures(source, name)).await
    }
}

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
