//! The methods of modules, each kept once for all minions that have the same.

use std::collections::HashMap;
use std::sync::Mutex;

use machine::lock;
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::value::method::Methods;

/// The methods of versions of modules, by the digests of their files, as a minion has told them.
///
/// A minion may say what it likes of a digest: methods that differ are not shared.
#[derive(Default)]
pub(super) struct SharedMethods(Mutex<HashMap<Digest, Methods>>);

impl SharedMethods {
    /// Lets an inventory share the methods that others have told alike.
    pub(super) fn share(&self, inventory: &mut Inventory) {
        let mut known = lock::hold(&self.0);
        for module in &mut inventory.modules {
            match known.get(&module.digest) {
                Some(methods) if *methods == module.methods => module.methods = methods.clone(),
                _ => {
                    if known.len() >= MANY {
                        known.retain(|_, methods| !methods.is_alone());
                    }
                    if known.len() < MOST {
                        known.insert(module.digest, module.methods.clone());
                    }
                }
            }
        }
    }
}

/// From so many on, those that no minion has any more are forgotten.
const MANY: usize = 1024;
/// So many are known at most; all others are kept for each minion.
const MOST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use wire::message::module::{Module, ModuleState};
    use wire::value::method::{Method, Types};

    use super::*;

    fn inventory(digest: &[u8], method: &str) -> Inventory {
        let method = Method {
            interface: None,
            name: method.to_owned(),
            params: Vec::new(),
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        Inventory::of(vec![Module {
            name: "test".parse().expect("a name"),
            version: None,
            digest: Digest::of(digest),
            description: None,
            state: ModuleState::Active,
            methods: Methods::new(Types::default(), vec![method]).expect("methods"),
            imports: Vec::new(),
            versions: Vec::new(),
        }])
    }

    #[test]
    fn what_minions_tell_alike_is_kept_once_and_nothing_is_believed_of_another() {
        let shared = SharedMethods::default();
        let told = |digest: &[u8], method: &str| {
            let mut inventory = inventory(digest, method);
            let before = inventory.clone();
            shared.share(&mut inventory);
            assert_eq!(inventory, before, "nothing else is said of it");
            inventory.modules.remove(0).methods
        };
        let (first, second) = (told(b"one", "ping"), told(b"one", "ping"));
        assert!(first.is_shared_with(&second));
        assert!(!told(b"two", "ping").is_shared_with(&first));
        assert!(!told(b"one", "false").is_shared_with(&first));
    }

    #[test]
    fn what_no_minion_has_any_more_is_forgotten() {
        let shared = SharedMethods::default();
        for number in 0..3 * MANY {
            shared.share(&mut inventory(&number.to_be_bytes(), "ping"));
        }
        assert!(lock::hold(&shared.0).len() <= MANY);
    }
}
