//! What each module may do on this host: the `[modules.GLOB]` tables of `minion.toml`.
//!
//! Everything is denied that is not granted here. An entry holds for every module whose name its glob
//! matches; where several match, their grants add up, and of a limit or a setting the entry with the most
//! exact glob has the last word.

pub mod caution;
pub mod signatures;

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use wire::name::ModuleName;

pub use ::policy::size::{BadSize, ByteSize};
pub use ::policy::suggestion;
pub(crate) use ::policy::wildcard;
pub use ::policy::{
    Ambiguous, BadFolder, BadUrl, Entry, FileGrant, FileMode, Free, Grants, HttpGrant, HttpTarget, Level,
    LevelName, Limits, ModulePolicy, ProbeGrant, ProbeTarget, ProcessGrant, Reach, Realm, RollbackRule,
    Shown, Suggestion, Symlinks, WorkingFolder, realm,
};
pub use signatures::{Requirement, SignaturePolicy};

/// The policy of a minion for all modules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Entry>")]
pub struct Policy {
    /// From the least to the most exact glob.
    entries: Vec<(GlobMatcher, Entry)>,
}

/// A text in the configuration that was to be a glob, and cannot be read as one.
#[derive(Debug, thiserror::Error)]
#[error("\"{glob}\" in [{table}] is not a glob: {reason}")]
pub struct BadGlob {
    glob: String,
    /// Where it stands in the file: what reads it may know no line.
    table: &'static str,
    reason: String,
}

impl Policy {
    /// What the policy says of one module.
    pub fn of(&self, module: &ModuleName) -> ModulePolicy {
        let mut policy = ModulePolicy::default();
        for (glob, entry) in &self.entries {
            if glob.is_match(module.as_str()) {
                entry.add_to(&mut policy);
            }
        }
        policy
    }
}

impl TryFrom<BTreeMap<String, Entry>> for Policy {
    type Error = BadGlob;

    fn try_from(given: BTreeMap<String, Entry>) -> Result<Self, BadGlob> {
        let mut entries: Vec<(String, Entry)> = given.into_iter().collect();
        entries.sort_by_key(|(glob, _)| exactness(glob));
        let compiled = entries.into_iter().map(|(glob, entry)| Ok((compile_glob(&glob, "modules")?, entry)));
        Ok(Self { entries: compiled.collect::<Result<_, _>>()? })
    }
}

/// Sorts a glob after all that are less exact: names beat globs, and then the longer text beats the shorter.
fn exactness(glob: &str) -> (bool, usize) {
    let wild = |c: &char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}');
    (!glob.chars().any(|c| wild(&c)), glob.chars().filter(|c| !wild(c)).count())
}

/// Compiles a glob that stands in this table: on the names of modules, operators or methods. The language is that of `globset`, in
/// which `*` stands for `/` as well, so that `service.*` means every method of a module, whichever way it is written.
///
/// There are two smaller languages, each where this one does not fit: [`wildcard`] for what grants hold, and the names of minions
/// in the targets of an overlord.
pub(crate) fn compile_glob(glob: &str, table: &'static str) -> Result<GlobMatcher, BadGlob> {
    match Glob::new(glob) {
        Ok(compiled) => Ok(compiled.compile_matcher()),
        Err(error) => Err(BadGlob { glob: glob.to_owned(), table, reason: error.kind().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const EXAMPLE: &str = r#"
        [service]
        process = [{ command = "systemctl", args = ["restart", "*"] }]
        files   = [{ host = "/etc/nginx", guest = "/etc/nginx", mode = "rw" }]
        http    = ["https://status.example.org/*"]
        env     = ["LANG"]
        facts   = ["os.*"]
        kv      = { quota = "1MiB" }
        limits  = { memory = "32MiB", cpu = "5s", jobs = 4 }
        settings = { color = "red" }
        rollback = { traps = 5, within = "10m" }

        ["*"]
        limits  = { memory = "128MiB", wall = "2m" }
        facts   = ["kernel"]
        settings = { color = "blue", size = 3 }
    "#;

    fn of(text: &str, module: &str) -> ModulePolicy {
        toml::from_str::<Policy>(text).expect("a policy").of(&module.parse().expect("a name"))
    }

    #[test]
    fn grants_add_up_and_the_most_exact_limit_and_setting_count() {
        let policy = of(EXAMPLE, "service");
        assert_eq!(policy.limits.memory, 32 << 20);
        assert_eq!(policy.limits.wall, Duration::from_secs(120));
        assert_eq!(policy.limits.output, Limits::default().output);
        assert_eq!(policy.grants.facts, ["kernel", "os.*"]);
        assert_eq!(policy.settings["color"].as_str(), Some("red"));
        assert_eq!(policy.settings["size"].as_integer(), Some(3));
        assert_eq!(policy.grants.kv, Some(ByteSize(1 << 20)));
        let rule = policy.rollback.expect("a rule");
        assert_eq!((rule.traps.get(), rule.within), (5, Duration::from_secs(600)));
    }

    #[test]
    fn a_name_is_more_exact_than_any_glob_and_a_glob_the_more_it_spells_out() {
        let globs = ["service", "{service,services}", "?ervice", "s?rvi*", "se*", "*"];
        for (place, most) in globs.iter().enumerate() {
            let entries =
                globs[place..].iter().map(|glob| format!("[\"{glob}\"]\nsettings = {{ by = '{glob}' }}\n"));
            let policy = of(&entries.collect::<String>(), "service");
            assert_eq!(policy.settings["by"].as_str(), Some(*most));
        }
    }

    #[test]
    fn a_module_without_an_entry_of_its_own_has_nothing_but_the_general_one() {
        let policy = of(EXAMPLE, "other");
        assert!(policy.grants.process.is_empty() && policy.grants.kv.is_none());
        assert_eq!(policy.limits.memory, 128 << 20);
        assert_eq!(of("", "other"), ModulePolicy::default());
    }

    #[test]
    fn what_the_policy_does_not_know_is_an_error_that_names_it() {
        for (text, named) in [
            ("[a]\nproces = []", "proces"),
            ("[a]\nlimits = { memory = \"1MB\" }", "1MB"),
            ("[a]\nlimits = { fuel = 3 }", "fuel"),
            ("[a]\nlimits = { cpu = \"fast\" }", "fast"),
            ("[a]\nfiles = [{ host = \"etc\" }]", "etc"),
            ("[a]\nrollback = { traps = 0, within = \"1m\" }", "zero"),
            ("[a]\nrollback = { traps = 3, within = \"soon\" }", "soon"),
            ("[a]\nfiles = [{ host = \"/etc\", mode = \"x\" }]", "mode"),
            ("[a]\nhttp = [\"example.org\"]", "example.org"),
            ("[\"a[\"]\nenv = []", "a["),
        ] {
            let error = toml::from_str::<Policy>(text).expect_err(text).to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
