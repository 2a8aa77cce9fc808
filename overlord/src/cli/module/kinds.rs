//! The modules of many minions, each distinct version once.

use wire::module::{Module, ModuleState};
use wire::name::MinionName;

/// A module in one version and state, and who has it so.
pub(in crate::cli) struct Kind<'a> {
    pub(in crate::cli) module: &'a Module,
    pub(in crate::cli) minions: Vec<&'a MinionName>,
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

    /// A row of the list.
    pub(super) fn row(self) -> Vec<String> {
        let state = match &self.module.state {
            ModuleState::Failed(reason) => format!("failed: {reason}"),
            state => state.as_str().to_owned(),
        };
        vec![
            self.module.name.to_string(),
            self.module.version.clone().unwrap_or_else(|| "-".to_owned()),
            self.module.digest.short(),
            state,
            self.module.methods.len().to_string(),
            self.who(),
        ]
    }

    /// The minions that have it, as far as they fit.
    pub(in crate::cli) fn who(&self) -> String {
        let shown: Vec<&str> = self.minions.iter().take(SHOWN).map(|name| name.as_str()).collect();
        match self.minions.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// How many minions are named in a row.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;

    fn module(name: &str, code: &str) -> Module {
        Module {
            name: name.parse().expect("a name"),
            version: None,
            digest: Digest::of(code.as_bytes()),
            description: None,
            state: ModuleState::Active,
            methods: vec![],
            imports: vec![],
            versions: vec![],
        }
    }

    #[test]
    fn minions_with_the_same_version_share_a_row() {
        let minions: Vec<(MinionName, Vec<Module>)> = [("a", "1"), ("b", "1"), ("c", "2")]
            .into_iter()
            .map(|(name, code)| (name.parse().expect("a name"), vec![module("test", code)]))
            .collect();
        let who: Vec<String> = kinds(&minions).iter().map(Kind::who).collect();
        assert_eq!(who, ["a, b", "c"]);
    }
}
