//! What may be said in the name of a minion, and by which connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ledger::{HeardFacts, Issued, LedgerError};
use machine::clock::now_ms;
use quinn::Connection;
use serde_json::Value as Json;
use wire::message::instance::Instance;
use wire::message::inventory::Inventory;
use wire::message::link::{MAX_MESSAGE, MinionRequest, Pong};
use wire::name::MinionName;
use wire::transport::endpoint::CLOSE_REPLACED;
use wire::transport::frame;

use super::renewal::shown;
use super::{Entry, Heard, Lost, NoMinion, Registry, standing};

/// A minion whose certificate was good when it came. Nothing is known of it or changed until it is connected.
pub struct Admitted {
    pub(super) registry: Registry,
    pub(super) name: MinionName,
    /// The certificate that it showed.
    pub(super) certificate: Issued,
    /// Counted by the registry.
    _admitted: Arc<()>,
}

/// What a minion says of itself when it connects.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The version of its software.
    pub version: String,
    /// The modules that it has.
    pub modules: Inventory,
    /// The facts of its host; `None` where they could not be read, and then the former ones stay.
    pub facts: Option<Arc<Json>>,
    /// Which instance of the minion it is; `None` where it does not say.
    pub instance: Option<Instance>,
}

/// The connection of a minion, for as long as no other has taken its place.
///
/// All that a connection changes in the name of its minion goes through this, which only
/// [`connect`](Admitted::connect) makes: a connection that was replaced, or whose key was, changes nothing.
#[derive(Clone)]
pub struct Link {
    pub(super) registry: Registry,
    pub(super) name: MinionName,
    pub(super) connection: Connection,
}

/// Why a connection may not speak in the name of a minion.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The minion's standing or key has changed since it came.
    #[error(transparent)]
    Refused(#[from] NoMinion),
    /// Another minion with the same key is linked, and answers.
    #[error("another minion with the identity of \"{name}\" is linked from {linked} and answers")]
    Second {
        /// The minion.
        name: MinionName,
        /// The address of the other one.
        linked: SocketAddr,
        /// Whether this is the first attempt for a while.
        is_news: bool,
    },
    /// Another connection has taken the place of this one.
    #[error("another connection of \"{0}\" has taken its place")]
    Replaced(MinionName),
    /// The ledger could not be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Admitted {
    pub(super) fn new(registry: Registry, name: MinionName, certificate: Issued, admitted: Arc<()>) -> Self {
        Self { registry, name, certificate, _admitted: admitted }
    }

    /// The certificate that it showed.
    pub fn certificate(&self) -> Issued {
        self.certificate
    }

    /// The name of the minion.
    pub fn name(&self) -> &MinionName {
        &self.name
    }

    /// Takes note that the minion is connected, with what it says of itself. An older connection of it makes way.
    ///
    /// # Errors
    /// [`LinkError::Refused`] where it may not connect any more, since it may have been enrolled with another key,
    /// or revoked, since it was admitted; [`LinkError::Second`] where another one with its key has the link; and
    /// [`LinkError::Ledger`] where it cannot be recorded.
    pub async fn connect(&self, connection: Connection, said: Introduction) -> Result<Link, LinkError> {
        let Self { registry, name, certificate: Issued { key, .. }, .. } = self;
        let Introduction { version, mut modules, facts, instance } = said;
        registry.0.methods.share(&mut modules);
        // With the next key it is the minion, whoever else is linked with the former one.
        if registry.is_about_to_have(name, *key) {
            self.prove().await?;
        }
        let silent = match self.first(instance) {
            Some(first) if answers(&first).await => {
                return Err(self.second(&first, connection.remote_address()));
            }
            first => first.map(|first| first.stable_id()),
        };
        let _locked = registry.0.locks.lock(name.clone()).await;
        // Nobody else changes who it is before the lock is gone.
        standing(&registry.lock(), name, *key)?;
        if self.first(instance).is_some_and(|first| Some(first.stable_id()) != silent) {
            return Err(LinkError::Replaced(name.clone()));
        }
        let seen = now_ms();
        shown(registry, name, self.certificate).await?;
        self.take_over(instance).await?;
        registry.0.ledger.minion_seen(name, seen, &version).await?;
        // Of thousands that are back at once, nearly all have what they had.
        if !registry.has_modules(name, &modules) {
            registry.0.ledger.minion_modules(name, modules.clone()).await?;
        }
        if let Some(facts) = &facts {
            registry.0.ledger.minion_facts(name, record(facts, seen)).await?;
        }
        let before = {
            let mut minions = registry.lock();
            standing(&minions, name, *key)?;
            let Some(entry) = minions.get_mut(name) else {
                return Err(NoMinion::NotEnrolled(name.to_string()).into());
            };
            entry.record.version = Some(version);
            entry.record.modules = modules;
            entry.record.last_seen = Some(seen);
            let place = |instance: Option<Instance>| instance.map(|instance| instance.place);
            if entry.connection.borrow().is_some() && place(entry.instance) != place(instance) {
                entry.lost = Lost::now();
            }
            entry.instance = instance;
            entry.troubles.let_in();
            // Facts are set before anyone can see that it is connected, and ask for it by them.
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

    /// The connection that this minion has already, where it may be that of another one with its key.
    fn first(&self, instance: Option<Instance>) -> Option<Connection> {
        let minions = self.registry.lock();
        let entry = minions.get(&self.name)?;
        let is_the_same = match (entry.instance, instance) {
            (Some(there), Some(new)) => new.has_ledger_of(&there),
            // Both are of a version that does not say which instance it is.
            (None, None) => true,
            _ => false,
        };
        entry.connection.borrow().clone().filter(|_| !is_the_same)
    }

    /// Takes note that another one wants the link of this minion while it is linked.
    fn second(&self, first: &Connection, from: SocketAddr) -> LinkError {
        let mut minions = self.registry.lock();
        let is_news = minions.get_mut(&self.name).is_some_and(|entry| entry.troubles.second(from));
        LinkError::Second { name: self.name.clone(), linked: first.remote_address(), is_news }
    }

    /// Records which place the minion is at, where that is another one than before.
    async fn take_over(&self, instance: Option<Instance>) -> Result<(), LedgerError> {
        let Self { registry, name, .. } = self;
        let Some(instance) = instance else { return Ok(()) };
        let newest = registry.0.ledger.newest().await?;
        let tenures = registry.lock().get(name).and_then(|entry| entry.tenures_with(&instance, newest));
        let Some(tenures) = tenures else { return Ok(()) };
        registry.0.ledger.put_tenures(name, tenures.clone()).await?;
        if let Some(entry) = registry.lock().get_mut(name) {
            entry.tenures = tenures;
        }
        Ok(())
    }
}

/// Whether the other end of a connection answers within [`SIGN_OF_LIFE`].
async fn answers(connection: &Connection) -> bool {
    let exchange = async {
        let (mut send, mut receive) = connection.open_bi().await.map_err(std::io::Error::from)?;
        frame::write(&mut send, &MinionRequest::Ping, MAX_MESSAGE).await?;
        frame::read::<Pong>(&mut receive, MAX_MESSAGE).await
    };
    matches!(tokio::time::timeout(SIGN_OF_LIFE, exchange).await, Ok(Ok(Pong)))
}

/// How long a minion has to answer when another one comes with its key.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

impl Link {
    /// Takes note that the minion's modules are now these.
    ///
    /// # Errors
    /// [`LinkError::Replaced`] or [`LinkError::Refused`] where this connection does not speak for the minion any
    /// more, and [`LinkError::Ledger`].
    pub async fn modules_changed(&self, mut modules: Inventory) -> Result<(), LinkError> {
        self.registry.0.methods.share(&mut modules);
        let _locked = self.registry.0.locks.lock(self.name.clone()).await;
        self.with_entry(|_| ())?;
        self.registry.0.ledger.minion_modules(&self.name, modules.clone()).await?;
        self.with_entry(|entry| {
            entry.record.modules = modules;
            entry.modules_told.send_replace(());
        })
    }

    /// Takes note that the minion's facts are now these.
    ///
    /// # Errors
    /// As [`Link::modules_changed`].
    pub async fn facts_changed(&self, facts: Arc<Json>) -> Result<(), LinkError> {
        let _locked = self.registry.0.locks.lock(self.name.clone()).await;
        let at = now_ms();
        self.with_entry(|_| ())?;
        self.registry.0.ledger.minion_facts(&self.name, record(&facts, at)).await?;
        self.with_entry(|entry| entry.facts = Some(Heard { facts, at }))
    }

    /// Takes note that the connection is gone. Where another has taken its place, nothing changes.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn gone(&self) -> Result<(), LedgerError> {
        let _locked = self.registry.0.locks.lock(self.name.clone()).await;
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
    pub(super) fn with_entry<T>(&self, change: impl FnOnce(&mut Entry) -> T) -> Result<T, LinkError> {
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
