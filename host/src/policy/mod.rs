//! What each module may do on this host: the `[modules.GLOB]` tables of `minion.toml`.
//!
//! Everything is denied that is not granted here. An entry holds for every module whose name its glob
//! matches; where several match, their grants add up, and of a limit or a setting the entry with the most
//! exact glob has the last word.

mod address;
mod argument;
pub mod caution;
mod files;
mod http;
mod limits;
mod process;
mod rollback;
pub mod signatures;
mod url_path;
mod variable;
mod working_folder;

use std::collections::BTreeMap;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use wire::name::ModuleName;

pub use address::{Realm, realm};
pub use files::{FileGrant, FileMode, Symlinks};
pub use http::{BadUrl, HttpGrant, HttpTarget, Reach};
use limits::LimitChanges;
pub use limits::Limits;
pub use process::ProcessGrant;
pub use rollback::RollbackRule;
pub use signatures::{Requirement, SignaturePolicy};
pub use url_path::Ambiguous;
pub use wire::size::{BadSize, ByteSize};
pub use working_folder::{BadFolder, WorkingFolder};

/// The policy of a minion for all modules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, Entry>")]
pub struct Policy {
    /// From the least to the most exact glob.
    entries: Vec<(GlobMatcher, Entry)>,
}

/// What one module may do, and how much of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModulePolicy {
    /// How much each of its jobs may use.
    pub limits: Limits,
    /// What of the host it may use.
    pub grants: Grants,
    /// What its operator set for it, by key.
    pub settings: toml::Table,
    /// When the minion goes back to the version before by itself. Default: never.
    pub rollback: Option<RollbackRule>,
}

/// The capabilities that a module has, with their scopes. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// Programs it may run.
    pub process: Vec<ProcessGrant>,
    /// Folders it may see.
    pub files: Vec<FileGrant>,
    /// Addresses it may send requests to.
    pub http: Vec<HttpGrant>,
    /// Environment variables of the minion that it may read.
    pub env: Vec<String>,
    /// Globs of the facts that it may read.
    pub facts: Vec<String>,
    /// How many bytes it may keep, where it may keep any.
    pub kv: Option<ByteSize>,
}

/// A glob that is none.
#[derive(Debug, thiserror::Error)]
#[error("\"{glob}\" in [modules] is not a glob on module names: {reason}")]
pub struct BadGlob {
    glob: String,
    reason: String,
}

/// One table as it stands in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Entry {
    process: Vec<ProcessGrant>,
    files: Vec<FileGrant>,
    http: Vec<HttpGrant>,
    env: Vec<String>,
    facts: Vec<String>,
    kv: Option<Quota>,
    limits: LimitChanges,
    settings: toml::Table,
    rollback: Option<RollbackRule>,
}

/// The `kv` of an entry: a table, so that it can come to say more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quota {
    quota: ByteSize,
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

impl ModulePolicy {
    /// Whether a module that was loaded under `other` is as one that is loaded under this.
    pub fn loads_like(&self, other: &Self) -> bool {
        let Self { limits, grants, settings, rollback: _ } = self;
        // A number that is none is not even equal to itself.
        let set_alike = *settings == other.settings || settings.to_string() == other.settings.to_string();
        (limits, grants) == (&other.limits, &other.grants) && set_alike
    }
}

impl TryFrom<BTreeMap<String, Entry>> for Policy {
    type Error = BadGlob;

    fn try_from(given: BTreeMap<String, Entry>) -> Result<Self, BadGlob> {
        let mut entries: Vec<(String, Entry)> = given.into_iter().collect();
        entries.sort_by_key(|(glob, _)| exactness(glob));
        let compiled = entries.into_iter().map(|(glob, entry)| match Glob::new(&glob) {
            Ok(compiled) => Ok((compiled.compile_matcher(), entry)),
            Err(error) => Err(BadGlob { glob, reason: error.kind().to_string() }),
        });
        Ok(Self { entries: compiled.collect::<Result<_, _>>()? })
    }
}

impl Entry {
    /// Puts what this entry says over what less exact entries said.
    fn add_to(&self, policy: &mut ModulePolicy) {
        let grants = &mut policy.grants;
        grants.process.extend_from_slice(&self.process);
        grants.files.extend_from_slice(&self.files);
        grants.http.extend_from_slice(&self.http);
        grants.env.extend_from_slice(&self.env);
        grants.facts.extend_from_slice(&self.facts);
        if let Some(kv) = &self.kv {
            grants.kv = Some(kv.quota);
        }
        self.limits.apply(&mut policy.limits);
        policy.settings.extend(self.settings.clone());
        policy.rollback = self.rollback.or(policy.rollback);
    }
}

/// Sorts a glob after all that are less exact: names beat globs, and then the longer text beats the shorter.
fn exactness(glob: &str) -> (bool, usize) {
    let wild = |c: &char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}');
    (!glob.chars().any(|c| wild(&c)), glob.chars().filter(|c| !wild(c)).count())
}

/// Whether `text` has the form of `pattern`, in which each `*` stands for any text.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The earliest place is always good enough, since a star follows it.
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
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

    #[test]
    fn stars_within_a_pattern_match_any_text_there() {
        assert!(wildcard("--unit=*", "--unit=ssh"));
        assert!(wildcard("a*b*c", "a-b-b-c"));
        assert!(!wildcard("a*b*c", "a-c"));
        assert!(!wildcard("ab*ba", "aba"));
    }
}
