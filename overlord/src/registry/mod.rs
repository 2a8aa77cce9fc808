//! Who is enrolled, who is connected, and what each minion can run.

mod link;
mod lost;
mod methods;
mod tenure;
mod trouble;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::{InviteError, LedgerError, MinionRecord, OverlordLedger, Standing, Tenure};
use machine::clock::now_ms;
use quinn::{Connection, VarInt};
use serde_json::Value as Json;
use tokio::sync::watch;
use wire::digest::Digest;
use wire::identity::{Peer, Role};
use wire::message::instance::Instance;
use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::message::operator::MinionStatus;
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName};
use wire::transport::endpoint::{CLOSE_ENROLLED_ANEW, CLOSE_REPLACED};
use wire::transport::intake::Intake;

pub use self::link::{Admitted, Introduction, Link, LinkError};
pub use self::lost::{Away, Lost};
pub use self::tenure::Recipient;
use self::trouble::Troubles;
use crate::facts;
use crate::keyed_lock::KeyedLocks;
use crate::targets::{Expression, Lookup, Roster};

/// All enrolled minions. A cheap handle: the daemon's parts share one registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    ledger: OverlordLedger,
    minions: Mutex<BTreeMap<MinionName, Entry>>,
    /// The names that may come in, for as long as they stay the same. Locked before `minions`, never after.
    roster: Mutex<Option<Arc<Roster>>>,
    /// Who a minion is and what is known of it change one after the other, in the ledger and here. Waited for
    /// before anything is locked.
    locks: KeyedLocks<MinionName>,
    /// Room for what minions send, which each has a share of.
    intake: Intake,
}

/// One enrolled minion.
struct Entry {
    record: MinionRecord,
    connection: watch::Sender<Option<Connection>>,
    /// When it was lost last, or the entry was made: since then it is out of touch while it has no connection.
    lost: Lost,
    /// Which instance that is the connection of, once one has said so.
    instance: Option<Instance>,
    /// Which places its connections came from, with its present key.
    tenures: Vec<Tenure>,
    /// What an operator should know of it.
    troubles: Troubles,
    /// Told whenever it says which modules it has.
    modules_told: watch::Sender<()>,
    /// Held by each of its connections that was admitted.
    admitted: Arc<()>,
    /// What it said of its host.
    facts: Option<Heard>,
    /// Its share of the room for what minions send.
    intake: Intake,
}

/// What a minion said of its host.
#[derive(Clone, Debug)]
pub struct Heard {
    /// A JSON object.
    pub facts: Arc<Json>,
    /// When it said so, in milliseconds since 1970.
    pub at: u64,
}

/// Why a certificate that the authority signed is refused all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is for something else.
    #[error("its certificate is that of an {0}")]
    WrongRole(Role),
    /// There is no such minion, or not any more.
    #[error("minion \"{0}\" is not enrolled")]
    NotEnrolled(String),
    /// The minion enrolled again with another key.
    #[error("minion \"{0}\" is enrolled with another key")]
    AnotherKey(MinionName),
    /// It has as many connections as it may have.
    #[error("minion \"{0}\" has {MAX_ADMITTED} connections already")]
    TooMany(MinionName),
    /// Someone revoked it.
    #[error("minion \"{0}\" is revoked")]
    Revoked(MinionName),
}

impl Registry {
    /// Reads everyone who is enrolled.
    pub async fn open(ledger: OverlordLedger) -> Result<Self, LedgerError> {
        let (mut minions, intake) = (BTreeMap::new(), Intake::default());
        for record in ledger.minions().await? {
            let tenures = ledger.tenures(&record.name).await?;
            minions.insert(record.name.clone(), Entry { tenures, ..Entry::new(record, &intake) });
        }
        for (name, heard) in ledger.facts().await? {
            if let Some(entry) = minions.get_mut(&name) {
                // They were looked at when they came.
                entry.facts = facts::parse(&heard.json).ok().map(|facts| Heard { facts, at: heard.at });
            }
        }
        let minions = Mutex::new(minions);
        let (roster, locks) = (Mutex::default(), KeyedLocks::default());
        Ok(Self(Arc::new(Inner { minions, roster, locks, intake, ledger })))
    }

    /// Which minion this peer is, if it may come in.
    pub fn admit(&self, peer: &Peer) -> Result<Admitted, Refused> {
        if peer.role != Role::Minion {
            return Err(Refused::WrongRole(peer.role));
        }
        let name: MinionName = peer.name.parse().map_err(|_| Refused::NotEnrolled(peer.name.clone()))?;
        let admitted = standing(&self.lock(), &name, peer.key)?.admitted.clone();
        // Beside the one in the entry and this one.
        if Arc::strong_count(&admitted) > MAX_ADMITTED + 1 {
            return Err(Refused::TooMany(name));
        }
        Ok(Admitted::new(self.clone(), name, peer.key, admitted))
    }

    /// Takes in whoever has the token of `secret`, with this key, and returns its name. Another one who had the
    /// name before loses it, and its connection.
    pub async fn enroll(&self, secret: &Digest, key: Digest) -> Result<MinionName, InviteError> {
        let name = self.0.ledger.invited(secret, now_ms()).await?;
        // Until both the ledger and this registry know: in both, the same one of two newcomers is the last.
        let _locked = self.0.locks.lock(name.clone()).await;
        self.0.ledger.redeem(secret, key, now_ms()).await?;
        if standing(&self.lock(), &name, key).is_ok() {
            // It asks again, because it did not hear the answer.
            return Ok(name);
        }
        let Some(record) = self.0.ledger.minion(&name).await? else { return Err(InviteError::Unknown) };
        let former = {
            let mut minions = self.lock();
            let mut entry = Entry::new(record, &self.0.intake);
            let former = minions.remove(&name).and_then(|before| {
                // Whoever follows it goes on: a host that joins anew still has its jobs.
                entry.connection = before.connection;
                entry.connection.send_replace(None)
            });
            minions.insert(name.clone(), entry);
            former
        };
        self.names_changed();
        if let Some(connection) = former {
            let code = since_three(&connection, CLOSE_ENROLLED_ANEW, CLOSE_REPLACED);
            connection.close(code, b"the name was enrolled anew");
        }
        Ok(name)
    }

    /// The version of a module that a minion has in service, as it said last.
    pub fn in_service(&self, minion: &MinionName, module: &ModuleName) -> Option<Digest> {
        let digest = self.with_module(minion, module.as_str(), |module| {
            module.filter(|module| module.state == ModuleState::Active).map(|module| module.digest)
        });
        digest.flatten()
    }

    /// Waits until a minion has said that it has this version of a module in service, or none.
    pub async fn await_in_service(&self, minion: &MinionName, module: &ModuleName, digest: Option<Digest>) {
        let told = self.lock().get(minion).map(|entry| entry.modules_told.subscribe());
        let Some(mut told) = told else { return };
        // It ends where the minion is enrolled anew: what was waited for does not come then.
        while self.in_service(minion, module) != digest && told.changed().await.is_ok() {}
    }

    /// The facts of a minion, as it said them last; `None` where they were never heard.
    pub fn facts(&self, name: &MinionName) -> Option<Heard> {
        self.lock().get(name)?.facts.clone()
    }

    /// The connection of a minion, while it has one.
    pub fn connection(&self, name: &MinionName) -> Option<Connection> {
        self.lock().get(name)?.connection.borrow().clone()
    }

    /// The room for what a minion sends.
    pub fn intake(&self, name: &MinionName) -> Intake {
        let shared = || self.0.intake.for_another();
        self.lock().get(name).map_or_else(shared, |entry| entry.intake.clone())
    }

    /// Follows a minion's connection; `None` where no such minion is enrolled.
    pub fn follow(&self, name: &MinionName) -> Option<watch::Receiver<Option<Connection>>> {
        Some(self.lock().get(name)?.connection.subscribe())
    }

    /// The names of all minions that may come in, in order.
    pub fn names(&self) -> Vec<MinionName> {
        let minions = self.lock();
        let active = minions.values().filter(|entry| entry.record.status == Standing::Active);
        active.map(|entry| entry.record.name.clone()).collect()
    }

    /// The same names as expressions are matched against, made once for as long as they stay the same.
    pub fn roster(&self) -> Arc<Roster> {
        let mut roster = self.0.roster.lock().unwrap_or_else(PoisonError::into_inner);
        roster.get_or_insert_with(|| Arc::new(Roster::new(self.names()))).clone()
    }

    /// To be called after every change of who may come in.
    fn names_changed(&self) {
        *self.0.roster.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Those of the modules that a minion said it has, last time it said so, that are meant.
    pub fn modules(&self, name: &MinionName, is_meant: impl Fn(&&Module) -> bool) -> Option<Inventory> {
        let minions = self.lock();
        let Inventory { modules, left_out } = &minions.get(name)?.record.modules;
        Some(Inventory { modules: modules.iter().filter(is_meant).cloned().collect(), left_out: *left_out })
    }

    /// The names of the modules that a minion said it has; none where it has never said so.
    pub fn module_names(&self, name: &MinionName) -> Vec<ModuleName> {
        let minions = self.lock();
        let modules = minions.get(name).map(|entry| &entry.record.modules.modules);
        modules.into_iter().flatten().map(|module| module.name.clone()).collect()
    }

    /// Whether a minion may have modules that it has not told of.
    pub fn may_have_more(&self, name: &MinionName) -> bool {
        let minions = self.lock();
        let told = minions.get(name).map(|entry| &entry.record.modules);
        told.is_none_or(|told| told.modules.is_empty() || told.left_out > 0)
    }

    /// Looks at one module of a minion without copying all of them.
    pub fn with_module<T>(
        &self,
        minion: &MinionName,
        module: &str,
        look: impl FnOnce(Option<&Module>) -> T,
    ) -> Option<T> {
        let minions = self.lock();
        let entry = minions.get(minion)?;
        Some(look(entry.record.modules.modules.iter().find(|candidate| candidate.name.as_str() == module)))
    }

    /// What there is to say of these minions, in the order given; unknown names are left out.
    pub fn statuses(&self, names: &[MinionName]) -> Vec<MinionStatus> {
        let minions = self.lock();
        names.iter().filter_map(|name| minions.get(name)).map(Entry::status).collect()
    }

    /// How many minions are enrolled, and how many of them are connected.
    pub fn counts(&self) -> (usize, usize) {
        let minions = self.lock();
        let connected = minions.values().filter(|entry| entry.connection.borrow().is_some()).count();
        (minions.len(), connected)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MinionName, Entry>> {
        // No code under this lock can panic halfway through a change.
        self.0.minions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a minion, where this key is the one that may come in under its name now.
fn standing<'a>(
    minions: &'a BTreeMap<MinionName, Entry>,
    name: &MinionName,
    key: Digest,
) -> Result<&'a Entry, Refused> {
    let entry = minions.get(name).ok_or_else(|| Refused::NotEnrolled(name.to_string()))?;
    match entry.record.status {
        Standing::Revoked => Err(Refused::Revoked(name.clone())),
        Standing::Active if entry.record.key != key => Err(Refused::AnotherKey(name.clone())),
        Standing::Active => Ok(entry),
    }
}

/// The code to close a connection with: `older` where its peer knows no other.
pub(crate) fn since_three(connection: &Connection, code: VarInt, older: VarInt) -> VarInt {
    match Version::of(connection) {
        Version::One | Version::Two => older,
        Version::Three | Version::Four => code,
    }
}

/// Knows no group.
impl Lookup for Registry {
    fn group(&self, _: &str) -> Option<Arc<Expression>> {
        None
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        Registry::facts(self, minion).map(|heard| heard.facts)
    }
}

impl Entry {
    fn new(record: MinionRecord, intake: &Intake) -> Self {
        Self {
            record,
            intake: intake.for_another(),
            connection: watch::Sender::new(None),
            lost: Lost::now(),
            instance: None,
            tenures: Vec::new(),
            troubles: Troubles::default(),
            modules_told: watch::Sender::new(()),
            admitted: Arc::default(),
            facts: None,
        }
    }

    fn status(&self) -> MinionStatus {
        let connection = self.connection.borrow();
        let in_service = |module: &&Module| module.state == ModuleState::Active;
        MinionStatus {
            name: self.record.name.clone(),
            connected: connection.is_some(),
            address: connection.as_ref().map(|connection| connection.remote_address().to_string()),
            version: self.record.version.clone(),
            key: self.record.key,
            enrolled_at: self.record.enrolled_at,
            last_seen: self.record.last_seen,
            modules: self.record.modules.modules.iter().filter(in_service).count(),
            troubles: self.troubles.list(now_ms()),
        }
    }
}

/// How many connections of one minion may be there at once: the one that is installed, and those that are about
/// to take its place.
const MAX_ADMITTED: usize = 8;
