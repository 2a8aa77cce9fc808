//! `minion:facts`: what is known of the host, as far as policy grants it.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use wire::name::MinionName;

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

/// The facts of the host, by their paths, and the name of one minion on it. Clones show the same facts.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    gathered: Arc<RwLock<Arc<BTreeMap<String, String>>>>,
    minion: Option<MinionName>,
}

/// The fact that says which minion of the host it is.
pub(crate) const MINION_NAME: &str = "minion.name";

impl Facts {
    /// Replaces all facts by these.
    pub fn replace(&self, facts: BTreeMap<String, String>) {
        *self.gathered.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::new(facts);
    }

    /// The same facts, as this minion has them.
    pub(in crate::sandbox) fn of(&self, minion: Option<MinionName>) -> Self {
        Self { gathered: self.gathered.clone(), minion }
    }

    fn gathered(&self) -> Arc<BTreeMap<String, String>> {
        self.gathered.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// One fact at this moment.
    fn get(&self, path: &str) -> Option<String> {
        match &self.minion {
            Some(minion) if path == MINION_NAME => Some(minion.to_string()),
            _ => self.gathered().get(path).cloned(),
        }
    }

    /// All facts that `fits` takes at this moment, in order.
    fn all(&self, fits: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let name = self.minion.iter().map(|minion| (MINION_NAME.to_owned(), minion.to_string()));
        let mut facts = BTreeMap::clone(&self.gathered());
        facts.extend(name);
        facts.into_iter().filter(|(path, _)| fits(path)).collect()
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
        Ok(self.facts.get(&path))
    }

    fn list(&mut self, prefix: String) -> Result<Vec<(String, String)>, Error> {
        if self.job.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let granted = |path: &str| granted(&self.job.policy.grants.facts, path);
        Ok(self.facts.all(|path| below(path, &prefix) && granted(path)))
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
