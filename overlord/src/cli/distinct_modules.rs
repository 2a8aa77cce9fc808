//! The modules of many minions, each distinct version once.

use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::message::operator::{Target, TargetWarning};
use wire::name::{MinionName, ModuleName};

use super::CliError;
use crate::client::Client;

/// A module in one version and state, and who has it so.
pub(super) struct DistinctModule<'a> {
    pub(super) module: &'a Module,
    pub(super) minions: Vec<&'a MinionName>,
}

/// The modules that minions have told of, where those that there was no room for make no difference.
pub(super) fn told(minions: Vec<(MinionName, Inventory)>) -> Vec<(MinionName, Vec<Module>)> {
    minions.into_iter().map(|(minion, inventory)| (minion, inventory.modules)).collect()
}

/// The modules of this name that the targeted minions have, and what is to be known of the target, which was said to
/// people; an error where none of them has it.
pub(super) async fn modules_named(
    client: &Client,
    target: Target,
    name: &ModuleName,
) -> Result<(Vec<(MinionName, Vec<Module>)>, Vec<TargetWarning>), CliError> {
    let (minions, warnings) = client.modules_named(target, name.clone()).await?.said();
    if minions.is_empty() { Err(CliError::NoModule(name.clone())) } else { Ok((told(minions), warnings)) }
}

/// Everything that the minions have, by name, each distinct thing once.
pub(super) fn distinct(minions: &[(MinionName, Vec<Module>)]) -> Vec<DistinctModule<'_>> {
    let mut all: Vec<DistinctModule<'_>> = Vec::new();
    for (minion, modules) in minions {
        for module in modules {
            match all.iter_mut().find(|one| one.has(module)) {
                Some(one) => one.minions.push(minion),
                None => all.push(DistinctModule { module, minions: vec![minion] }),
            }
        }
    }
    all.sort_by(|a, b| (&a.module.name, &a.module.version).cmp(&(&b.module.name, &b.module.version)));
    all
}

impl DistinctModule<'_> {
    /// Whether this is that module: what minions know of other versions, and since when, makes no difference.
    fn has(&self, module: &Module) -> bool {
        let what = |module: &Module| (module.name.clone(), module.version.clone(), module.digest);
        what(self.module) == what(module) && self.module.state == module.state
    }

    /// The minions that have it, as far as they fit.
    pub(super) fn who(&self) -> String {
        who(&self.minions)
    }
}

/// Names of minions, as far as they fit.
pub(super) fn who(minions: &[&MinionName]) -> String {
    let shown: Vec<&str> = minions.iter().take(SHOWN).map(|name| name.as_str()).collect();
    match minions.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A state as people read it.
pub(super) fn state(state: &ModuleState) -> String {
    match state {
        ModuleState::Failed(reason) => format!("failed: {reason}"),
        state => state.as_str().to_owned(),
    }
}

/// How many minions are named in a row.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use wire::digest::Digest;
    use wire::message::module::ModuleVersion;
    use wire::value::method::Methods;

    use super::*;

    fn module(name: &str, code: &str, since: u64) -> Module {
        let digest = Digest::of(code.as_bytes());
        let state = ModuleState::Active;
        Module {
            name: name.parse().expect("a name"),
            version: None,
            digest,
            description: None,
            state: state.clone(),
            methods: Methods::default(),
            imports: vec![],
            versions: vec![ModuleVersion { digest, version: None, state, since, signer: None }],
        }
    }

    #[test]
    fn minions_with_the_same_version_share_a_row_since_whenever_they_have_it() {
        let minions: Vec<(MinionName, Vec<Module>)> = [("a", "1", 5), ("b", "1", 6), ("c", "2", 5)]
            .into_iter()
            .map(|(name, code, since)| (name.parse().expect("a name"), vec![module("test", code, since)]))
            .collect();
        let who: Vec<String> = distinct(&minions).iter().map(DistinctModule::who).collect();
        assert_eq!(who, ["a, b", "c"]);
    }
}
