//! What modules keep between their jobs: a keyspace for each module, within a quota.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wire::name::ModuleName;

use super::ledger::MinionLedger;
use crate::draft::Draft;
use crate::engine::Engine;
use crate::error::LedgerError;
use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::record::Record;
use crate::write::{Durability, Purpose};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 1024;

/// The keyspace of one module, with its quota. A cheap handle.
///
/// # Errors
/// Every operation fails with [`KvError::Ledger`] where the ledger cannot be read or written; those that name a
/// key with [`KvError::Key`] where it is empty or too long; and those that set one with [`KvError::Quota`] where
/// the module would keep more than it may. Nothing was changed then.
#[derive(Clone)]
pub struct Kv {
    engine: Arc<Engine>,
    module: ModuleName,
    quota: u64,
}

/// What [`Kv::compare_and_set`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The value was the expected one, and the new value is in its place.
    Done,
    /// The value was this one and not the expected one, so nothing changed.
    Differs(Option<Vec<u8>>),
}

/// Why a module's keyspace was not read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The module would keep more bytes than it may.
    #[error(
        "module \"{module}\" would keep {needed} bytes and may keep {quota}: delete keys, or raise the \
         quota of its kv grant"
    )]
    Quota {
        /// The module.
        module: ModuleName,
        /// How many bytes it would keep.
        needed: u64,
        /// How much it may keep.
        quota: u64,
    },
    /// The key is empty or too long.
    #[error("a key has 1 to {MAX_KEY} bytes, and this one has {length}")]
    Key {
        /// The length of the key in bytes.
        length: usize,
    },
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How many bytes of keys and values a module keeps.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Usage(u64);

impl Record for Usage {
    const SPACE: Keyspace = Keyspace::KvUsage;
}

impl MinionLedger {
    /// The keyspace of `module`, in which keys and values together may take `quota` bytes.
    pub fn kv(&self, module: ModuleName, quota: u64) -> Kv {
        Kv { engine: Arc::clone(&self.engine), module, quota }
    }
}

impl Kv {
    /// The value of a key; `None` where there is no such key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let value = self.engine.read()?.bytes(Keyspace::Kv, &self.key(key)?)?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// At most `limit` keys that begin with `prefix`, in order.
    pub fn list(&self, prefix: &str, limit: usize) -> Result<Vec<String>, KvError> {
        self.list_after(prefix, "", limit)
    }

    /// At most `limit` keys that begin with `prefix` and come behind `after`, in order: the next ones, where
    /// `after` is the last key of the answer before.
    pub fn list_after(&self, prefix: &str, after: &str, limit: usize) -> Result<Vec<String>, KvError> {
        let source = self.engine.read()?;
        let module = key::name_prefix(self.module.as_str());
        let mut span = Span::prefix(&[&module, prefix.as_bytes()].concat());
        if after > prefix && !after.starts_with(prefix) {
            return Ok(Vec::new());
        }
        if after >= prefix {
            // Nothing lies between a key and the same key with a zero byte behind it.
            span = span.starting_at([&module, after.as_bytes(), &[0]].concat());
        }
        let rows = source.scan(Keyspace::Kv, span);
        let keys = rows.filter_map(|(key, _)| String::from_utf8(key.get(module.len()..)?.to_vec()).ok());
        Ok(keys.take(limit).collect())
    }

    /// How many bytes of keys and values the module keeps.
    pub fn usage(&self) -> Result<u64, KvError> {
        Ok(usage(&self.engine.read()?, &self.module)?)
    }

    /// Sets a key. Survives the end of the minion once the future is ready.
    ///
    /// # Errors
    /// [`KvError::Quota`] where the module would keep more than it may, and [`KvError::Key`] where the key is
    /// empty or too long.
    pub async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), KvError> {
        self.change(key, |_| true, Some(value)).await.map(|_| ())
    }

    /// Sets a key, or deletes it where `value` is `None`, if its present value is `expected`, where `None` means
    /// that there is no such key. No other write comes in between.
    ///
    /// # Errors
    /// As [`Kv::set`].
    pub async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
    ) -> Result<Swap, KvError> {
        self.change(key, move |current| current == expected.as_deref(), value).await
    }

    /// Deletes a key, whether or not it exists.
    pub async fn delete(&self, key: &str) -> Result<(), KvError> {
        self.change(key, |_| true, None).await.map(|_| ())
    }

    /// Deletes all keys of the module.
    pub async fn clear(&self) -> Result<(), KvError> {
        let module = self.module.clone();
        let write = move |draft: &Draft<'_>| {
            draft.remove_all(Keyspace::Kv, &key::name_prefix(module.as_str()));
            draft.remove(Keyspace::KvUsage, module.as_str().as_bytes().to_vec());
            Ok(())
        };
        Ok(self.engine.write(Purpose::Free, Durability::Written, write).await?)
    }

    async fn change(
        &self,
        key: &str,
        fits: impl FnOnce(Option<&[u8]>) -> bool + Send + 'static,
        value: Option<Vec<u8>>,
    ) -> Result<Swap, KvError> {
        let purpose = if value.is_some() { Purpose::Begin } else { Purpose::Free };
        let (key, module, quota) = (self.key(key)?, self.module.clone(), self.quota);
        let write = move |draft: &Draft<'_>| {
            let current = draft.bytes(Keyspace::Kv, &key)?;
            if !fits(current.as_deref()) {
                return Ok(Ok(Swap::Differs(current.map(|value| value.to_vec()))));
            }
            let own = key.len() - key::name_prefix(module.as_str()).len();
            let size = |length: Option<usize>| length.map_or(0, |length| (own + length) as u64);
            let before = usage(draft, &module)?.saturating_sub(size(current.map(|value| value.len())));
            let needed = before + size(value.as_ref().map(Vec::len));
            if value.is_some() && needed > quota {
                return Ok(Err(KvError::Quota { module, needed, quota }));
            }
            draft.put_record(module.as_str().as_bytes().to_vec(), &Usage(needed));
            match value {
                Some(value) => draft.put(Keyspace::Kv, key, value.into()),
                None => draft.remove(Keyspace::Kv, key),
            }
            Ok(Ok(Swap::Done))
        };
        self.engine.write(purpose, Durability::Written, write).await?
    }

    fn key(&self, key: &str) -> Result<Vec<u8>, KvError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(KvError::Key { length: key.len() });
        }
        Ok([&key::name_prefix(self.module.as_str()), key.as_bytes()].concat())
    }
}

/// How many bytes a module keeps by its own record, or counted where there is none.
fn usage(source: &impl Read, module: &ModuleName) -> Result<u64, LedgerError> {
    if let Some(Usage(bytes)) = source.record::<Usage>(module.as_str().as_bytes())? {
        return Ok(bytes);
    }
    let prefix = key::name_prefix(module.as_str());
    let rows = source.scan(Keyspace::Kv, Span::prefix(&prefix));
    Ok(rows.map(|(key, value)| (key.len() - prefix.len() + value.len()) as u64).sum())
}
