//! Turns: one change at a time to one thing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// Everybody's turns to change things, each of which has a name of type `K`.
pub(crate) struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

/// A turn, over when it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits for the turn to change a thing.
    pub(crate) async fn wait(&self, thing: K) -> Turn {
        let turn = {
            // No code under this lock can panic halfway through a change.
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= MANY {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry(thing).or_default().clone()
        };
        turn.lock_owned().await
    }
}

/// From so many on, those that nobody waits for are forgotten.
const MANY: usize = 1024;
