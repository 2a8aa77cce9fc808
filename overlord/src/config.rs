//! The overlord's configuration: `overlord.toml` in its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use machine::configuration::{self, Renamed};
use policy::given::{self, duration};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use wire::identity::Lifetimes;
use wire::transport::endpoint::DEFAULT_PORT;

use crate::dial_address::DialAddress;
use crate::enrolment::EnrolmentConfig;
use crate::roles::Rules;

pub use machine::configuration::ConfigError;

/// What `overlord init` is told.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// The address to listen on; port 51234 of all addresses where nothing is said.
    pub listen: Option<SocketAddr>,
    /// The `host:port` that minions are told to dial; the listening address where nothing is said.
    pub advertise: Option<DialAddress>,
    /// The authority, where it was made elsewhere; otherwise one is made.
    pub authority: Option<Elsewhere>,
}

/// The files of an authority that was made elsewhere.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Its certificate, all up to the root, and the root's own, in PEM.
    pub chain: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// How an overlord runs. Every key may be left out; unknown keys are an error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The UDP address to listen on. Default: port 51234 of all addresses.
    pub listen: SocketAddr,
    /// The `host:port` that invitations tell minions to dial. Default: the address that is listened on.
    pub advertise: Option<DialAddress>,
    /// The number of minions above which an operator must confirm a call. Default: 100.
    pub confirm_above: usize,
    /// How long finished jobs are kept.
    pub retention: Retention,
    /// How long a call that was on its way to a connected minion may still be delivered after the connection
    /// broke, and how long a push waits for a minion that it lost. Default: 1 minute.
    #[serde(deserialize_with = "duration")]
    pub delivery: Duration,
    /// How long a minion may take in all to make a version of a module ready, and to put it into service, besides the
    /// time that its bytes may take; and an operator to bring a file. Default: 15 minutes.
    #[serde(deserialize_with = "duration")]
    pub staging: Duration,
    /// How much of the audit log is kept, and where else its entries go. Read when the overlord starts.
    pub audit: audit_log::Settings,
    /// What operators may do, by the names of their roles. Default: nobody but administrators may do anything.
    pub(crate) roles: Rules,
    /// For how long certificates are good.
    pub certificates: Certificates,
    /// How the authority's key is kept. Read when the overlord starts.
    pub authority: AuthorityConfig,
    /// Which hosts are let in without a token and without an operator. Default: none.
    pub enrolment: EnrolmentConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0u16; 8], DEFAULT_PORT)),
            advertise: None,
            confirm_above: 100,
            retention: Retention::default(),
            delivery: Duration::from_secs(60),
            staging: Duration::from_secs(15 * 60),
            audit: audit_log::Settings::default(),
            roles: Rules::new(),
            certificates: Certificates::default(),
            authority: AuthorityConfig::default(),
            enrolment: EnrolmentConfig::default(),
        }
    }
}

/// How long a finished job is kept. Default: 30 days, and 1 GiB for all.
pub type Retention = given::Retention<30, 1024>;

/// For how long the certificates are good that the overlord makes. Each is renewed by its owner at two thirds of that.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Certificates {
    /// Those of minions. At least 30 seconds. Default: 30 days.
    #[serde(deserialize_with = "lifetime")]
    pub lifetime: Duration,
    /// Those of operators. At least 30 seconds. Default: 365 days.
    #[serde(deserialize_with = "lifetime")]
    pub operator_lifetime: Duration,
}

/// How the authority's key is kept.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuthorityConfig {
    /// The file with the passphrase with which the key is encrypted. Default: the credential `authority-passphrase` of systemd,
    /// where there is one.
    pub passphrase_file: Option<PathBuf>,
}

impl Default for Certificates {
    fn default() -> Self {
        let Lifetimes { minion, operator } = Lifetimes::default();
        Self { lifetime: minion, operator_lifetime: operator }
    }
}

impl Certificates {
    /// The same, as an authority takes it.
    pub fn lifetimes(&self) -> Lifetimes {
        Lifetimes { minion: self.lifetime, operator: self.operator_lifetime }
    }
}

/// Reads for how long a certificate is good.
fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let lifetime = duration(deserializer)?;
    if (SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&lifetime) {
        return Ok(lifetime);
    }
    let bounds = [SHORTEST_LIFETIME, LONGEST_LIFETIME].map(humantime::format_duration);
    Err(D::Error::custom(format!(
        "a certificate is good for {} at least and {} at most",
        bounds[0], bounds[1]
    )))
}

/// Below this, a certificate would end while its successor is on its way.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(30);
/// As long as an authority is good.
const LONGEST_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);

impl Config {
    /// Reads a file. Where there is none, every key has its default.
    ///
    /// # Errors
    /// [`ConfigError::Read`] where the file cannot be read, and [`ConfigError::Parse`] where it has unknown keys
    /// or values that do not fit.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        configuration::load(path, &RENAMED)
    }

    /// The text of a first configuration file: the example, with what the options say filled in.
    pub fn initial(options: &InitOptions) -> String {
        let mut text = EXAMPLE.to_owned();
        if let Some(listen) = options.listen {
            text = text.replace("# listen = \"[::]:51234\"", &format!("listen = \"{listen}\""));
        }
        if let Some(advertise) = &options.advertise {
            let line = format!("advertise = {}", toml::Value::String(advertise.to_string()));
            text = text.replace("# advertise = \"overlord.example.org:51234\"", &line);
        }
        text
    }
}

/// Every key with its default, as comments.
const EXAMPLE: &str = include_str!("../overlord.example.toml");

/// Keys of earlier versions.
const RENAMED: [Renamed; 3] = [
    Renamed { old: "confirm_above", new: (None, "confirm-above") },
    Renamed { old: "retention", new: (Some("retention"), "age") },
    Renamed { old: "retention_size", new: (Some("retention"), "size") },
];

#[cfg(test)]
mod tests {
    use wire::size::ByteSize;

    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("overlord.toml");
        std::fs::write(&path, text).expect("written");
        Config::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        let lines = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = ") || key.starts_with('[') => key,
            _ => line,
        });
        let mut config = load(&lines.collect::<Vec<_>>().join("\n")).expect("parses");
        assert_eq!(config.advertise.take(), "overlord.example.org:51234".parse().ok());
        assert_eq!(
            std::mem::take(&mut config.roles).len(),
            1,
            "the example shows a role, and there is none by default"
        );
        let EnrolmentConfig { autosign } = std::mem::take(&mut config.enrolment);
        assert_eq!(autosign.len(), 1, "the example shows one rule, and there is none by default");
        let passphrase = config.authority.passphrase_file.take();
        assert_eq!(passphrase, Some("/etc/overlord/passphrase".into()));
        assert_eq!(config, Config::default());
        for key in [
            "listen",
            "advertise",
            "confirm-above",
            "delivery",
            "staging",
            "age",
            "size",
            "operators",
            "methods",
            "targets",
            "modules",
            "jobs",
            "minions",
            "audit",
            "admin",
            "lifetime",
            "operator-lifetime",
            "passphrase-file",
            "names",
            "addresses",
        ] {
            assert!(EXAMPLE.contains(&format!("# {key} = ")), "{key} is not in the example");
        }
        assert_eq!(load(EXAMPLE), Ok(Config::default()));
    }

    #[test]
    fn the_keys_of_earlier_versions_mean_what_they_meant() {
        let retention = |age, size| Retention { age: Duration::from_secs(age), size: ByteSize(size) };
        let default = Retention::default();
        for (text, expected) in [
            ("confirm_above = 7", Config { confirm_above: 7, ..Config::default() }),
            (
                "retention = \"10min\"",
                Config { retention: retention(600, default.size.0), ..Config::default() },
            ),
            (
                "retention_size = \"1MiB\"",
                Config { retention: retention(default.age.as_secs(), 1 << 20), ..Config::default() },
            ),
            (
                "retention_size = \"1MiB\"\nretention = \"10min\"",
                Config { retention: retention(600, 1 << 20), ..Config::default() },
            ),
        ] {
            assert_eq!(load(text), Ok(expected), "{text}");
        }
        for (old, new) in [
            ("confirm_above = 7", "confirm-above = 7"),
            ("retention = \"10min\"", "[retention]\nage = \"10min\""),
            ("retention_size = \"1MiB\"", "[retention]\nsize = \"1MiB\""),
        ] {
            let error = load(&format!("{old}\n{new}")).expect_err("refused");
            assert!(error.contains("older name") && error.contains("overlord.toml"), "{error}");
        }
    }

    #[test]
    fn a_certificate_is_good_for_thirty_seconds_at_least() {
        let lifetime = |text: &str| load(&format!("[certificates]\nlifetime = \"{text}\""));
        assert_eq!(lifetime("30s").expect("parses").certificates.lifetime, Duration::from_secs(30));
        for wrong in ["29s", "0s", "1000000days"] {
            let error = lifetime(wrong).expect_err("refused");
            assert!(error.contains("30s at least") && error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn what_init_was_asked_for_is_in_its_file() {
        let options = InitOptions {
            listen: Some(([127, 0, 0, 1], 7000).into()),
            advertise: "o.example:7000".parse().ok(),
            authority: None,
        };
        let config: Config = toml::from_str(&Config::initial(&options)).expect("parses");
        assert_eq!(config.listen, ([127, 0, 0, 1], 7000).into());
        assert_eq!(config.advertise, "o.example:7000".parse().ok());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it_and_the_file() {
        let error = load("lisen = \"[::]:1\"").expect_err("refused");
        assert!(error.contains("lisen") && error.contains("overlord.toml\", line 1"), "{error}");
    }
}
