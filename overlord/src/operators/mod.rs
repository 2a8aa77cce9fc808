//! Which operators there are, which of them may connect, and which are connected: in memory, and in the ledger as far as
//! it must outlive the daemon. What they may do is said by their [`crate::roles`].

mod change;
mod renewal;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ledger::{Issued, LedgerError, OperatorRecord, OverlordLedger, Renewed};
use machine::clock::now_ms;
use machine::lock;
use quinn::Connection;
use wire::digest::Digest;
use wire::identity::{Peer, Side};
use wire::message::operators::{OperatorKind, OperatorStanding};
use wire::name::{OperatorName, RoleName};
use wire::transport::endpoint::CLOSE_REFUSED;

use crate::roles::{Deed, On, RoleBook};
use crate::tasks::Tasks;

pub(crate) use self::change::{ChangeError, Changed};
pub(crate) use self::renewal::RenewalError;

/// All operators of an overlord. A cheap handle.
#[derive(Clone)]
pub(crate) struct Operators(Arc<Inner>);

struct Inner {
    ledger: OverlordLedger,
    /// Who of them is an administrator.
    roles: RoleBook,
    tasks: Tasks,
    operators: Mutex<BTreeMap<OperatorName, Entry>>,
    /// The number of the next connection: no two have the same, also not of an operator that was forgotten meanwhile.
    next: AtomicU64,
    /// Operators change one after the other, in the ledger and here. Waited for before `operators` is locked.
    changes: tokio::sync::Mutex<()>,
}

/// One operator.
struct Entry {
    record: OperatorRecord,
    /// What it has renewed since it logged in; `None` where that was before renewals were on record.
    renewed: Option<Renewed>,
    /// The newest certificate that it was seen with, in this life of the overlord.
    seen: Option<Issued>,
    /// Its connections, each under a number of its own.
    connections: BTreeMap<u64, Connection>,
}

/// Why an operator is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoOperator {
    #[error("its certificate is that of an {0}")]
    WrongSide(Side),
    #[error("operator \"{0}\" is not known")]
    Unknown(String),
    #[error("operator \"{0}\" is revoked")]
    Revoked(OperatorName),
    #[error("operator \"{0}\" has logged in with another key since")]
    AnotherKey(OperatorName),
    #[error("the certificate of operator \"{0}\" is of an authority that was let go of")]
    FormerAuthority(OperatorName),
}

impl Operators {
    /// Reads all operators from the ledger. Where there are none, as in a folder of before there were any, the operator
    /// of the overlord's own folder is recorded, with the role that allows everything.
    ///
    /// # Errors
    /// Where the ledger cannot be read or written.
    pub(crate) async fn open(
        ledger: OverlordLedger,
        own: Option<Peer>,
        roles: RoleBook,
        tasks: Tasks,
    ) -> Result<Self, LedgerError> {
        let mut records = ledger.operators().await?;
        if records.is_empty() {
            match own.as_ref().and_then(first) {
                Some(first) => {
                    tracing::info!(operator = %first.name, "recorded as the first administrator");
                    ledger.put_operator(first.clone()).await?;
                    records.push(first);
                }
                None => tracing::warn!(
                    "no operator is known, and there is no operator.pem in the overlord's folder: nobody is let in \
                     until it is there and the overlord is started again"
                ),
            }
        }
        let mut operators: BTreeMap<_, _> =
            records.into_iter().map(|record| (record.name.clone(), Entry::new(record))).collect();
        for (name, renewed) in ledger.renewed_operators().await? {
            if let Some(entry) = operators.get_mut(&name) {
                entry.renewed = Some(renewed);
            }
        }
        if let Some(own) = own {
            pin_first(&ledger, &mut operators, &own).await?;
        }
        let operators = Mutex::new(operators);
        let (next, changes) = (AtomicU64::new(0), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { ledger, roles, tasks, operators, next, changes })))
    }

    /// Lets a peer in for as long as what is returned lives, if it is an operator who may connect.
    ///
    /// # Errors
    /// [`NoOperator`], which says why it may not.
    pub(crate) fn admit(&self, peer: &Peer, connection: &Connection) -> Result<Presence, NoOperator> {
        if peer.side != Side::Operator {
            return Err(NoOperator::WrongSide(peer.side));
        }
        let unknown = || NoOperator::Unknown(peer.name.clone());
        let name: OperatorName = peer.name.parse().map_err(|_| unknown())?;
        let mut operators = self.lock();
        let entry = operators.get_mut(&name).ok_or_else(unknown)?;
        // Looked at and entered under one lock: whoever revokes it either is seen here, or finds the connection.
        entry.check(peer)?;
        entry.see(Issued::from(peer));
        entry.record.valid_until = entry.record.valid_until.max(Some(peer.validity.until));
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        entry.connections.insert(number, connection.clone());
        Ok(Presence { operators: self.clone(), name, key: peer.key, number })
    }

    /// The roles that were given to an operator by name; `None` where it is not known or may not connect, and so has no
    /// roles at all.
    pub(crate) fn roles(&self, name: &OperatorName) -> Option<Vec<RoleName>> {
        let operators = self.lock();
        let active = operators.get(name).filter(|entry| entry.record.standing == OperatorStanding::Active);
        active.map(|entry| entry.record.roles.clone())
    }

    /// An operator, and how many connections it has; `None` where it is not known.
    pub(crate) fn find(&self, name: &OperatorName) -> Option<(OperatorRecord, usize)> {
        self.lock().get(name).map(|entry| (entry.record.clone(), entry.connections.len()))
    }

    /// What is known of an operator but for its connections; `None` where it is not known.
    fn entry(&self, name: &OperatorName) -> Option<Entry> {
        let operators = self.lock();
        let Entry { record, renewed, seen, .. } = operators.get(name)?;
        Some(Entry {
            record: record.clone(),
            renewed: renewed.clone(),
            seen: *seen,
            connections: BTreeMap::new(),
        })
    }

    /// All operators, by name, and how many connections each has.
    pub(crate) fn all(&self) -> Vec<(OperatorRecord, usize)> {
        let operators = self.lock();
        operators.values().map(|entry| (entry.record.clone(), entry.connections.len())).collect()
    }

    /// The key of the certificate that an operator was given last, as far as that is on record.
    pub(crate) fn newest_key(&self, name: &OperatorName) -> Option<Digest> {
        let operators = self.lock();
        let renewed = operators.get(name)?.renewed.as_ref()?;
        renewed.certificates.last().map(|newest| newest.key)
    }

    /// All connections of operators.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.lock().values().flat_map(|entry| entry.connections.values().cloned()).collect()
    }

    /// Waits for the changes that were begun.
    pub(crate) async fn stop(&self) {
        self.0.tasks.stop().await;
    }

    /// Whether an operator may administer the overlord, at this moment.
    fn is_administrator(&self, name: &OperatorName) -> bool {
        let roles = self.0.roles.of(name, self.roles(name).as_deref());
        roles.decide(Deed::Administer, On::Nothing, &()).is_allowed()
    }

    fn left(&self, name: &OperatorName, number: u64) {
        if let Some(entry) = self.lock().get_mut(name) {
            entry.connections.remove(&number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<OperatorName, Entry>> {
        lock::hold(&self.0.operators)
    }
}

/// One connection of an operator, which is known as such until this is dropped.
pub(crate) struct Presence {
    operators: Operators,
    name: OperatorName,
    /// The key that it showed.
    key: Digest,
    number: u64,
}

impl Presence {
    /// The operator's name.
    pub(crate) fn name(&self) -> &OperatorName {
        &self.name
    }

    /// The key of the certificate that it showed.
    pub(crate) fn key(&self) -> Digest {
        self.key
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.operators.left(&self.name, self.number);
    }
}

impl Entry {
    fn new(record: OperatorRecord) -> Self {
        Self { record, renewed: None, seen: None, connections: BTreeMap::new() }
    }

    fn close(self) {
        self.connections.values().for_each(close);
    }
}

fn close(connection: &Connection) {
    connection.close(CLOSE_REFUSED, b"refused");
}

/// Records the key of the operator of the overlord's own folder, where none is on record: else each certificate of its name that
/// any authority has signed would be taken for its own, also one by somebody who has stolen the key of a former authority.
async fn pin_first(
    ledger: &OverlordLedger,
    operators: &mut BTreeMap<OperatorName, Entry>,
    own: &Peer,
) -> Result<(), LedgerError> {
    let unpinned = operators.values_mut().find(|entry| entry.record.name.as_str() == own.name);
    let Some(entry) = unpinned.filter(|entry| entry.record.key.is_none()) else { return Ok(()) };
    (entry.record.key, entry.record.valid_from) = (Some(own.key), Some(own.validity.from));
    entry.renewed = Some(Renewed::default());
    ledger.put_renewed_operator(entry.record.clone(), Renewed::default()).await
}

/// The record of the operator of the overlord's own folder.
fn first(own: &Peer) -> Option<OperatorRecord> {
    let name = own.name.parse().ok().filter(|_| own.side == Side::Operator)?;
    Some(OperatorRecord {
        name,
        kind: OperatorKind::Person,
        roles: vec![crate::roles::admin()],
        standing: OperatorStanding::Active,
        key: None,
        since: now_ms(),
        invited_by: None,
        lifetime_ms: None,
        valid_from: None,
        valid_until: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operator who has logged in, without any role.
    pub(super) fn operator(name: &str) -> OperatorRecord {
        OperatorRecord {
            name: name.parse().expect("a name"),
            kind: OperatorKind::Person,
            roles: Vec::new(),
            standing: OperatorStanding::Active,
            key: Some(wire::digest::Digest::of(name.as_bytes())),
            since: 1,
            invited_by: None,
            lifetime_ms: None,
            valid_from: None,
            valid_until: None,
        }
    }
}
