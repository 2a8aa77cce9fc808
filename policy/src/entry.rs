//! One table of a policy: what it says, and what a module may do by all tables that concern it.

use serde::Deserialize;

use crate::files::FileGrant;
use crate::http::HttpGrant;
use crate::limits::{LimitChanges, Limits};
use crate::probe::ProbeGrant;
use crate::process::ProcessGrant;
use crate::rollback::RollbackRule;
use crate::size::ByteSize;

/// What one module may do, how much of it, and what else its tables say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModulePolicy {
    /// How much each job of the module may use.
    pub limits: Limits,
    /// What of the host the module may use.
    pub grants: Grants,
    /// What the host's operator set for the module, by key.
    pub settings: toml::Table,
    /// When the minion goes back to the version before without being asked. Default: never.
    pub rollback: Option<RollbackRule>,
}

/// The capabilities that a module has, with their scopes. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    /// The programs that it may run.
    pub process: Vec<ProcessGrant>,
    /// The folders that it may see.
    pub files: Vec<FileGrant>,
    /// The addresses that it may send requests to.
    pub http: Vec<HttpGrant>,
    /// The ports that it may try.
    pub probe: Vec<ProbeGrant>,
    /// The minion's environment variables that it may read, by name.
    pub env: Vec<String>,
    /// The facts that it may read, as globs of their paths.
    pub facts: Vec<String>,
    /// How many bytes of keys and values it may keep; `None` where it may keep none.
    pub kv: Option<ByteSize>,
}

/// One table of a policy as it stands in a file. Unknown keys are an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Entry {
    process: Vec<ProcessGrant>,
    files: Vec<FileGrant>,
    http: Vec<HttpGrant>,
    probe: Vec<ProbeGrant>,
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

impl ModulePolicy {
    /// Whether a module that was loaded under `other` need not be loaded again under this policy.
    pub fn loads_like(&self, other: &Self) -> bool {
        let Self { limits, grants, settings, rollback: _ } = self;
        // A setting that is not a number is not even equal to itself, so the texts are compared as well.
        let set_alike = *settings == other.settings || settings.to_string() == other.settings.to_string();
        (limits, grants) == (&other.limits, &other.grants) && set_alike
    }
}

impl Grants {
    /// How much the grants give away, to compare them. What is left to the module's own choice counts before how
    /// many grants there are, since no number of other grants gives as much.
    pub(crate) fn weight(&self) -> (usize, usize) {
        (self.process.iter().map(|grant| grant.any.len()).sum(), self.count())
    }

    /// How many grants there are.
    fn count(&self) -> usize {
        let Self { process, files, http, probe, env, facts, kv } = self;
        let lists = [process.len(), files.len(), http.len(), probe.len(), env.len(), facts.len()];
        lists.iter().sum::<usize>() + usize::from(kv.is_some())
    }
}

impl Entry {
    /// Puts what this entry says over what less exact entries said: grants are added, limits and settings
    /// replaced.
    pub fn add_to(&self, policy: &mut ModulePolicy) {
        let grants = &mut policy.grants;
        grants.process.extend_from_slice(&self.process);
        grants.files.extend_from_slice(&self.files);
        grants.http.extend_from_slice(&self.http);
        grants.probe.extend_from_slice(&self.probe);
        grants.env.extend_from_slice(&self.env);
        grants.facts.extend_from_slice(&self.facts);
        if let Some(kv) = &self.kv {
            grants.kv = Some(kv.quota);
        }
        self.limits.apply(&mut policy.limits);
        policy.settings.extend(self.settings.clone());
        policy.rollback = self.rollback.or(policy.rollback);
    }

    /// Whether the policy already says everything that the entry says.
    pub fn is_within(&self, policy: &ModulePolicy) -> bool {
        fn all<T: PartialEq>(wanted: &[T], there: &[T]) -> bool {
            wanted.iter().all(|grant| there.contains(grant))
        }
        let mut with = policy.clone();
        self.add_to(&mut with);
        let grants = &policy.grants;
        all(&self.process, &grants.process)
            && all(&self.files, &grants.files)
            && all(&self.http, &grants.http)
            && all(&self.probe, &grants.probe)
            && all(&self.env, &grants.env)
            && all(&self.facts, &grants.facts)
            && (with.grants.kv, &with.limits, with.rollback) == (grants.kv, &policy.limits, policy.rollback)
            && with.settings.to_string() == policy.settings.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> ModulePolicy {
        let mut policy = ModulePolicy::default();
        entry(text).add_to(&mut policy);
        policy
    }

    fn entry(text: &str) -> Entry {
        toml::from_str(text).expect(text)
    }

    /// One line for each key of a table, and the same with another value.
    const KEYS: [(&str, &str); 10] = [
        ("process = [{ command = 'ps' }]", "process = [{ command = 'ps', args = ['*'] }]"),
        ("files = [{ host = '/srv' }]", "files = [{ host = '/srv', mode = 'rw' }]"),
        ("http = ['https://a.example']", "http = [{ url = 'https://a.example', private = true }]"),
        ("probe = ['a.example:80']", "probe = ['a.example:81']"),
        ("env = ['LANG']", "env = ['PATH']"),
        ("facts = ['os.*']", "facts = ['*']"),
        ("kv = { quota = '1MiB' }", "kv = { quota = '2MiB' }"),
        ("limits = { cpu = '20s' }", "limits = { cpu = '30s' }"),
        ("settings = { port = 80 }", "settings = { port = 81 }"),
        ("rollback = { traps = 1, within = '1m' }", "rollback = { traps = 2, within = '1m' }"),
    ];

    #[test]
    fn an_entry_is_within_a_policy_that_says_all_of_it_and_no_other() {
        let whole = KEYS.map(|(line, _)| line).join("\n");
        for (line, other) in KEYS {
            assert!(entry(line).is_within(&policy(&whole)), "{line}");
            assert!(!entry(line).is_within(&ModulePolicy::default()), "{line}");
            assert!(!entry(line).is_within(&policy(&whole.replace(line, other))), "{line}");
            assert!(!entry(&whole).is_within(&policy(&whole.replace(line, ""))), "{line}");
        }
    }

    #[test]
    fn a_module_is_loaded_again_where_anything_that_it_sees_is_another() {
        let whole = KEYS.map(|(line, _)| line).join("\n");
        assert!(policy(&whole).loads_like(&policy(&whole)));
        for (line, other) in KEYS {
            let changed = policy(&whole.replace(line, other));
            assert_eq!(changed.loads_like(&policy(&whole)), line.starts_with("rollback"), "{line}");
        }
        let no_number = policy("settings = { factor = nan }");
        assert!(no_number.loads_like(&no_number), "what is no number is not loaded again and again");
    }

    #[test]
    fn grants_of_several_entries_add_up_and_the_rest_is_replaced() {
        let mut both = policy("facts = ['os.*']\nkv = { quota = 1 }\nsettings = { a = 1, b = 1 }");
        entry("facts = ['net.*']\nkv = { quota = 2 }\nsettings = { b = 2 }").add_to(&mut both);
        assert_eq!(
            (both.grants.facts, both.grants.kv),
            (vec!["os.*".into(), "net.*".into()], Some(ByteSize(2)))
        );
        assert_eq!(both.settings.to_string(), "a = 1\nb = 2\n");
        let rule = "rollback = { traps = 3, within = '10m' }";
        let mut kept = policy(rule);
        entry("env = ['LANG']").add_to(&mut kept);
        assert_eq!(kept.rollback.map(|rule| rule.to_string()).as_deref(), Some("3 traps within 10m"));
    }
}
