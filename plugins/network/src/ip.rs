//! What `ip -json` says.

use failure::Error;
use serde::Deserialize;

use crate::exports::minion::network::network::{Interface, Route};

/// One interface, as far as it is read.
#[derive(Deserialize)]
struct Link {
    ifname: String,
    mtu: u32,
    #[serde(default)]
    operstate: String,
    address: Option<String>,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: Option<String>,
    prefixlen: Option<u8>,
}

#[derive(Deserialize)]
struct Way {
    dst: String,
    gateway: Option<String>,
    dev: Option<String>,
    metric: Option<u32>,
}

pub(crate) fn interfaces(text: &str) -> Result<Vec<Interface>, Error> {
    let links: Vec<Link> = entries(text)?;
    let interface = |link: Link| {
        let address = |one: Address| Some(format!("{}/{}", one.local?, one.prefixlen?));
        Interface {
            name: link.ifname,
            state: link.operstate.to_ascii_lowercase(),
            // That of the loopback is none.
            mac: link.address.filter(|mac| mac.chars().any(|c| !matches!(c, '0' | ':'))),
            mtu: link.mtu,
            addresses: link.addr_info.into_iter().filter_map(address).collect(),
        }
    };
    Ok(links.into_iter().map(interface).collect())
}

pub(crate) fn routes(text: &str) -> Result<Vec<Route>, Error> {
    let ways: Vec<Way> = entries(text)?;
    let route =
        |way: Way| Route { destination: way.dst, gateway: way.gateway, device: way.dev, metric: way.metric };
    Ok(ways.into_iter().map(route).collect())
}

/// The entries of a list; of no text at all, which some versions print where there are none, none.
fn entries<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, Error> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(text)
        .map_err(|error| Error::Other(format!("`ip` said what cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_their_addresses() {
        let text = r#"[{"ifname":"lo","flags":["UP"],"mtu":65536,"operstate":"UNKNOWN","address":"00:00:00:00:00:00",
            "addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},{"ifname":"eth0","mtu":1500,
            "operstate":"UP","address":"e6:57:a3:1d:71:ef","addr_info":[{"local":"fd00::2","prefixlen":64},{}]}]"#;
        let found = interfaces(text).expect("read");
        assert_eq!(
            (found[0].name.as_str(), &found[0].mac, found[0].state.as_str()),
            ("lo", &None, "unknown")
        );
        assert_eq!(found[0].addresses, ["127.0.0.1/8"]);
        assert_eq!((found[1].mac.as_deref(), found[1].mtu), (Some("e6:57:a3:1d:71:ef"), 1500));
        assert_eq!(found[1].addresses, ["fd00::2/64"]);
    }

    #[test]
    fn routes_are_those_of_the_kernel() {
        let text = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},{"dst":"fd00::/64","dev":"eth0","metric":256}]"#;
        let found = routes(text).expect("read");
        assert_eq!(
            (found[0].destination.as_str(), found[0].gateway.as_deref()),
            ("default", Some("192.0.2.1"))
        );
        assert_eq!((found[1].gateway.as_deref(), found[1].metric), (None, Some(256)));
        assert_eq!(routes(" \n").map(|routes| routes.len()), Ok(0));
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        for text in ["{}", "[1]", "[{}]", "nonsense"] {
            assert!(interfaces(text).is_err() && routes(text).is_err(), "{text}");
        }
    }
}
