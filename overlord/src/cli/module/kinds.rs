//! The modules of many minions, each distinct version once.

use wire::message::inventory::Inventory;
use wire::message::module::{Module, ModuleState};
use wire::name::MinionName;

/// A module in one version and state, and who has it so.
pub(in crate::cli) struct Kind<'a> {
    pub(in crate::cli) module: &'a Module,
    pub(in crate::cli) minions: Vec<&'a MinionName>,
}

/// The modules that minions have told of, where those that there was no room for make no difference.
pub(in crate::cli) fn told(minions: Vec<(MinionName, Inventory)>) -> Vec<(MinionName, Vec<Module>)> {
    minions.into_iter().map(|(minion, inventory)| (minion, inventory.modules)).collect()
}

/// Everything that the minions have, by name, each distinct thing once.
pub(in crate::cli) fn kinds(minions: &[(MinionName, Vec<Module>)]) -> Vec<Kind<'_>> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for (minion, modules) in minions {
        for module in modules {
            match kinds.iter_mut().find(|kind| kind.has(module)) {
                Some(kind) => kind.minions.push(minion),
                None => kinds.push(Kind { module, minions: vec![minion] }),
            }
        }
    }
    kinds.sort_by(|a, b| (&a.module.name, &a.module.version).cmp(&(&b.module.name, &b.module.version)));
    kinds
}

impl Kind<'_> {
    /// Whether this is that module: what minions know of other versions, and since when, makes no difference.
    fn has(&self, module: &Module) -> bool {
        let what = |module: &Module| (module.name.clone(), module.version.clone(), module.digest);
        what(self.module) == what(module) && self.module.state == module.state
    }

    /// The minions that have it, as far as they fit.
    pub(in crate::cli) fn who(&self) -> String {
        who(&self.minions)
    }
}

/// Names of minions, as far as they fit.
pub(in crate::cli) fn who(minions: &[&MinionName]) -> String {
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
        let who: Vec<String> = kinds(&minions).iter().map(Kind::who).collect();
        assert_eq!(who, ["a, b", "c"]);
    }
}
