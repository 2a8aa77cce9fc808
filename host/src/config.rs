//! The minion's configuration: `minion.toml` in its folder.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use machine::configuration;
use policy::given::{self, at_least_one};
use serde::Deserialize;

use crate::access::Access;
use crate::policy::{ByteSize, Policy, SignaturePolicy};

pub use machine::configuration::ConfigError;

/// How a minion runs. Every key may be left out; unknown keys are an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The `host:port` of the overlord. Default: the one that `minion join` was told.
    pub overlord: Option<String>,
    /// The folder that modules are loaded from. Default: `modules` in the minion's folder.
    pub modules_dir: Option<PathBuf>,
    /// How many versions of each module are kept to go back to, the one in service among them. Default: 3.
    pub keep_versions: NonZeroUsize,
    /// How much the minion takes on.
    pub limits: HostLimits,
    /// Whether programs of modules get control groups of their own, where the host lets the minion make some.
    /// Default: yes.
    pub control_groups: bool,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// How much of the audit log is kept. Read when the minion starts.
    pub audit: audit_log::Settings,
    /// What the owner of this host says about it, by name. Default: nothing.
    pub labels: BTreeMap<String, String>,
    /// Who may call what. Default: everyone everything.
    pub access: Access,
    /// Whose modules are loaded. Default: everyone's.
    pub signatures: SignaturePolicy,
    /// What each module may do, by a glob on its name. Default: nothing beyond `log` and `job`.
    pub modules: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            overlord: None,
            modules_dir: None,
            keep_versions: KEEP_VERSIONS,
            limits: HostLimits::default(),
            control_groups: true,
            retention: Retention::default(),
            audit: audit_log::Settings::default(),
            labels: BTreeMap::new(),
            access: Access::default(),
            signatures: SignaturePolicy::default(),
            modules: Policy::default(),
        }
    }
}

/// How much a minion takes on, all modules together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostLimits {
    /// How many jobs run at once, all modules together. Default: 64. Fewer where the address space has no room for
    /// them. At least one.
    #[serde(deserialize_with = "at_least_one")]
    pub jobs: usize,
    /// How many more jobs wait for their turn; the next one is rejected as `busy`, or sent again where its call is kept.
    /// Default: 1000.
    pub queue: usize,
    /// How many bytes the minion holds for all jobs together besides their own memory. Default: 256 MiB.
    pub held: ByteSize,
    /// How many processes there may be for all jobs together: programs with everything that they start.
    /// Default: 512.
    pub processes: u64,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self { jobs: 64, queue: 1000, held: ByteSize(256 << 20), processes: 512 }
    }
}

/// How long a finished job is kept, once the overlord has its outcome. Default: 7 days, and 256 MiB for all.
pub type Retention = given::Retention<7, 256>;

impl Config {
    /// Reads a file. Where there is none, every key has its default.
    ///
    /// # Errors
    /// [`ConfigError::Read`] where the file cannot be read, and [`ConfigError::Parse`] where it has unknown keys
    /// or values that do not fit.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        configuration::load(path, &[])
    }
}

/// How many versions of a module are kept where the configuration does not say.
const KEEP_VERSIONS: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Requirement;

    const EXAMPLE: &str = include_str!("../minion.example.toml");

    /// The example without the marks that make its keys comments.
    fn uncommented() -> String {
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("#") {
            Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn load(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("minion.toml");
        std::fs::write(&path, text).expect("written");
        Config::load(&path)
    }

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        let config = load(&uncommented()).expect("parses");
        assert_eq!(config.limits, HostLimits::default());
        assert_eq!(config.retention, Retention::default());
        assert_eq!(config.audit, audit_log::Settings::default());
        assert_eq!(config.keep_versions, KEEP_VERSIONS);
        assert!(config.control_groups);
        assert_eq!(config.overlord.as_deref(), Some("overlord.example.org:51234"));
        assert!(config.modules_dir.is_some() && !config.labels.is_empty());
        assert_ne!(config.access, Access::default());
        let SignaturePolicy { policy, trusted, downgrade, rollback } = config.signatures;
        assert_eq!((policy, trusted.len(), downgrade, rollback), (Requirement::Off, 1, false, true));
        let service = config.modules.of(&"service".parse().expect("a name"));
        assert!(!service.grants.process.is_empty() && service.rollback.is_some());
    }

    #[test]
    fn the_example_as_it_stands_changes_nothing() {
        let config = load(EXAMPLE).expect("parses");
        assert!(config.overlord.is_none() && config.modules_dir.is_none() && config.labels.is_empty());
        assert_eq!(config.signatures, SignaturePolicy::default());
        let service = config.modules.of(&"service".parse().expect("a name"));
        assert_eq!(service, crate::policy::ModulePolicy::default());
    }

    #[test]
    fn an_error_names_the_file_the_line_and_what_does_not_fit() {
        for (text, line, named) in [
            ("overlrd = \"a:1\"", 1, "overlrd"),
            ("[limits]\njobs = 3\nquue = 5", 3, "quue"),
            ("[limits]\njobs = 0", 2, "no job would ever run"),
            ("[modules.service]\nlimits = { jobs = 0 }", 2, "no job would ever run"),
            ("[modules.service]\nrollback = { traps = 3, within = \"0s\" }", 2, "does nothing"),
            ("[retention]\nage = \"soon\"", 2, "soon"),
            ("[modules.service]\nproces = []", 2, "proces"),
            ("[signatures]\npolicy = \"always\"", 2, "always"),
            ("[access]\ndeny = [{ user = \"ann\" }]", 2, "user"),
            (
                "[[access.allow]]\n[[access.allow]]\nname = \"a\"\n[access.allow.arguments]\na.glob = []",
                5,
                "glob",
            ),
            ("[[access.deny]]\narguments.a.range = { min = 2, max = 1 }", 2, "from 2 to 1"),
            ("[[access.deny]]\narguments.a.range = { least = 1 }", 2, "least"),
            ("[[access.deny]]\narguments.a.globs = [\"a[\"]", 2, "a["),
            ("[[access.deny]]\narguments.a.absent = false", 2, "names no argument"),
            ("[[access.deny]]\n\n[access.deny.arguments]\n\"a.\" = { absent = true }", 4, "a."),
            ("[[access.deny]]\nargument = {}", 2, "argument"),
        ] {
            let error = load(text).expect_err(text).to_string();
            assert!(error.contains(named) && error.contains("minion.toml"), "{error}");
            assert!(!error.contains('\n'), "{error}");
            // A table that is read through another type has no line of its own to name.
            assert!(error.contains(&format!("line {line}")) || text.contains("modules"), "{error}");
        }
    }
}
