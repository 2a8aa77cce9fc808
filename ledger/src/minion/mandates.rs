//! Which signed calls and changes of modules were made already, so that none is made twice.

use serde::{Deserialize, Serialize};
use wire::message::job::JobId;
use wire::name::ModuleName;
use wire::signing::mandate::Nonce;

use super::ledger::MinionLedger;
use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record::Record;
use crate::write::{Durability, Purpose};

/// What became of a signed call that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It was not made before, and counts as made from now on.
    New,
    /// It was made by this job.
    Before(JobId),
    /// It is as old as others that were made and of which nothing is known any more.
    Forgotten,
}

/// What became of a signed change of a module that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// Nothing that was signed later was made: it is the last one from now on.
    Newest,
    /// It was the last one already.
    Same,
    /// Another one was made that was signed later, at this time in milliseconds since 1970.
    Older(u64),
}

/// Which job a signed call was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredNonce(JobId);

/// The end of the last signed call that was forgotten, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ForgottenUntil(u64);

/// The last signed change of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SignedChange {
    made_at: u64,
    nonce: Nonce,
}

impl Record for StoredNonce {
    const SPACE: Keyspace = Keyspace::Nonces;
}

impl Record for ForgottenUntil {
    const SPACE: Keyspace = Keyspace::ForgottenNonces;
}

impl Record for SignedChange {
    const SPACE: Keyspace = Keyspace::SignedChanges;
}

impl MinionLedger {
    /// Notes that a signed call is made by this job, where it was made by none. `until` is its end, in milliseconds
    /// since 1970. Synced, since a power cut must not let it be made again.
    ///
    /// # Errors
    /// Where the ledger cannot be written: then it must not be made.
    pub async fn spend(&self, nonce: Nonce, until: u64, job: JobId) -> Result<Spent, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let key = nonce_key(until, nonce);
            if let Some(StoredNonce(job)) = draft.record(&key)? {
                return Ok(Spent::Before(job));
            }
            let forgotten: Option<ForgottenUntil> = draft.record(FORGOTTEN)?;
            if forgotten.is_some_and(|ForgottenUntil(forgotten)| until <= forgotten) {
                return Ok(Spent::Forgotten);
            }
            draft.put_record(key, &StoredNonce(job));
            Ok(Spent::New)
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// By which job a signed call was made, where that is remembered.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn spent_by(&self, nonce: Nonce, until: u64) -> Result<Option<JobId>, LedgerError> {
        let stored: Option<StoredNonce> = self.engine.read()?.record(&nonce_key(until, nonce))?;
        Ok(stored.map(|StoredNonce(job)| job))
    }

    /// Forgets the signed calls that ended before this time, in milliseconds since 1970. No call that ended as early
    /// as one of them is made from now on, whatever the clock says. Returns how many they are.
    ///
    /// # Errors
    /// Where the ledger cannot be written.
    pub async fn forget_spent(&self, before: u64) -> Result<usize, LedgerError> {
        let write = move |draft: &Draft<'_>| {
            let span = Span::from_to(Vec::new(), before.to_be_bytes().to_vec());
            let keys: Vec<Vec<u8>> =
                draft.scan(Keyspace::Nonces, span).map(|(key, _)| key.to_vec()).take(AT_ONCE).collect();
            let Some(last) = keys.last().and_then(|key| key.first_chunk::<8>()) else { return Ok(0) };
            let forgotten =
                draft.record::<ForgottenUntil>(FORGOTTEN)?.map_or(0, |ForgottenUntil(until)| until);
            let forgotten = ForgottenUntil(forgotten.max(u64::from_be_bytes(*last)));
            draft.put_record(FORGOTTEN.to_vec(), &forgotten);
            let count = keys.len();
            keys.into_iter().for_each(|key| draft.remove(Keyspace::Nonces, key));
            Ok(count)
        };
        self.engine.write(Purpose::Free, Durability::Written, write).await
    }

    /// Notes that a change of a module is made that was signed at this time, unless one is that was signed later.
    /// Synced.
    ///
    /// # Errors
    /// Where the ledger cannot be written: then it must not be made.
    pub async fn change_signed(
        &self,
        module: &ModuleName,
        made_at: u64,
        nonce: Nonce,
    ) -> Result<Precedence, LedgerError> {
        let key = module.as_str().as_bytes().to_vec();
        let write = move |draft: &Draft<'_>| {
            let last: Option<SignedChange> = draft.record(&key)?;
            let precedence = precedence(last, made_at, nonce);
            if precedence == Precedence::Newest {
                draft.put_record(key, &SignedChange { made_at, nonce });
            }
            Ok(precedence)
        };
        self.engine.write(Purpose::Begin, Durability::Synced, write).await
    }

    /// Where a change of a module stands that was signed at this time, which is not made yet.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub fn signed_precedence(
        &self,
        module: &ModuleName,
        made_at: u64,
        nonce: Nonce,
    ) -> Result<Precedence, LedgerError> {
        Ok(precedence(self.engine.read()?.record(module.as_str().as_bytes())?, made_at, nonce))
    }
}

fn precedence(last: Option<SignedChange>, made_at: u64, nonce: Nonce) -> Precedence {
    match last {
        Some(last) if last.nonce == nonce => Precedence::Same,
        Some(last) if last.made_at >= made_at => Precedence::Older(last.made_at),
        Some(_) | None => Precedence::Newest,
    }
}

/// By their ends, so that those that are over lie together.
fn nonce_key(until: u64, nonce: Nonce) -> Vec<u8> {
    [until.to_be_bytes().as_slice(), nonce.as_bytes()].concat()
}

const FORGOTTEN: &[u8] = b"until";

/// How many are forgotten in one batch.
const AT_ONCE: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::is_stored_as;

    fn nonce(number: u8) -> Nonce {
        Nonce::new([number; 16])
    }

    fn job(number: u8) -> JobId {
        JobId::from_bytes([number; 16])
    }

    #[test]
    fn what_was_made_is_stored_as_format_3_has_it() {
        is_stored_as(&StoredNonce(job(1)), "01363828e501010101010101010101010101010101");
        is_stored_as(&ForgottenUntil(300), "017ca84461ac02");
        let change = SignedChange { made_at: 300, nonce: nonce(2) };
        is_stored_as(&change, "01ad5b6ea0ac0202020202020202020202020202020202");
    }

    #[tokio::test]
    async fn a_signed_call_is_made_once_also_after_a_restart() {
        let folder = crate::scratch::folder();
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        assert_eq!(ledger.spent_by(nonce(1), 100), Ok(None));
        assert_eq!(ledger.spend(nonce(1), 100, job(1)).await, Ok(Spent::New));
        assert_eq!(ledger.spent_by(nonce(1), 100), Ok(Some(job(1))));
        ledger.close().await;
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        for again in [job(1), job(2)] {
            assert_eq!(ledger.spend(nonce(1), 100, again).await, Ok(Spent::Before(job(1))));
        }
        assert_eq!(ledger.spend(nonce(2), 100, job(2)).await, Ok(Spent::New));
    }

    #[tokio::test]
    async fn what_was_forgotten_is_not_made_again_and_neither_is_what_ended_with_it() {
        let folder = crate::scratch::folder();
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        for (number, until) in [(1, 100), (2, 200), (3, 300)] {
            assert_eq!(ledger.spend(nonce(number), until, job(number)).await, Ok(Spent::New));
        }
        assert_eq!(ledger.forget_spent(50).await, Ok(0));
        assert_eq!(ledger.spend(nonce(4), 40, job(4)).await, Ok(Spent::New), "nothing was forgotten");
        assert_eq!(ledger.forget_spent(250).await, Ok(3));
        for (number, until) in [(1, 100), (2, 200), (5, 200)] {
            assert_eq!(ledger.spend(nonce(number), until, job(9)).await, Ok(Spent::Forgotten));
        }
        assert_eq!(ledger.spend(nonce(3), 300, job(9)).await, Ok(Spent::Before(job(3))));
        assert_eq!(ledger.spend(nonce(6), 201, job(6)).await, Ok(Spent::New));
    }

    #[tokio::test]
    async fn no_change_of_a_module_is_made_after_one_that_was_signed_later() {
        let folder = crate::scratch::folder();
        let ledger = MinionLedger::open(folder.path()).expect("opens");
        let (disk, other) = ("disk".parse().expect("a name"), "other".parse().expect("a name"));
        assert_eq!(ledger.signed_precedence(&disk, 100, nonce(1)), Ok(Precedence::Newest));
        assert_eq!(ledger.change_signed(&disk, 100, nonce(1)).await, Ok(Precedence::Newest));
        assert_eq!(ledger.change_signed(&disk, 100, nonce(1)).await, Ok(Precedence::Same));
        assert_eq!(ledger.change_signed(&disk, 200, nonce(2)).await, Ok(Precedence::Newest));
        assert_eq!(ledger.signed_precedence(&disk, 200, nonce(2)), Ok(Precedence::Same));
        for (made_at, number) in [(100, 1), (200, 3)] {
            assert_eq!(ledger.change_signed(&disk, made_at, nonce(number)).await, Ok(Precedence::Older(200)));
        }
        assert_eq!(ledger.change_signed(&other, 100, nonce(4)).await, Ok(Precedence::Newest));
    }
}
