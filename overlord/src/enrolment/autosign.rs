//! Rules by which hosts are let in without a token and without an operator.

use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use wire::name::MinionName;

use super::{AddressRange, NameGlob};

/// How hosts are let in. Every key may be left out; unknown keys are an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnrolmentConfig {
    /// Which hosts that wait are let in at once. Default: none.
    pub autosign: Vec<Autosign>,
}

/// A rule that lets hosts in under names that nobody has. Both keys must be given: a rule that says nothing of one would
/// mean everybody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Autosign {
    /// The names that it is for: a name that one of these globs matches.
    pub names: Vec<NameGlob>,
    /// Where the host must come from: an address in one of these ranges.
    pub addresses: Vec<AddressRange>,
}

impl EnrolmentConfig {
    /// The first rule that lets a host in under this name from this address.
    pub(crate) fn rule(&self, name: &MinionName, from: IpAddr) -> Option<&Autosign> {
        self.autosign.iter().find(|rule| {
            rule.names.iter().any(|glob| glob.matches(name))
                && rule.addresses.iter().any(|range| range.contains(from))
        })
    }
}

impl fmt::Display for Autosign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        write!(f, "names {} from {}", names.join(", "), addresses.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<EnrolmentConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_rule_lets_in_who_has_such_a_name_and_comes_from_there() {
        let config = config(
            "[[autosign]]\nnames = [\"web*\", \"db1\"]\naddresses = [\"10.0.0.0/8\"]\n\
             [[autosign]]\nnames = [\"*\"]\naddresses = [\"192.0.2.1\"]\n",
        )
        .expect("parses");
        let rule = |name: &str, from: &str| {
            let found = config.rule(&name.parse().expect("a name"), from.parse().expect("an address"));
            found.map(|found| config.autosign.iter().position(|one| one == found).expect("one of them"))
        };
        assert_eq!(rule("web1", "10.1.2.3"), Some(0));
        assert_eq!(rule("db1", "10.1.2.3"), Some(0));
        assert_eq!(rule("db2", "10.1.2.3"), None);
        assert_eq!(rule("web1", "11.1.2.3"), None);
        assert_eq!(rule("web1", "192.0.2.1"), Some(1));
    }

    #[test]
    fn without_a_rule_nobody_is_let_in_and_a_rule_says_both_who_and_from_where() {
        let nobody = EnrolmentConfig::default();
        let (name, from) = ("web1".parse().expect("a name"), "127.0.0.1".parse().expect("an address"));
        assert_eq!(nobody.rule(&name, from), None);
        for half in ["[[autosign]]\nnames = [\"*\"]\n", "[[autosign]]\naddresses = [\"0.0.0.0/0\"]\n"] {
            assert!(config(half).is_err(), "{half}");
        }
    }
}
