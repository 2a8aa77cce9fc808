//! The address that minions are told to dial, which stands in a token.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A `host:port` that a host can be told to dial. An IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialAddress {
    host: String,
    port: u16,
}

/// Why a text is no address to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDialAddress {
    /// The text has another form.
    #[error("not HOST:PORT: write overlord.example.org:51234, 192.0.2.1:51234 or [2001:db8::1]:51234")]
    Form,
    /// The text means every address of a host, which can be listened on and not dialled.
    #[error(
        "for listening: nobody can dial \"all addresses\": name one by which minions reach this overlord"
    )]
    Unspecified,
}

impl DialAddress {
    /// Whether a host that dials it comes to itself.
    pub fn is_loopback(&self) -> bool {
        match self.ip() {
            Some(IpAddr::V6(ip)) => ip.to_canonical().is_loopback(),
            Some(IpAddr::V4(ip)) => ip.is_loopback(),
            None => {
                let name = self.host.trim_end_matches('.').to_ascii_lowercase();
                name == "localhost" || name.ends_with(".localhost")
            }
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.map_or_else(|| self.host.parse().ok(), |ip| ip.parse().ok())
    }
}

impl FromStr for DialAddress {
    type Err = BadDialAddress;

    fn from_str(text: &str) -> Result<Self, BadDialAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(BadDialAddress::Form)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(BadDialAddress::Form)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let fits = match bracketed {
            Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
        };
        let address = Self { host: host.to_owned(), port };
        match address.ip() {
            _ if !fits => Err(BadDialAddress::Form),
            Some(ip) if ip.to_canonical().is_unspecified() => Err(BadDialAddress::Unspecified),
            _ => Ok(address),
        }
    }
}

impl fmt::Display for DialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl<'de> Deserialize<'de> for DialAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<DialAddress, BadDialAddress> {
        text.parse()
    }

    #[test]
    fn an_address_to_dial_names_one_host_and_a_port() {
        for good in ["o.example:7000", "192.0.2.1:1", "[2001:db8::1]:51234", "overlord:65535", "a_b.lan:9"] {
            let address = parsed(good).unwrap_or_else(|error| panic!("{good}: {error}"));
            assert_eq!((address.to_string().as_str(), address.is_loopback()), (good, false));
        }
        for bad in [
            "",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "2001:db8::1:51234",
            "[x]:1",
            "a b:1",
            "http://a:1",
        ] {
            assert_eq!(parsed(bad), Err(BadDialAddress::Form), "{bad}");
        }
        for all in ["0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1"] {
            assert_eq!(parsed(all), Err(BadDialAddress::Unspecified), "{all}");
        }
    }

    #[test]
    fn what_leads_a_host_to_itself_is_told_from_what_leads_elsewhere() {
        for own in
            ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1", "LOCALHOST.:1"]
        {
            assert!(parsed(own).expect(own).is_loopback(), "{own}");
        }
        assert!(!parsed("notlocalhost:1").expect("an address").is_loopback());
    }
}
