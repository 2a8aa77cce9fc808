//! Turns: one thing at a time with one module on one minion.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use wire::name::{MinionName, ModuleName};

/// Everybody's turns.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>);

/// What is changed, and where.
type Place = (MinionName, ModuleName);

/// A turn, over when it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for the turn to change a module on a minion.
    pub(super) async fn wait(&self, minion: &MinionName, module: &ModuleName) -> Turn {
        let turn = {
            // No code under this lock can panic halfway through a change.
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= MANY {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry((minion.clone(), module.clone())).or_default().clone()
        };
        turn.lock_owned().await
    }
}

/// From so many on, those that nobody waits for are forgotten.
const MANY: usize = 1024;
