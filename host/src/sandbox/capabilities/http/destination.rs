//! Where a request goes: the addresses of its host, each of them checked, and no others.

use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use wasmtime_wasi_http::{Error, Result};

use crate::policy::{Reach, Realm, realm};

/// Looks a host up once, and returns its addresses if every one of them is within reach. A name with one address
/// outside is refused, since the owner of the name decides which of them is asked.
///
/// # Errors
/// [`Refusal`], where an address is not within reach, or there is none.
pub(in crate::sandbox) async fn addresses(
    host: &str,
    port: u16,
    reach: Reach,
) -> Result<Vec<SocketAddr>, Refusal> {
    if let Reach::Address(address) = reach {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // A URL has an address of IPv6 in brackets.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let not_found = |_| Error::DnsError { rcode: Some("name not found".into()), info_code: None };
    let found = tokio::net::lookup_host((host, port)).await.map_err(not_found)?;
    let found: Vec<SocketAddr> = found.take(MOST).collect();
    match found.iter().find(|address| !is_within(address.ip(), reach)) {
        Some(outside) => Err(Refusal::Prohibited(outside.ip())),
        None if found.is_empty() => Err(Refusal::Failed(Error::DestinationNotFound)),
        None => Ok(found),
    }
}

/// What would let a host be reached at an address that a grant does not reach. `private` is the line that grants
/// the same and private addresses.
pub(in crate::sandbox) fn remedy(address: IpAddr, private: String) -> String {
    if is_within(address, Reach::Private) { private } else { format!("a grant that names {address}") }
}

/// Why a request goes nowhere.
pub(in crate::sandbox) enum Refusal {
    /// The host has this address, which the grant does not reach.
    Prohibited(IpAddr),
    /// The host has no address.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failed(error)
    }
}

/// How many addresses of a name are looked at, and tried, at most.
const MOST: usize = 16;

/// Whether a grant of this reach reaches an address.
pub(in crate::sandbox) fn is_within(address: IpAddr, reach: Reach) -> bool {
    match reach {
        Reach::Public => realm(address) == Realm::Public && !is_own(address),
        Reach::Private => matches!(realm(address), Realm::Public | Realm::Private),
        Reach::Loopback => address.to_canonical().is_loopback(),
        Reach::Address(granted) => address == granted,
    }
}

/// Whether an address is one of this host's own. Where those cannot be told, every address may be.
fn is_own(address: IpAddr) -> bool {
    let Ok(interfaces) = getifaddrs() else { return true };
    let mut own = interfaces.filter_map(|interface| interface.address).filter_map(|own| {
        let v4 = own.as_sockaddr_in().map(|own| IpAddr::V4(own.ip()));
        v4.or_else(|| own.as_sockaddr_in6().map(|own| IpAddr::V6(own.ip())))
    });
    own.any(|own| own.to_canonical() == address.to_canonical())
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_stands_for_this_host_is_refused_unless_the_grant_says_so() {
        assert!(matches!(addresses("localhost", 1, Reach::Public).await, Err(Refusal::Prohibited(_))));
        for reach in [Reach::Private, Reach::Loopback] {
            let found = addresses("localhost", 1, reach).await.ok().unwrap();
            assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 1));
        }
        // What a resolver takes for an address is checked as the address that it is taken for.
        for disguised in ["2130706433", "0x7f.1", "127.1"] {
            assert!(addresses(disguised, 1, Reach::Public).await.is_err(), "{disguised}");
        }
        let one = "10.0.0.1".parse().unwrap();
        assert_eq!(addresses("", 1, Reach::Address(one)).await.ok().unwrap(), [SocketAddr::new(one, 1)]);
    }

    #[test]
    fn private_addresses_are_reached_where_that_is_granted_and_the_link_only_by_its_address() {
        let [private, link]: [IpAddr; 2] = ["10.0.0.1", "fd00:ec2::254"].map(|text| text.parse().unwrap());
        assert!(!is_within(private, Reach::Public) && is_within(private, Reach::Private));
        assert!(!is_within(link, Reach::Public) && !is_within(link, Reach::Private));
        assert!(is_within(link, Reach::Address(link)));
    }

    #[test]
    fn the_addresses_of_this_host_are_its_own() {
        let [loopback, other]: [IpAddr; 2] = ["127.0.0.1", "1.1.1.1"].map(|text| text.parse().unwrap());
        assert!(is_own(loopback) && !is_own(other));
        assert!(is_own("::ffff:127.0.0.1".parse().unwrap()));
    }
}
