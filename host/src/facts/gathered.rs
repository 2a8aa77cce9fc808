//! The facts that were gathered at one time, as an overlord is told them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use wire::message::link::MAX_FACTS;
use wire::name::MinionName;

use crate::sandbox::MINION_NAME;

/// Facts by their paths.
pub(super) type Paths = BTreeMap<String, Json>;

/// What was gathered at one time, for all minions of this host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered(pub(super) Arc<Paths>);

impl Gathered {
    /// The facts as the overlord of this minion is told them.
    pub(crate) fn document(&self, minion: &MinionName) -> String {
        document(self.paths_of(minion))
    }

    /// All of them as one object, however long they are; `None` where nothing was gathered yet.
    pub(crate) fn object(&self, minion: &MinionName) -> Option<Json> {
        (!self.0.is_empty()).then(|| Json::Object(self.paths_of(minion).into_iter().collect()))
    }

    fn paths_of(&self, minion: &MinionName) -> Paths {
        let mut facts = Paths::clone(&self.0);
        facts.insert(MINION_NAME.to_owned(), minion.as_str().into());
        facts
    }

    /// What was never gathered: facts that a test makes up.
    #[cfg(test)]
    pub(crate) fn made_up(facts: Json) -> Self {
        let Json::Object(facts) = facts else { panic!("facts are an object") };
        Self(Arc::new(facts.into_iter().collect()))
    }
}

/// All facts as one JSON object, or none where they are more than an overlord takes.
pub(super) fn document(facts: Paths) -> String {
    let document = Json::Object(facts.into_iter().collect()).to_string();
    if document.len() > MAX_FACTS {
        tracing::error!(
            bytes = document.len(),
            most = MAX_FACTS,
            "the overlord gets no facts, as they are too long: shorten [labels] in minion.toml"
        );
        return EMPTY.to_owned();
    }
    document
}

/// What is sent instead of facts that are too long.
const EMPTY: &str = "{}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_beyond_what_an_overlord_takes_are_not_sent() {
        let long = Paths::from([("note".to_owned(), "x".repeat(MAX_FACTS).into())]);
        assert_eq!(document(long), EMPTY);
    }
}
