//! Turns of changes of modules that operators have signed: of one module, one at a time.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use wire::name::ModuleName;

/// Gives turns. A few modules share one, so that their number has a bound whatever names are asked for. Clones share them.
#[derive(Clone)]
pub(super) struct Turns(Arc<[Arc<Mutex<()>>]>);

/// The turn of one change, from before it is looked at whether a later one was made until it is made itself. Without it an
/// earlier change that was let in could end after a later one.
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn of a change of this module.
    pub(super) async fn of(&self, module: &ModuleName) -> Turn {
        let mut hasher = DefaultHasher::new();
        module.as_str().hash(&mut hasher);
        // The remainder fits, whatever the width of a place.
        let place = (hasher.finish() % SHARED as u64) as usize;
        Turn { _held: self.0[place].clone().lock_owned().await }
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self((0..SHARED).map(|_| Arc::default()).collect())
    }
}

/// How many changes of different modules may have their turn at once.
const SHARED: usize = 64;

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn a_change_has_its_turn_once_the_one_before_is_made() {
        let (turns, disk) = (Turns::default(), "disk".parse().expect("a name"));
        let first = turns.of(&disk).await;
        let shared = turns.clone();
        let mut second = pin!(shared.of(&disk));
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(first);
        assert!(futures::poll!(second.as_mut()).is_ready());
    }
}
