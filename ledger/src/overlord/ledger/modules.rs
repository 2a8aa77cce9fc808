//! What is asked of versions of modules: which are kept, and which are to be where.

use wire::digest::Digest;
use wire::message::catalogue::{Assignment, KeptModule};
use wire::name::{MinionName, ModuleName};
use wire::signing::mandate::SignedMandate;

use super::OverlordLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::overlord::minion::Attempt;
use crate::overlord::operations::{assignment, catalogue};
use crate::write::{Durability, Purpose};

/// Versions of modules: which are kept, and which are to be where. Their files are not the ledger's.
impl OverlordLedger {
    /// Records a version as the newest of its name; synced. Returns it as it is recorded: a signature that was brought
    /// with it before stays where none comes now.
    pub async fn keep_module(&self, module: KeptModule) -> Result<KeptModule, LedgerError> {
        let write = move |draft: &Draft<'_>| catalogue::keep(draft, module);
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Forgets a version; synced.
    pub async fn forget_module(&self, name: &ModuleName, digest: &Digest) -> Result<(), LedgerError> {
        let (name, digest) = (name.clone(), *digest);
        let write = move |draft: &Draft<'_>| {
            catalogue::forget(draft, &name, &digest);
            Ok(())
        };
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// Every version that is kept: by name, and of each name the newest first.
    pub async fn kept_modules(&self) -> Result<Vec<KeptModule>, LedgerError> {
        self.read(|source| Ok(catalogue::all(source))).await
    }

    /// Records an assignment as the newest, in place of one of the same module to the same expression; synced.
    /// Returns it with its place, which no assignment had before. `mandate` is what was signed of it.
    pub async fn assign(
        &self,
        assignment: Assignment,
        mandate: Option<SignedMandate>,
    ) -> Result<Assignment, LedgerError> {
        let write = move |draft: &Draft<'_>| Ok(assignment::assign(draft, assignment, mandate));
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// What was signed of an assignment, as it was recorded with it.
    pub async fn assignment_mandate(
        &self,
        assignment: &Assignment,
    ) -> Result<Option<SignedMandate>, LedgerError> {
        self.read(|source| assignment::mandate(source, assignment)).await
    }

    /// Forgets an assignment; synced. Returns it, or `None` where there was none.
    pub async fn unassign(
        &self,
        name: &ModuleName,
        expression: &str,
    ) -> Result<Option<Assignment>, LedgerError> {
        let (name, expression) = (name.clone(), expression.to_owned());
        let write = move |draft: &Draft<'_>| assignment::unassign(draft, &name, &expression);
        self.engine.write(Purpose::Free, Durability::Synced, write).await
    }

    /// All assignments: by module, and of each module the newest first.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, LedgerError> {
        self.read(|source| Ok(assignment::all(source))).await
    }

    /// Records what became of an attempt to bring a known minion what is assigned to it.
    pub async fn attempted(
        &self,
        minion: &MinionName,
        module: &ModuleName,
        attempt: Attempt,
    ) -> Result<(), LedgerError> {
        let (minion, module) = (minion.clone(), module.clone());
        let write = move |draft: &Draft<'_>| assignment::attempted(draft, &minion, &module, &attempt);
        self.engine.write(Purpose::Proceed, Durability::Written, write).await
    }

    /// What became of the last attempt to bring a minion what is assigned to it, if there was one.
    pub async fn attempt(
        &self,
        minion: &MinionName,
        module: &ModuleName,
    ) -> Result<Option<Attempt>, LedgerError> {
        self.read(|source| assignment::attempt(source, minion, module)).await
    }
}
