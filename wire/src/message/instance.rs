//! Which of several minions with one key speaks: the minion itself, or a copy of its folder.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What tells a minion from another one that shows the same certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// A digest that the minion makes at its first start and keeps in its ledger. Copies of the ledger have it
    /// too.
    pub id: Digest,
    /// A digest of the host and of the folder that holds the minion's key: a copy of the folder has another one.
    pub place: Digest,
    /// A digest of when the host was started: it changes with each boot.
    pub boot: Digest,
}

impl Instance {
    /// Whether both have the same ledger, which one process has open at a time: so the earlier of the two has
    /// ended.
    pub fn has_ledger_of(&self, other: &Self) -> bool {
        self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_minion_in_the_same_place_and_boot_has_the_same_ledger() {
        let [one, other] = [b"one", b"two"].map(|text| Digest::of(text));
        let minion = Instance { id: one, place: one, boot: one };
        assert!(minion.has_ledger_of(&minion));
        for copy in [
            Instance { id: other, ..minion },
            Instance { place: other, ..minion },
            Instance { boot: other, ..minion },
        ] {
            assert!(!minion.has_ledger_of(&copy), "{copy:?}");
        }
    }
}
