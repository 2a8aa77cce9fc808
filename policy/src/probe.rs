//! Which ports a module may try.

use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::http::{Host, HostPattern, Reach};

/// A pattern of hosts and ports: `db.example.org:5432`, or the same in a table that says more of it.
///
/// The host is that of an [`HttpGrant`](crate::HttpGrant). The port is a number, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeGrant {
    host: HostPattern,
    /// The port; `None` for any.
    port: Option<u16>,
    /// Whether the names of its hosts may stand for private addresses, and for the host's own.
    private: bool,
}

/// A port of a host that a module wants to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    host: Host,
    port: u16,
}

/// A grant that is a table, because it says more than host and port.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    to: String,
    #[serde(default)]
    private: bool,
}

/// The error for a text that is not a pattern of hosts and ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a pattern of hosts and ports: write it like \"db.example.org:5432\" or \"*:*\"")]
pub struct BadProbe(String);

impl ProbeTarget {
    /// The port of a host, which is a name or an address, one of IPv6 with or without brackets; `None` where it is
    /// neither.
    pub fn of(host: &str, port: u16) -> Option<Self> {
        let v6 = host.parse().ok().map(|address| Host::Address(std::net::IpAddr::V6(address)));
        let host = v6.or_else(|| host.parse().ok())?;
        Some(Self { host, port })
    }
}

impl ProbeGrant {
    /// Whether the grant covers this port of this host.
    pub fn allows(&self, target: &ProbeTarget) -> bool {
        self.host.covers(&target.host) && self.port.is_none_or(|port| port == target.port)
    }

    /// Which addresses the hosts of the grant may turn out to have.
    pub fn reach(&self) -> Reach {
        self.host.reach(self.private)
    }

    /// The line of the policy that would grant the same, and private addresses with it.
    pub fn with_private(&self) -> String {
        format!("{{ to = \"{}\", private = true }}", self.to())
    }

    fn to(&self) -> String {
        let port = self.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        format!("{}:{port}", self.host)
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", HostPattern::One(self.host.clone()), self.port)
    }
}

impl fmt::Display for ProbeGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to())?;
        if self.private { f.write_str(" (private)") } else { Ok(()) }
    }
}

impl FromStr for ProbeGrant {
    type Err = BadProbe;

    fn from_str(text: &str) -> Result<Self, BadProbe> {
        let bad = || BadProbe(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let host = HostPattern::exact(host).ok_or_else(bad)?;
        let port = match port {
            "*" => None,
            port => Some(port.parse().map_err(|_| bad())?),
        };
        Ok(Self { host, port, private: false })
    }
}

impl<'de> Deserialize<'de> for ProbeGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;

        impl<'de> Visitor<'de> for Given {
            type Value = ProbeGrant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a host and a port, or a table like { to = \"db.example.org:5432\", private = true }",
                )
            }

            fn visit_str<E: Error>(self, to: &str) -> Result<ProbeGrant, E> {
                to.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProbeGrant, A::Error> {
                let Table { to, private } = Table::deserialize(MapAccessDeserializer::new(map))?;
                let grant: ProbeGrant = to.parse().map_err(A::Error::custom)?;
                Ok(ProbeGrant { private, ..grant })
            }
        }

        deserializer.deserialize_any(Given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, host: &str, port: u16) -> bool {
        let grant: ProbeGrant = pattern.parse().expect("a pattern");
        ProbeTarget::of(host, port).is_some_and(|target| grant.allows(&target))
    }

    #[test]
    fn a_pattern_covers_its_own_host_and_port_only() {
        assert!(allows("db.example.org:5432", "DB.example.org", 5432));
        assert!(!allows("db.example.org:5432", "db.example.org", 5433));
        assert!(!allows("db.example.org:5432", "x.db.example.org", 5432));
        assert!(
            allows("*.example.org:*", "db.example.org", 1) && !allows("*.example.org:*", "example.org", 1)
        );
        assert!(allows("*:443", "anything.example", 443) && !allows("*:443", "anything.example", 80));
        assert!(allows("[::1]:22", "::1", 22) && allows("[::1]:22", "[0:0::1]", 22));
        assert!(allows("10.0.0.1:22", "10.0.0.1", 22) && !allows("10.0.0.1:22", "10.0.0.2", 22));
    }

    #[test]
    fn a_target_is_shown_as_a_grant_would_name_it() {
        for (host, shown) in
            [("DB.example.org", "db.example.org:22"), ("10.0.0.1", "10.0.0.1:22"), ("::1", "[::1]:22")]
        {
            let target = ProbeTarget::of(host, 22).expect("a target");
            assert_eq!(target.to_string(), shown);
            assert!(shown.parse::<ProbeGrant>().expect("a grant").allows(&target));
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_that_is_written_as_one() {
        for host in ["2130706433", "0x7f.1", "127.1", "a@b", "", "a b", "[::1", "::1%eth0", "a:b"] {
            assert!(!allows("*:*", host, 80), "{host}");
        }
        for bad in [
            "",
            "db",
            "db:",
            ":80",
            "db:80:90",
            "db:x",
            "db:70000",
            "2130706433:80",
            "a*b:80",
            "*.10.0.0.1:80",
            "*.:80",
        ] {
            assert!(bad.parse::<ProbeGrant>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_grant_that_says_so_reaches_further_than_the_internet() {
        let reach = |text: &str| {
            let table: toml::Table = toml::from_str(&format!("grant = {text}")).expect("toml");
            let grant: ProbeGrant = table["grant"].clone().try_into().expect("a grant");
            (grant.reach(), grant.to_string())
        };
        let error = toml::from_str::<std::collections::BTreeMap<String, ProbeGrant>>("grant = 22")
            .expect_err("no grant");
        let expected =
            "expected a host and a port, or a table like { to = \"db.example.org:5432\", private = true }";
        assert!(error.message().ends_with(expected), "{error}");
        let any: ProbeGrant = "*.example.org:*".parse().expect("a pattern");
        assert_eq!(any.with_private(), "{ to = \"*.example.org:*\", private = true }");
        assert_eq!(reach("'*:*'"), (Reach::Public, "*:*".to_owned()));
        assert_eq!(reach("{ to = '*:22', private = true }"), (Reach::Private, "*:22 (private)".to_owned()));
        assert_eq!(reach("'localhost:22'").0, Reach::Loopback);
        assert_eq!(reach("'169.254.1.1:80'").0, Reach::Address("169.254.1.1".parse().expect("an address")));
    }
}
