//! The overlord's configuration: `overlord.toml` in its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use wire::size::ByteSize;
use wire::transport::endpoint::DEFAULT_PORT;

use crate::dial_address::DialAddress;
use crate::folder::InitOptions;

/// How an overlord runs. Every key may be left out; unknown keys are an error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The UDP address to listen on. Default: port 51234 of all addresses.
    pub listen: SocketAddr,
    /// The `host:port` that invitations tell minions to dial. Default: the address that is listened on.
    pub advertise: Option<DialAddress>,
    /// A call on more minions than this must be confirmed. Default: 100.
    pub confirm_above: usize,
    /// How long a finished job is kept, counted from its end. Default: 30 days.
    #[serde(deserialize_with = "duration")]
    pub retention: Duration,
    /// How much room finished jobs may take; those that ended first go first. Default: 1 GiB.
    pub retention_size: ByteSize,
    /// How long a call that was on its way to a connected minion may still be delivered after the
    /// connection broke, and how long a push waits for a minion that it lost. Default: 1 minute.
    #[serde(deserialize_with = "duration")]
    pub delivery: Duration,
    /// How long a minion may take in all to make a version of a module ready, and to put it into service, besides the
    /// time that its bytes may take; and an operator to bring a file. Default: 15 minutes.
    #[serde(deserialize_with = "duration")]
    pub staging: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0u16; 8], DEFAULT_PORT)),
            advertise: None,
            confirm_above: 100,
            retention: Duration::from_secs(30 * 24 * 3600),
            retention_size: ByteSize(1 << 30),
            delivery: Duration::from_secs(60),
            staging: Duration::from_secs(15 * 60),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read \"{path}\": {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file does not say what it may say.
    #[error("\"{path}\" is not a configuration: {}", one_line(.source))]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads a file; the defaults where there is none.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        toml::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// The text of a first configuration file: the example, with what was asked for filled in.
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

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        let text: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
            .filter(|line| line.contains(" = "))
            .collect();
        let mut config: Config = toml::from_str(&text).expect("parses");
        assert_eq!(config.advertise.take(), "overlord.example.org:51234".parse().ok());
        assert_eq!(config, Config::default());
        for key in
            ["listen", "advertise", "confirm_above", "retention", "retention_size", "delivery", "staging"]
        {
            assert!(EXAMPLE.contains(&format!("# {key} = ")), "{key} is not in the example");
        }
    }

    #[test]
    fn what_init_was_asked_for_is_in_its_file() {
        let options = InitOptions {
            listen: Some(([127, 0, 0, 1], 7000).into()),
            advertise: "o.example:7000".parse().ok(),
        };
        let config: Config = toml::from_str(&Config::initial(&options)).expect("parses");
        assert_eq!(config.listen, ([127, 0, 0, 1], 7000).into());
        assert_eq!(config.advertise, "o.example:7000".parse().ok());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it_and_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("overlord.toml");
        std::fs::write(&path, "lisen = \"[::]:1\"").expect("written");
        let error = Config::load(&path).expect_err("refused").to_string();
        assert!(error.contains("lisen") && error.contains("overlord.toml"), "{error}");
    }
}
