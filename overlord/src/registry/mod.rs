//! Which minions are enrolled, which are connected, and what each has said of itself: in memory, and in the ledger
//! as far as it must outlive the daemon. Jobs and pushes ask here for connections; neither of them is here.
//!
//! What `link`, `renewal` and `trouble` do they do with the entries that are here, and are methods of what is made here, so
//! these and this file name each other.

mod link;
mod lost;
mod methods;
mod renewal;
mod shared_methods;
mod standing;
mod tenure;
mod trouble;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use ledger::{Certificates, Issued, LedgerError, MinionRecord, OverlordLedger, Revocation, Standing, Tenure};
use machine::clock::now_ms;
use machine::lock;
use quinn::{Connection, VarInt};
use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::Instant;
use wire::digest::Digest;
use wire::identity::{Peer, Side};
use wire::message::instance::Instance;
use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::message::operator::MinionStatus;
use wire::message::version::Version;
use wire::name::{MinionName, ModuleName};
use wire::transport::intake::Intake;

pub use self::link::{Admitted, Introduction, Link, LinkError};
pub use self::lost::{Away, Lost};
use self::shared_methods::SharedMethods;
pub use self::standing::StandingError;
pub use self::tenure::Recipient;
use self::trouble::Troubles;
use crate::facts;
use crate::keyed_lock::KeyedLocks;
use crate::tasks::Tasks;
use wire::targets::{Expression, Lookup, Roster};

/// All enrolled minions. A cheap handle: the daemon's parts share one registry.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    ledger: OverlordLedger,
    /// Changes that are done whole, once they are begun.
    tasks: Tasks,
    minions: Mutex<BTreeMap<MinionName, Entry>>,
    /// The names that may connect, for as long as they stay the same. Locked before `minions`, never after.
    roster: Mutex<Option<Arc<Roster>>>,
    /// Who a minion is and what is known of it change one after the other, in the ledger and here. Waited for
    /// before anything is locked.
    locks: KeyedLocks<MinionName>,
    /// Room for what minions send, which each has a share of.
    intake: Intake,
    /// The methods that many minions have.
    methods: SharedMethods,
}

/// One enrolled minion.
struct Entry {
    record: MinionRecord,
    /// The key that it was enrolled with, or had when the overlord started: it stays the same when the certificate is
    /// renewed.
    lineage: Digest,
    /// Its present certificate, and the one that was made since.
    certificates: Certificates,
    /// The link over which the next one was asked for.
    next_asked_over: Option<Connection>,
    /// The keys that it had in this life of the overlord, the newest first.
    former_keys: VecDeque<Digest>,
    /// When a certificate was made for it last, by this life of the overlord.
    renewed_at: Option<Instant>,
    connection: watch::Sender<Option<Connection>>,
    /// When the link was lost last, or the entry was made: since then the minion is out of touch while it has no
    /// connection.
    lost: Lost,
    /// Which instance has the connection; `None` before one has said so.
    instance: Option<Instance>,
    /// The places that the connections came from, with the present key.
    tenures: Vec<Tenure>,
    /// What an operator should know of it.
    troubles: Troubles,
    /// Told whenever the minion says which modules it has.
    modules_told: watch::Sender<()>,
    /// Held by each connection of the minion that was admitted, so that they can be counted.
    admitted: Arc<()>,
    /// What the minion told of its host; `None` where it never did.
    facts: Option<Heard>,
    /// Who revoked it, and why; `None` where it is not, or where an older overlord has.
    revocation: Option<Revocation>,
    /// The minion's share of the room for large messages.
    intake: Intake,
}

/// The facts of a minion, as it told them last.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The facts, as one JSON object.
    pub facts: Arc<Json>,
    /// When it told them, in milliseconds since 1970.
    pub at: u64,
}

/// Why a certificate that the authority signed is refused all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMinion {
    /// The certificate is for another side.
    #[error("its certificate is that of an {0}")]
    WrongSide(Side),
    /// No minion of that name is enrolled, or not any more.
    #[error("minion \"{0}\" is not enrolled")]
    NotEnrolled(String),
    /// The minion's name was enrolled with another key.
    #[error("minion \"{0}\" is enrolled with another key")]
    AnotherKey(MinionName),
    /// The minion has renewed its key, and this is a former one.
    #[error(
        "minion \"{0}\" has renewed its key since, and this is a former one: somebody copied it, or its host was set back to an \
         older state"
    )]
    FormerKey(MinionName),
    /// The minion has as many connections as it may have.
    #[error("minion \"{0}\" has {MAX_ADMITTED} connections already")]
    TooMany(MinionName),
    /// The minion's certificate was revoked.
    #[error("minion \"{0}\" is revoked")]
    Revoked(MinionName),
}

impl Registry {
    /// Reads all enrolled minions from the ledger. None of them is connected yet.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub(crate) async fn open(ledger: OverlordLedger, tasks: Tasks) -> Result<Self, LedgerError> {
        let (mut minions, intake, methods) = (BTreeMap::new(), Intake::default(), SharedMethods::default());
        for mut record in ledger.minions().await? {
            methods.share(&mut record.modules);
            let tenures = ledger.tenures(&record.name).await?;
            minions.insert(record.name.clone(), Entry { tenures, ..Entry::new(record, &intake) });
        }
        for (name, certificates) in ledger.certificates().await? {
            if let Some(entry) = minions.get_mut(&name) {
                entry.certificates = certificates;
            }
        }
        for (name, heard) in ledger.facts().await? {
            if let Some(entry) = minions.get_mut(&name) {
                // Facts were checked when they came.
                entry.facts = facts::parse(&heard.json).ok().map(|facts| Heard { facts, at: heard.at });
            }
        }
        for (name, revocation) in ledger.revocations().await? {
            if let Some(entry) = minions.get_mut(&name) {
                entry.revocation = Some(revocation);
            }
        }
        let minions = Mutex::new(minions);
        let (roster, locks) = (Mutex::default(), KeyedLocks::default());
        Ok(Self(Arc::new(Inner { minions, roster, locks, intake, methods, ledger, tasks })))
    }

    /// Works on something that concerns a minion, until its end or the daemon's.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(work);
    }

    /// Waits for the changes that were begun.
    pub(crate) async fn stop(&self) {
        self.0.tasks.stop().await;
    }

    /// The minion that this peer is, where it may connect.
    ///
    /// # Errors
    /// [`NoMinion`], which says why it may not.
    pub fn admit(&self, peer: &Peer) -> Result<Admitted, NoMinion> {
        if peer.side != Side::Minion {
            return Err(NoMinion::WrongSide(peer.side));
        }
        let name: MinionName = peer.name.parse().map_err(|_| NoMinion::NotEnrolled(peer.name.clone()))?;
        let admitted = {
            let minions = self.lock();
            match standing(&minions, &name, peer.key) {
                Ok(entry) => entry.admitted.clone(),
                Err(NoMinion::AnotherKey(name)) => {
                    let is_former =
                        minions.get(&name).is_some_and(|entry| entry.has_renewed(Issued::from(peer)));
                    return Err(if is_former {
                        NoMinion::FormerKey(name)
                    } else {
                        NoMinion::AnotherKey(name)
                    });
                }
                Err(refused) => return Err(refused),
            }
        };
        // One is held by the entry and one here; the others are connections.
        if Arc::strong_count(&admitted) > MAX_ADMITTED + 1 {
            return Err(NoMinion::TooMany(name));
        }
        Ok(Admitted::new(self.clone(), name, Issued::from(peer), admitted))
    }

    /// SHA-256 of the version of a module that a minion has in service, as it said last; `None` where it has none.
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
        // It also ends where the minion is enrolled anew, since what is waited for does not come then.
        while self.in_service(minion, module) != digest && told.changed().await.is_ok() {}
    }

    /// The facts of a minion, as it told them last; `None` where it never did.
    pub fn facts(&self, name: &MinionName) -> Option<Heard> {
        self.lock().get(name)?.facts.clone()
    }

    /// Whether a minion has this name, also one that is revoked.
    pub fn is_enrolled(&self, name: &MinionName) -> bool {
        self.lock().contains_key(name)
    }

    /// Whether the minion of a name was enrolled at this moment already, in milliseconds since 1970.
    pub fn had_its_name(&self, name: &MinionName, at: u64) -> bool {
        self.lock().get(name).is_some_and(|entry| entry.record.enrolled_at <= at)
    }

    /// The connection of a minion; `None` where it has none at the moment.
    pub fn connection(&self, name: &MinionName) -> Option<Connection> {
        self.lock().get(name)?.connection.borrow().clone()
    }

    /// The room for the large messages of a minion.
    pub fn intake(&self, name: &MinionName) -> Intake {
        let shared = || self.0.intake.for_another();
        self.lock().get(name).map_or_else(shared, |entry| entry.intake.clone())
    }

    /// The connection of a minion, now and after each change of it; `None` where no such minion is enrolled.
    pub fn follow(&self, name: &MinionName) -> Option<watch::Receiver<Option<Connection>>> {
        Some(self.lock().get(name)?.connection.subscribe())
    }

    /// The names of all minions that may connect, in order.
    pub fn names(&self) -> Vec<MinionName> {
        let minions = self.lock();
        let active = minions.values().filter(|entry| entry.record.status == Standing::Active);
        active.map(|entry| entry.record.name.clone()).collect()
    }

    /// The names of all minions that may connect, in the form in which expressions are matched against them; made
    /// once for as long as they stay the same.
    pub fn roster(&self) -> Arc<Roster> {
        let mut roster = lock::hold(&self.0.roster);
        roster.get_or_insert_with(|| Arc::new(Roster::new(self.names()))).clone()
    }

    /// Must be called after every change of which minions may connect.
    fn names_changed(&self) {
        *lock::hold(&self.0.roster) = None;
    }

    /// Those of a minion's modules, as it told of them last, for which `is_meant` says so; `None` where no such
    /// minion is enrolled.
    pub fn modules(&self, name: &MinionName, is_meant: impl Fn(&&Module) -> bool) -> Option<Inventory> {
        let minions = self.lock();
        let Inventory { modules, left_out } = &minions.get(name)?.record.modules;
        Some(Inventory { modules: modules.iter().filter(is_meant).cloned().collect(), left_out: *left_out })
    }

    /// The names of the modules that a minion told of; empty where it never did.
    pub fn module_names(&self, name: &MinionName) -> Vec<ModuleName> {
        let minions = self.lock();
        let modules = minions.get(name).map(|entry| &entry.record.modules.modules);
        modules.into_iter().flatten().map(|module| module.name.clone()).collect()
    }

    /// Whether a minion has told of these modules last, and of no others.
    fn has_modules(&self, name: &MinionName, modules: &Inventory) -> bool {
        self.lock().get(name).is_some_and(|entry| entry.record.modules == *modules)
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

    /// The statuses of these minions, in the order given; unknown names are left out.
    pub fn statuses(&self, names: &[MinionName]) -> Vec<MinionStatus> {
        let minions = self.lock();
        names.iter().filter_map(|name| minions.get(name)).map(Entry::status).collect()
    }

    /// How many minions may connect, and how many of them are connected.
    pub fn counts(&self) -> (usize, usize) {
        let minions = self.lock();
        let active = || minions.values().filter(|entry| entry.record.status == Standing::Active);
        let connected = active().filter(|entry| entry.connection.borrow().is_some()).count();
        (active().count(), connected)
    }

    /// How many minions there are, those that are revoked among them.
    pub(crate) fn size(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MinionName, Entry>> {
        lock::hold(&self.0.minions)
    }
}

/// The entry of a minion, where this key is the one that may connect under its name now, or its next one.
///
/// # Errors
/// [`NoMinion`], which says why it may not.
fn standing<'a>(
    minions: &'a BTreeMap<MinionName, Entry>,
    name: &MinionName,
    key: Digest,
) -> Result<&'a Entry, NoMinion> {
    let entry = minions.get(name).ok_or_else(|| NoMinion::NotEnrolled(name.to_string()))?;
    match entry.record.status {
        Standing::Revoked => Err(NoMinion::Revoked(name.clone())),
        Standing::Active if entry.has_key(key) => Ok(entry),
        Standing::Active => Err(NoMinion::AnotherKey(name.clone())),
    }
}

/// The code to close a connection with: `code` where its peer knows that, and `older` where not.
pub(crate) fn since_three(connection: &Connection, code: VarInt, older: VarInt) -> VarInt {
    match Version::of(connection) {
        Version::One | Version::Two => older,
        Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => code,
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
            lineage: record.key,
            certificates: Certificates::default(),
            next_asked_over: None,
            former_keys: VecDeque::new(),
            renewed_at: None,
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
            revocation: None,
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
            standing: self.standing(),
            valid_until: self.certificates.shown.map(|shown| shown.until),
            valid_from: self.certificates.shown.map(|shown| shown.from),
        }
    }
}

/// How many connections of one minion may exist at once: the one that is installed, and those that are about to
/// take its place.
const MAX_ADMITTED: usize = 8;
