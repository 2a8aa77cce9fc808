//! Who has a certificate of which authority: in memory and in the ledger.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use ledger::{Holding, LedgerError, OverlordLedger, SeenKey};
use machine::clock::now_ms;
use machine::lock;
use wire::digest::Digest;
use wire::name::OperatorName;

/// What the owners of keys were given, and which key each operator was seen with.
pub(super) struct Holdings {
    ledger: OverlordLedger,
    of_keys: Mutex<HashMap<Digest, Holding>>,
    of_operators: Mutex<HashMap<OperatorName, SeenKey>>,
    /// The keys that operators were given certificates for since the daemon was started, the oldest first.
    given: Mutex<HashMap<OperatorName, VecDeque<Digest>>>,
}

impl Holdings {
    pub(super) async fn open(ledger: OverlordLedger) -> Result<Self, LedgerError> {
        let of_keys = Mutex::new(ledger.holdings().await?.into_iter().collect());
        let of_operators = Mutex::new(ledger.operator_keys().await?.into_iter().collect());
        Ok(Self { ledger, of_keys, of_operators, given: Mutex::default() })
    }

    pub(super) fn of(&self, key: &Digest) -> Option<Holding> {
        lock::hold(&self.of_keys).get(key).cloned()
    }

    pub(super) async fn put(&self, key: Digest, holding: Holding) -> Result<(), LedgerError> {
        self.ledger.put_holding(key, holding.clone()).await?;
        lock::hold(&self.of_keys).insert(key, holding);
        Ok(())
    }

    /// Takes note of another key of an operator. Gives one that is one too many: the oldest, but not the one that it was seen with.
    pub(super) fn another_key(&self, operator: &OperatorName, key: Digest) -> Option<Digest> {
        let seen = self.seen(operator).map(|seen| seen.key);
        let mut given = lock::hold(&self.given);
        let keys = given.entry(operator.clone()).or_default();
        keys.push_back(key);
        if keys.len() <= MOST_KEYS {
            return None;
        }
        let oldest = keys.iter().position(|key| Some(*key) != seen)?;
        keys.remove(oldest)
    }

    /// The key that an operator was given a certificate for last, since the daemon was started.
    pub(super) fn newest(&self, operator: &OperatorName) -> Option<Digest> {
        lock::hold(&self.given).get(operator)?.back().copied()
    }

    /// The key that an operator was seen with last.
    pub(super) fn seen(&self, operator: &OperatorName) -> Option<SeenKey> {
        lock::hold(&self.of_operators).get(operator).copied()
    }

    /// Takes note of the key that an operator is connected with. Gives whether that is another one than before.
    pub(super) async fn operator_shown(&self, operator: &OperatorName, key: Digest) -> bool {
        let (before, now) = (self.seen(operator), now_ms());
        let is_another = before.is_none_or(|before| before.key != key);
        if !is_another && before.is_some_and(|before| now.saturating_sub(before.at) < WRITTEN_EVERY_MS) {
            return false;
        }
        let seen = SeenKey { key, at: now };
        if let Err(error) = self.ledger.operator_shown(operator, seen).await {
            tracing::warn!(%operator, %error, "with which key it was seen cannot be recorded");
        }
        lock::hold(&self.of_operators).insert(operator.clone(), seen);
        is_another
    }

    /// Forgets what the owner of a key was given, which lets nobody in any more.
    pub(super) async fn forget(&self, key: Digest) -> Result<(), LedgerError> {
        if lock::hold(&self.of_keys).remove(&key).is_some() {
            self.ledger.forget_holdings(vec![key]).await?;
        }
        Ok(())
    }
}

/// How many keys of one operator are known.
const MOST_KEYS: usize = 8;
/// How often it is written down at most that an operator was seen with the same key.
const WRITTEN_EVERY_MS: u64 = 10 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_key_that_an_operator_was_seen_with_is_never_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = OverlordLedger::open(dir.path()).expect("opens");
        let holdings = Holdings::open(ledger.clone()).await.expect("opens");
        let operator = "ann".parse().expect("a name");
        let keys: Vec<Digest> = (0..=MOST_KEYS).map(|number| Digest::of(&[number as u8])).collect();
        let (last, first) = keys.split_last().expect("some");
        for key in first {
            assert_eq!(holdings.another_key(&operator, *key), None);
        }
        assert!(holdings.operator_shown(&operator, keys[0]).await);
        assert_eq!(holdings.another_key(&operator, *last), Some(keys[1]));
        ledger.close().await;
    }
}
