//! The roles that hold now, and those of them that one operator has.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use machine::configuration::ConfigError;
use machine::lock;
use wire::message::operators::RoleStatus;
use wire::name::{MinionName, OperatorName, RoleName};

use super::decide::{On, Verdict, decide};
use super::deed::Deed;
use super::load::{Rules, changes, load};
use super::role::Role;
use wire::targets::Lookup;

/// The roles of an overlord, as they were read last. A cheap handle.
#[derive(Clone)]
pub(crate) struct RoleBook(Arc<Inner>);

struct Inner {
    /// The overlord's folder.
    dir: PathBuf,
    rules: RwLock<Arc<Rules>>,
}

/// The roles of one operator, at one moment.
pub(crate) struct Held {
    rules: Arc<Rules>,
    /// Those of the rules that the operator has.
    names: Vec<RoleName>,
}

impl RoleBook {
    /// Reads the roles of an overlord's folder, of whose configuration these are.
    ///
    /// # Errors
    /// As for [`load`].
    pub(crate) fn open(dir: PathBuf, of_configuration: &Rules) -> Result<Self, ConfigError> {
        let rules = RwLock::new(Arc::new(load(&dir, of_configuration)?));
        Ok(Self(Arc::new(Inner { dir, rules })))
    }

    /// Reads the roles again, and returns what changed. Where they cannot be used, those before go on to hold.
    ///
    /// # Errors
    /// As for [`load`].
    pub(crate) fn reload(&self, of_configuration: &Rules) -> Result<Vec<String>, ConfigError> {
        let rules = Arc::new(load(&self.0.dir, of_configuration)?);
        let mut held = lock::write(&self.0.rules);
        let changed = changes(&held, &rules);
        *held = rules;
        Ok(changed)
    }

    /// Whether there is a role of this name.
    pub(crate) fn knows(&self, role: &RoleName) -> bool {
        self.rules().contains_key(role)
    }

    /// The roles that an operator has: those that were given to it, and those whose patterns match its name; none where
    /// nothing can be given to it, since it may not connect.
    pub(crate) fn of(&self, operator: &OperatorName, given: Option<&[RoleName]>) -> Held {
        let rules = self.rules();
        let has = |name: &RoleName, role: &Role| {
            given.is_some_and(|given| given.contains(name) || role.is_of(operator))
        };
        let names =
            rules.iter().filter(|(name, role)| has(name, role)).map(|(name, _)| name.clone()).collect();
        Held { rules, names }
    }

    fn rules(&self) -> Arc<Rules> {
        lock::read(&self.0.rules).clone()
    }
}

impl Held {
    /// Whether these roles allow a deed: see [`decide`].
    pub(crate) fn decide(&self, deed: Deed<'_>, on: On<'_>, lookup: &impl Lookup) -> Verdict {
        let roles: Vec<(&RoleName, &Role)> =
            self.names.iter().filter_map(|name| self.rules.get_key_value(name)).collect();
        decide(&roles, deed, on, |role, minions| covers(role, minions, lookup))
    }

    /// What the roles allow, as they are written.
    pub(crate) fn statuses(&self) -> Vec<RoleStatus> {
        self.names.iter().filter_map(|name| Some(self.rules.get(name)?.status(name))).collect()
    }

    /// Whether these are still the roles of the book, which was not read again since.
    pub(crate) fn are_of(&self, book: &RoleBook) -> bool {
        Arc::ptr_eq(&self.rules, &book.rules())
    }

    /// Whether one of the roles that allow the deed is for every minion there can be.
    pub(crate) fn is_for_everybody(&self, deed: Deed<'_>) -> bool {
        self.decide(deed, On::Everybody, &()).is_allowed()
    }
}

/// Which of the minions a role is for. It is for nobody where its expression cannot be resolved any more, and not for
/// minions of which it is not known, since they never said the facts that decide it.
fn covers(role: &Role, minions: &[MinionName], lookup: &impl Lookup) -> Vec<bool> {
    let covered = role.targets().map(|targets| targets.expression().certain(minions, lookup));
    match covered {
        Some(Ok(covered)) => covered,
        Some(Err(error)) => {
            tracing::warn!(%error, "the targets of a role cannot be resolved: it is for nobody");
            vec![false; minions.len()]
        }
        None => vec![false; minions.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_had_by_name_or_by_gift_and_by_nobody_who_is_shut_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("roles.d");
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(folder.join("a.toml"), "[roles.a]\noperators = ['bob*']\n[roles.b]\naudit = true")
            .expect("written");
        let book = RoleBook::open(dir.path().to_owned(), &Rules::new()).expect("loads");
        let has = |operator: &str, given: Option<&[RoleName]>| {
            let held = book.of(&operator.parse().expect("a name"), given);
            held.names.into_iter().map(String::from).collect::<Vec<_>>()
        };
        let b: RoleName = "b".parse().expect("a name");
        assert_eq!(has("bob1", Some(&[])), ["a"]);
        assert_eq!(has("bob1", Some(std::slice::from_ref(&b))), ["a", "b"]);
        assert_eq!(has("eve", Some(&[])), Vec::<String>::new());
        assert_eq!(has("bob1", None), Vec::<String>::new());
        let before = book.of(&"bob1".parse().expect("a name"), Some(&[]));
        std::fs::write(folder.join("a.toml"), "roles = 1").expect("written");
        assert!(book.reload(&Rules::new()).is_err());
        assert!(before.are_of(&book));
        assert_eq!(has("bob1", Some(&[])), ["a"], "the roles before go on to hold");
        std::fs::write(folder.join("a.toml"), "[roles.b]\naudit = true").expect("written");
        book.reload(&Rules::new()).expect("loads");
        assert!(!before.are_of(&book), "they were read again");
    }
}
