//! The versions that minions know of a module, each distinct one once.

use output::{Column, Table};
use serde_json::{Value, json};
use wire::digest::Digest;
use wire::message::module::{Module, ModuleState, ModuleVersion};
use wire::name::{MinionName, ModuleName};

use super::super::distinct_modules::{state, who};
use crate::report::named;
use machine::clock::rfc3339;
use machine::moment::local;

/// A version in one state, and who has it so.
pub(in crate::cli) struct KnownVersion<'a> {
    pub(super) name: &'a ModuleName,
    pub(super) version: Option<&'a str>,
    pub(super) digest: Digest,
    pub(super) state: &'a ModuleState,
    signer: Option<&'a str>,
    /// Since when on the last of them; unknown where a minion does not say.
    since: Option<u64>,
    /// How many methods it has, where a minion says so.
    pub(super) methods: Option<String>,
    pub(super) minions: Vec<&'a MinionName>,
}

/// Everything that minions know, by name and in the order of their first mention.
pub(in crate::cli) fn versions(minions: &[(MinionName, Vec<Module>)]) -> Vec<KnownVersion<'_>> {
    let mut all: Vec<KnownVersion<'_>> = Vec::new();
    for (minion, modules) in minions {
        for module in modules {
            for known in of_module(module) {
                match all.iter_mut().find(|other| other.is_like(&known)) {
                    Some(other) => {
                        other.minions.push(minion);
                        other.since = other.since.max(known.since);
                    }
                    None => all.push(KnownVersion { minions: vec![minion], ..known }),
                }
            }
        }
    }
    // The sort is stable: within a name, what is in service comes first and then the newest, as minions say it.
    all.sort_by(|a, b| (a.name, order(a.state)).cmp(&(b.name, order(b.state))));
    all
}

/// The version that a module is listed as, and the others that its minion knows.
fn of_module(module: &Module) -> Vec<KnownVersion<'_>> {
    let itself = |known: &&ModuleVersion| known.digest == module.digest && known.state == module.state;
    let listed = module.versions.iter().find(itself);
    let mut all = vec![KnownVersion {
        name: &module.name,
        version: module.version.as_deref(),
        digest: module.digest,
        state: &module.state,
        signer: listed.and_then(|known| known.signer.as_deref()),
        since: listed.map(|known| known.since),
        methods: Some(module.count_of_methods()),
        minions: Vec::new(),
    }];
    let others = module.versions.iter().filter(|known| !itself(known));
    all.extend(others.map(|known| KnownVersion {
        name: &module.name,
        version: known.version.as_deref(),
        digest: known.digest,
        state: &known.state,
        signer: known.signer.as_deref(),
        since: Some(known.since),
        methods: None,
        minions: Vec::new(),
    }));
    all
}

fn order(state: &ModuleState) -> u8 {
    match state {
        ModuleState::Active => 0,
        ModuleState::Retired => 2,
        _ => 1,
    }
}

/// Versions of all modules.
pub(in crate::cli) fn list_table<'a>(versions: impl Iterator<Item = &'a KnownVersion<'a>>) -> Table {
    let columns = [
        Column::whole("MODULE"),
        Column::whole("VERSION"),
        Column::whole("DIGEST").minor(),
        Column::wrapped("STATE", 12, 60),
        Column::whole("METHODS").minor(),
        Column::cut("MINIONS", 12, 60),
    ];
    Table::new(columns).with(versions.map(KnownVersion::row_of_list))
}

/// Versions of one module.
pub(in crate::cli) fn version_table(versions: &[KnownVersion<'_>]) -> Table {
    let columns = [
        Column::whole("VERSION"),
        Column::whole("DIGEST"),
        Column::wrapped("STATE", 12, 60),
        Column::whole("SINCE").minor(),
        Column::whole("SIGNER").minor(),
        Column::cut("MINIONS", 12, 60),
    ];
    Table::new(columns).with(versions.iter().map(KnownVersion::row))
}

impl KnownVersion<'_> {
    /// Whether both are the same but for who has them since when.
    fn is_like(&self, other: &KnownVersion<'_>) -> bool {
        (self.name, self.version, self.digest, self.state, self.signer)
            == (other.name, other.version, other.digest, other.state, other.signer)
    }

    /// A row of the list of all modules.
    fn row_of_list(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.version.unwrap_or("-").to_owned(),
            self.digest.short(),
            state(self.state),
            self.methods.clone().unwrap_or_else(|| "-".to_owned()),
            who(&self.minions),
        ]
    }

    /// A row about one module.
    fn row(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        vec![
            self.version.unwrap_or("-").to_owned(),
            self.digest.short(),
            state(self.state),
            self.since.map_or_else(dash, local),
            self.signer.map_or_else(dash, |signer| signer.chars().take(16).collect()),
            who(&self.minions),
        ]
    }

    pub(super) fn document(&self) -> Value {
        let reason = match self.state {
            ModuleState::Failed(reason) => Some(reason),
            _ => None,
        };
        json!({
            "version": self.version,
            "digest": self.digest.to_string(),
            "state": self.state.as_str(),
            "reason": reason,
            "since_at": self.since.map(rfc3339),
            "signer": self.signer,
            "minions": named(self.minions.iter().copied()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(code: &str, state: ModuleState, since: u64) -> ModuleVersion {
        ModuleVersion { digest: Digest::of(code.as_bytes()), version: None, state, since, signer: None }
    }

    fn module(versions: Vec<ModuleVersion>) -> Module {
        Module {
            name: "test".parse().expect("a name"),
            version: None,
            digest: versions[0].digest,
            description: None,
            state: versions[0].state.clone(),
            methods: wire::value::method::Methods::default(),
            imports: vec![],
            versions,
        }
    }

    #[test]
    fn minions_that_have_a_version_since_other_times_share_its_row() {
        let of =
            |since| vec![known("2", ModuleState::Active, since), known("1", ModuleState::Retired, since)];
        let minions: Vec<(MinionName, Vec<Module>)> = [("a", of(1)), ("b", of(2))]
            .into_iter()
            .map(|(name, versions)| (name.parse().expect("a name"), vec![module(versions)]))
            .collect();
        let all = versions(&minions);
        let told: Vec<_> = all.iter().map(|one| (one.state.as_str(), who(&one.minions), one.since)).collect();
        assert_eq!(told, [("active", "a, b".to_owned(), Some(2)), ("retired", "a, b".to_owned(), Some(2))]);
    }

    #[test]
    fn what_is_in_transition_stands_behind_what_is_in_service() {
        let failed = ModuleState::Failed("needs a grant".into());
        let module = module(vec![known("1", ModuleState::Active, 1), known("2", failed, 2)]);
        let minions = vec![("a".parse().expect("a name"), vec![module])];
        let states: Vec<String> = versions(&minions).iter().map(|one| state(one.state)).collect();
        assert_eq!(states, ["active", "failed: needs a grant"]);
    }
}
