//! Locks on things that are told apart by a key: one change at a time to each of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use machine::lock;
use tokio::sync::OwnedMutexGuard;

/// A lock for each key of type `K`, made when it is first asked for. Those who ask get it in their order.
pub(crate) struct KeyedLocks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

/// A key that is locked, until this is dropped.
pub(crate) type KeyedGuard = OwnedMutexGuard<()>;

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> KeyedLocks<K> {
    /// Locks a key, once nobody else has it locked. Cancel safe.
    pub(crate) async fn lock(&self, key: K) -> KeyedGuard {
        let lock = {
            let mut locks = lock::hold(&self.0);
            if locks.len() >= MANY {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            locks.entry(key).or_default().clone()
        };
        lock.lock_owned().await
    }
}

/// From so many on, those that nobody has or wants are forgotten.
const MANY: usize = 1024;
