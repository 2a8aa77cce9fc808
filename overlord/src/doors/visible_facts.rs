//! What an operator's expressions may ask about minions.

use std::sync::Arc;

use serde_json::Value as Json;
use wire::name::MinionName;
use wire::targets::{Expression, Lookup, Roster};

use crate::registry::Registry;

/// Knows what minions said of themselves, but only of those that the operator may see: who asks for the minions with
/// some fact learns that fact by the answer, also by a refusal.
pub(super) struct Known<'a, L> {
    all: &'a L,
    /// The minions that it may see; `None` where that is all of them.
    seen: Option<Roster>,
}

impl<'a, L: Lookup> Known<'a, L> {
    pub(super) fn new(all: &'a L, seen: Option<Roster>) -> Self {
        Self { all, seen }
    }
}

impl<L: Lookup> Lookup for Known<'_, L> {
    fn group(&self, name: &str) -> Option<Arc<Expression>> {
        self.all.group(name)
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        let is_seen = self.seen.as_ref().is_none_or(|seen| seen.names().binary_search(minion).is_ok());
        if is_seen { self.all.facts(minion) } else { None }
    }
}

/// Knows what those minions say of themselves that had their names at a moment: what others say, who got a name later, does not decide
/// on what was done before.
pub(super) struct Since<'a> {
    pub(super) registry: &'a Registry,
    /// The moment, in milliseconds since 1970.
    pub(super) at: u64,
}

impl Lookup for Since<'_> {
    fn group(&self, name: &str) -> Option<Arc<Expression>> {
        self.registry.group(name)
    }

    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>> {
        let had_its_name = self.registry.had_its_name(minion, self.at);
        if had_its_name { Lookup::facts(self.registry, minion) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Says the same of every minion.
    struct Same;

    impl Lookup for Same {
        fn group(&self, _: &str) -> Option<Arc<Expression>> {
            None
        }

        fn facts(&self, _: &MinionName) -> Option<Arc<Json>> {
            Some(Arc::new(json!({ "os": "linux" })))
        }
    }

    #[test]
    fn facts_are_known_of_those_alone_whom_the_operator_may_see() {
        let name = |name: &str| name.parse::<MinionName>().expect("a name");
        let known = Known::new(&Same, Some(Roster::new(vec![name("web10"), name("web2")])));
        assert!(known.facts(&name("web2")).is_some() && known.facts(&name("web10")).is_some());
        assert!(known.facts(&name("db1")).is_none());
        assert!(Known::new(&Same, None).facts(&name("db1")).is_some());
        assert!(Known::new(&Same, Some(Roster::default())).facts(&name("db1")).is_none());
    }
}
