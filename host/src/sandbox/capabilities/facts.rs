//! `minion:facts`: what is known of the host, as far as policy grants it.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use self::bindings::minion::facts::facts::{Error, Host};
use super::package::Package;
use super::{Capability, Grant, interface};
use crate::policy::{Grants, wildcard};
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    grant: Some(Grant::to_load(r#"facts = ["*"]"#, |grants| !grants.facts.is_empty())),
    ..Capability::ours("facts", &[Package::ours("minion:facts", &["facts"])], DryRun::Same, link)
};

interface!(facts, "../wit/facts", "import minion:facts/facts@0.1.0;");

/// The facts of the host, by their paths. Clones show the same facts.
#[derive(Clone, Debug, Default)]
pub struct Facts(Arc<RwLock<Arc<BTreeMap<String, String>>>>);

impl Facts {
    /// Replaces all facts by these.
    pub fn replace(&self, facts: BTreeMap<String, String>) {
        *self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(facts);
    }

    /// All facts at this moment.
    pub fn all(&self) -> Arc<BTreeMap<String, String>> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Host for Guest {
    fn get(&mut self, path: String) -> Result<Option<String>, Error> {
        if self.job.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if !granted(&self.job.policy.grants.facts, &path) {
            let covers = |grants: &Grants| granted(&grants.facts, &path);
            return Err(Error::Denied(self.job.advised(&CAPABILITY, &path, covers)));
        }
        Ok(self.facts.all().get(&path).cloned())
    }

    fn list(&mut self, prefix: String) -> Result<Vec<(String, String)>, Error> {
        if self.job.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let facts = self.facts.all();
        let found = facts
            .iter()
            .filter(|(path, _)| below(path, &prefix) && granted(&self.job.policy.grants.facts, path));
        Ok(found.map(|(path, value)| (path.clone(), value.clone())).collect())
    }
}

/// Whether one of the globs covers a path.
fn granted(globs: &[String], path: &str) -> bool {
    globs.iter().any(|glob| wildcard(glob, path))
}

/// Whether a path is at or below a prefix of whole names.
fn below(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_means_whole_names() {
        assert!(below("os.name", "os") && below("os", "os") && below("os.name", ""));
        assert!(!below("oslo", "os") && !below("os", "os.name"));
    }
}
