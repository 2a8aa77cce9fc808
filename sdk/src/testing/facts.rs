//! Facts of the made-up host: those that the test told it.

use super::state;
use crate::facts::Error;

pub(crate) fn get(path: &str) -> Result<Option<String>, Error> {
    Ok(state(|state| state.facts.get(path).cloned()))
}

pub(crate) fn list(prefix: &str) -> Result<Vec<(String, String)>, Error> {
    let within = |path: &str| {
        let rest = path.strip_prefix(prefix);
        prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let facts = state(|state| state.facts.clone());
    Ok(facts.into_iter().filter(|(path, _)| within(path)).collect())
}
