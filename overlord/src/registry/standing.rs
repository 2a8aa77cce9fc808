//! Who gets a name, who has it, and who loses it.

use ledger::{InviteError, Invited, LedgerError, Made, Revocation, Standing, WaitingHost};
use machine::clock::now_ms;
use quinn::Connection;
use wire::digest::Digest;
use wire::message::enrolment::NameHolder;
use wire::message::operator::MinionStanding;
use wire::name::MinionName;
use wire::transport::endpoint::{CLOSE_ENROLLED_ANEW, CLOSE_REFUSED, CLOSE_REPLACED};

use super::{Entry, Registry, since_three};

/// Why a minion could not be taken back, or let in again.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// No minion of that name is enrolled.
    #[error("no minion \"{0}\" is enrolled: see `overlord minion list`")]
    Unknown(MinionName),
    /// The minion is revoked already.
    #[error("minion \"{0}\" is revoked already: see `overlord minion list`")]
    Revoked(MinionName),
    /// The minion is not revoked.
    #[error("minion \"{0}\" is not revoked: see `overlord minion list`")]
    NotRevoked(MinionName),
    /// Another host has the name, and is connected.
    #[error(
        "the name \"{name}\" is in use by a minion that is linked from {linked}, which keeps it: stop that one first, or, if \
         it is to go for good, `overlord minion remove {name}`"
    )]
    InUse {
        /// The name.
        name: MinionName,
        /// The address of the other host.
        linked: String,
    },
    /// The name is that of a minion that was revoked.
    #[error(
        "minion \"{0}\" is revoked: `overlord minion unrevoke {0}` lets the host in again that had the name, and `overlord \
         minion remove {0}` makes the name free"
    )]
    NameRevoked(MinionName),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Registry {
    /// Enrols the newcomer that has the token of `secret`, with this key, and returns its name. With a token for one
    /// name, a minion that had the name before loses it, and its connection, where whoever made the token `may_replace` it; with
    /// one for several, the newcomer gets the name that it `offers`, unless another has that.
    ///
    /// # Errors
    /// [`InviteError`], which says why the token lets nobody in.
    pub async fn enroll(
        &self,
        secret: &Digest,
        offers: Option<&MinionName>,
        key: Digest,
        may_replace: bool,
    ) -> Result<MinionName, InviteError> {
        let invited = self.0.ledger.invited_by(secret, now_ms()).await?;
        let name = match (&invited, offers) {
            (Invited::Name(name), _) | (Invited::Glob(_), Some(name)) => name.clone(),
            (Invited::Glob(_), None) => return Err(InviteError::Unknown),
        };
        // Until both the ledger and this registry know: in both, the same one of two newcomers is the last.
        let _locked = self.0.locks.lock(name.clone()).await;
        match invited {
            Invited::Name(name) if !may_replace && self.is_of_another(&name, key) => {
                return Err(InviteError::Taken { name });
            }
            Invited::Name(_) => {
                self.0.ledger.redeem(secret, key, now_ms()).await?;
            }
            Invited::Glob(_) => self.0.ledger.redeem_glob(secret, &name, key, now_ms()).await?,
        }
        self.take_in(&name, key).await?;
        Ok(name)
    }

    /// Enrols a key under a name that nobody has. Gives whether the name is its own now.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn enrol_new(&self, name: &MinionName, key: Digest) -> Result<bool, LedgerError> {
        let _locked = self.0.locks.lock(name.clone()).await;
        let is_its_own = self.0.ledger.enrol_new(name, key, now_ms()).await?;
        if is_its_own {
            self.take_in(name, key).await?;
        }
        Ok(is_its_own)
    }

    /// Enrols a host that waits, which an operator has accepted. A minion that had the name and is not connected loses it.
    ///
    /// # Errors
    /// [`StandingError::InUse`] where the other one is connected, [`StandingError::NameRevoked`], and
    /// [`StandingError::Ledger`].
    pub async fn accept(&self, host: WaitingHost, made: Made) -> Result<(), StandingError> {
        let (name, key) = (host.name.clone(), host.key);
        let _locked = self.0.locks.lock(name.clone()).await;
        match self.holder(&name, key) {
            NameHolder::Nobody | NameHolder::Itself | NameHolder::Absent => {}
            NameHolder::Revoked => return Err(StandingError::NameRevoked(name)),
            NameHolder::Connected => {
                let linked = self.connection(&name).map(|connection| connection.remote_address().to_string());
                return Err(StandingError::InUse { name, linked: linked.unwrap_or_default() });
            }
        }
        self.0.ledger.accept_waiting(host, made).await?;
        Ok(self.take_in(&name, key).await?)
    }

    /// Who has a name, seen from the owner of this key.
    pub fn holder(&self, name: &MinionName, key: Digest) -> NameHolder {
        match self.lock().get(name) {
            None => NameHolder::Nobody,
            Some(entry) if entry.record.status == Standing::Revoked => NameHolder::Revoked,
            Some(entry) if entry.has_key(key) => NameHolder::Itself,
            Some(entry) if entry.connection.borrow().is_some() => NameHolder::Connected,
            Some(_) => NameHolder::Absent,
        }
    }

    /// Whether a minion with another key has a name, be it revoked or not.
    pub(crate) fn is_of_another(&self, name: &MinionName, key: Digest) -> bool {
        self.lock().get(name).is_some_and(|entry| !entry.has_key(key))
    }

    /// The names of all minions, also of those that are revoked, in order.
    pub fn known(&self) -> Vec<MinionName> {
        self.lock().keys().cloned().collect()
    }

    /// Takes a minion back: its connection ends, and no other with its key is let in. Returns whether it was connected.
    ///
    /// # Errors
    /// [`StandingError`], where no such minion is enrolled, where it is revoked already, and where that cannot be recorded.
    pub async fn revoke(&self, name: &MinionName, revocation: Revocation) -> Result<bool, StandingError> {
        let _locked = self.0.locks.lock(name.clone()).await;
        match self.status_of(name) {
            None => return Err(StandingError::Unknown(name.clone())),
            Some(Standing::Revoked) => return Err(StandingError::Revoked(name.clone())),
            Some(Standing::Active) => {}
        }
        self.0.ledger.revoke_minion(name, revocation.clone()).await?;
        let connection = self.lock().get_mut(name).and_then(|entry| {
            entry.record.status = Standing::Revoked;
            entry.revocation = Some(revocation);
            entry.unlink()
        });
        self.names_changed();
        Ok(end(connection))
    }

    /// Lets a minion connect again that was revoked, with the key that it had.
    ///
    /// # Errors
    /// [`StandingError`], where no such minion is enrolled, where it is not revoked, and where that cannot be recorded.
    pub async fn unrevoke(&self, name: &MinionName) -> Result<(), StandingError> {
        let _locked = self.0.locks.lock(name.clone()).await;
        match self.status_of(name) {
            None => return Err(StandingError::Unknown(name.clone())),
            Some(Standing::Active) => return Err(StandingError::NotRevoked(name.clone())),
            Some(Standing::Revoked) => {}
        }
        self.0.ledger.unrevoke_minion(name).await?;
        if let Some(entry) = self.lock().get_mut(name) {
            entry.record.status = Standing::Active;
            entry.revocation = None;
        }
        self.names_changed();
        Ok(())
    }

    /// Forgets a minion, whose connection ends. Its jobs stay.
    ///
    /// # Errors
    /// [`StandingError`], where no such minion is enrolled, and where that cannot be recorded.
    pub async fn remove(&self, name: &MinionName) -> Result<(), StandingError> {
        let _locked = self.0.locks.lock(name.clone()).await;
        if self.status_of(name).is_none() {
            return Err(StandingError::Unknown(name.clone()));
        }
        self.0.ledger.remove_minion(name).await?;
        let entry = self.lock().remove(name);
        self.names_changed();
        end(entry.and_then(|mut entry| entry.unlink()));
        Ok(())
    }

    fn status_of(&self, name: &MinionName) -> Option<Standing> {
        Some(self.lock().get(name)?.record.status)
    }

    /// Takes note of a key that the ledger has enrolled, while the name is locked. Another one that had the name loses its
    /// connection.
    async fn take_in(&self, name: &MinionName, key: Digest) -> Result<(), LedgerError> {
        if self.lock().get(name).is_some_and(|entry| entry.is_enrolled_with(key)) {
            // It asks again, because it did not hear the answer.
            return Ok(());
        }
        let Some(record) = self.0.ledger.minion(name).await? else { return Ok(()) };
        let former = {
            let mut minions = self.lock();
            let mut entry = Entry::new(record, &self.0.intake);
            let former = minions.remove(name).and_then(|before| {
                // Tasks that follow the connection go on: a host that joins anew still has its jobs.
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
        Ok(())
    }
}

impl Entry {
    /// Takes its connection away, if it has one.
    pub(super) fn unlink(&mut self) -> Option<Connection> {
        let connection = self.connection.send_replace(None)?;
        self.lost = super::Lost::now();
        Some(connection)
    }

    /// What operators are told of its standing.
    pub(super) fn standing(&self) -> MinionStanding {
        match (self.record.status, &self.revocation) {
            (Standing::Active, _) => MinionStanding::Enrolled,
            (Standing::Revoked, Some(Revocation { made, why })) => {
                MinionStanding::Revoked { at: Some(made.at), by: Some(made.by.clone()), why: why.clone() }
            }
            (Standing::Revoked, None) => MinionStanding::Revoked { at: None, by: None, why: String::new() },
        }
    }
}

/// Ends the connection of a minion that may not have one. Returns whether there was one.
fn end(connection: Option<Connection>) -> bool {
    let was_connected = connection.is_some();
    if let Some(connection) = connection {
        connection.close(CLOSE_REFUSED, b"refused");
    }
    was_connected
}
