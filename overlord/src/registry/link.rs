//! What may be said in the name of a minion, and by which connection.

use std::sync::Arc;

use ledger::{HeardFacts, LedgerError};
use quinn::Connection;
use serde_json::Value as Json;
use wire::clock::now_ms;
use wire::digest::Digest;
use wire::endpoint::CLOSE_REPLACED;
use wire::inventory::Inventory;
use wire::name::MinionName;

use super::{Entry, Heard, Lost, Refused, Registry, standing};

/// A minion whose certificate was good when it came. Nothing is known of it or changed until it is connected.
pub struct Admitted {
    registry: Registry,
    name: MinionName,
    key: Digest,
    /// Counted by the registry.
    _admitted: Arc<()>,
}

/// What a minion says of itself when it comes.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The version of its software.
    pub version: String,
    /// What it can run.
    pub modules: Inventory,
    /// What it knows of its host; `None` where that could not be read, and what was known stays.
    pub facts: Option<Arc<Json>>,
}

/// The connection of a minion, for as long as no other has taken its place.
///
/// All that a connection changes in the name of its minion goes through this, which only
/// [`connect`](Admitted::connect) makes: a connection that was replaced, or whose key was, changes nothing.
pub struct Link {
    registry: Registry,
    name: MinionName,
    connection: Connection,
}

/// Why a connection may not speak in the name of a minion.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The minion's standing or key is another since it came.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Another connection took its place.
    #[error("another connection of \"{0}\" has taken its place")]
    Replaced(MinionName),
    /// The ledger cannot record it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Admitted {
    pub(super) fn new(registry: Registry, name: MinionName, key: Digest, admitted: Arc<()>) -> Self {
        Self { registry, name, key, _admitted: admitted }
    }

    /// Which minion it is.
    pub fn name(&self) -> &MinionName {
        &self.name
    }

    /// Notes that the minion is there, with what it says of itself. An older connection makes way.
    ///
    /// Fails where it may not come in any more: it may have been enrolled with another key, or revoked, since
    /// it was admitted.
    pub async fn connect(&self, connection: Connection, said: Introduction) -> Result<Link, LinkError> {
        let Self { registry, name, key, .. } = self;
        let Introduction { version, modules, facts } = said;
        let _turn = registry.0.turns.wait(name.clone()).await;
        // Who it is does not change before the turn is over.
        standing(&registry.lock(), name, *key)?;
        let seen = now_ms();
        registry.0.ledger.minion_seen(name, seen, &version).await?;
        registry.0.ledger.minion_modules(name, modules.clone()).await?;
        if let Some(facts) = &facts {
            registry.0.ledger.minion_facts(name, record(facts, seen)).await?;
        }
        let before = {
            let mut minions = registry.lock();
            standing(&minions, name, *key)?;
            let Some(entry) = minions.get_mut(name) else {
                return Err(Refused::NotEnrolled(name.to_string()).into());
            };
            entry.record.version = Some(version);
            entry.record.modules = modules;
            entry.record.last_seen = Some(seen);
            // Before anyone can see that it is there, and ask for it by its facts.
            if let Some(facts) = facts {
                entry.facts = Some(Heard { facts, at: seen });
            }
            entry.connection.send_replace(Some(connection.clone()))
        };
        if let Some(before) = before {
            before.close(CLOSE_REPLACED, b"a newer connection of this minion took over");
        }
        Ok(Link { registry: registry.clone(), name: name.clone(), connection })
    }
}

impl Link {
    /// Notes that the minion's modules are now these.
    pub async fn modules_changed(&self, modules: Inventory) -> Result<(), LinkError> {
        let _turn = self.registry.0.turns.wait(self.name.clone()).await;
        self.with_entry(|_| ())?;
        self.registry.0.ledger.minion_modules(&self.name, modules.clone()).await?;
        self.with_entry(|entry| {
            entry.record.modules = modules;
            entry.modules_told.send_replace(());
        })
    }

    /// Notes that the minion's facts are now these.
    pub async fn facts_changed(&self, facts: Arc<Json>) -> Result<(), LinkError> {
        let _turn = self.registry.0.turns.wait(self.name.clone()).await;
        let at = now_ms();
        self.with_entry(|_| ())?;
        self.registry.0.ledger.minion_facts(&self.name, record(&facts, at)).await?;
        self.with_entry(|entry| entry.facts = Some(Heard { facts, at }))
    }

    /// Notes that the connection is gone. Where another has taken its place, there is nothing to note.
    pub async fn gone(&self) -> Result<(), LedgerError> {
        let _turn = self.registry.0.turns.wait(self.name.clone()).await;
        let seen = now_ms();
        let version = self.with_entry(|entry| {
            entry.lost = Lost::now();
            entry.connection.send_replace(None);
            entry.record.last_seen = Some(seen);
            entry.record.version.clone().unwrap_or_default()
        });
        match version {
            Ok(version) => self.registry.0.ledger.minion_seen(&self.name, seen, &version).await,
            Err(_) => Ok(()),
        }
    }

    /// Changes what is known of the minion, while this is its connection.
    fn with_entry<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> Result<T, LinkError> {
        let mut minions = self.registry.lock();
        let entry = minions.get_mut(&self.name).filter(|entry| {
            let current = entry.connection.borrow();
            current.as_ref().is_some_and(|current| current.stable_id() == self.connection.stable_id())
        });
        Ok(change(entry.ok_or_else(|| LinkError::Replaced(self.name.clone()))?))
    }
}

/// Facts as the ledger keeps them.
fn record(facts: &Json, at: u64) -> HeardFacts {
    HeardFacts { at, json: facts.to_string() }
}
