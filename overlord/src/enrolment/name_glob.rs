//! Globs on the names that hosts may have.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use wire::name::MinionName;

use wire::targets::Glob;

/// A glob on names of minions, or one name: `web*`, `db[0-9]`, `web1`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NameGlob {
    text: String,
    glob: Glob,
}

/// The error for a text that is no glob on names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" matches no name of a minion: use letters, digits, \"-\" and \".\", with \"*\", \"?\" and \"[…]\" for what may be different"
)]
pub struct BadNameGlob(String);

impl NameGlob {
    /// The glob as text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches this name.
    pub fn matches(&self, name: &MinionName) -> bool {
        self.glob.matches(name.as_str())
    }
}

impl FromStr for NameGlob {
    type Err = BadNameGlob;

    fn from_str(given: &str) -> Result<Self, BadNameGlob> {
        let text = given.to_ascii_lowercase();
        let bad = || BadNameGlob(given.chars().filter(|c| !c.is_control()).take(SHOWN).collect());
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.*?[]!^".contains(c);
        if text.is_empty() || text.len() > MAX_GLOB || !text.chars().all(fits) {
            return Err(bad());
        }
        let glob = Glob::new(&text).ok_or_else(bad)?;
        if !is_glob(&text) && text.parse::<MinionName>().is_err() {
            return Err(bad());
        }
        Ok(Self { text, glob })
    }
}

impl TryFrom<String> for NameGlob {
    type Error = BadNameGlob;

    fn try_from(text: String) -> Result<Self, BadNameGlob> {
        text.parse()
    }
}

impl fmt::Display for NameGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Whether a text matches more than itself.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The longest glob: as long as a name can be.
const MAX_GLOB: usize = 253;
/// How much of a bad one is repeated.
const SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_names_whatever_their_case() {
        let glob: NameGlob = "Web[0-9]*".parse().expect("a glob");
        let matches = |name: &str| glob.matches(&name.parse().expect("a name"));
        assert!(matches("web1") && matches("WEB12.example"));
        assert!(!matches("web") && !matches("db1") && !matches("aweb1"));
        let one: NameGlob = "web1".parse().expect("a name");
        assert!(
            one.matches(&"web1".parse().expect("a name")) && !one.matches(&"web11".parse().expect("a name"))
        );
    }

    #[test]
    fn what_matches_no_name_is_refused() {
        for bad in ["", "web 1", "web[", "web[9-0]", "@web", "-web", "web_*", "wéb*"] {
            let error = bad.parse::<NameGlob>().expect_err(bad);
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
