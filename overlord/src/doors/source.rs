//! Where a peer comes from: addresses that share what is held before anyone is let in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A set of addresses, each of which is within the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// One port of one address: one program, or one host behind a router that shares its address.
    Socket(SocketAddr),
    /// What one host has for itself: an IPv4 address, or a /64 of IPv6.
    Host(IpAddr),
    /// What one site has for itself: a /24 of IPv4, or a /48 of IPv6.
    Network(IpAddr),
    /// All addresses.
    Everyone,
}

impl Source {
    /// Every set that an address is in, from the smallest to the largest.
    pub(crate) fn all_of(address: SocketAddr) -> [Self; 4] {
        let address = plain(address);
        [Source::Socket(address), Self::host_of(address), network(address.ip()), Source::Everyone]
    }

    /// The host that has an address.
    pub(crate) fn host_of(address: SocketAddr) -> Self {
        Source::Host(match plain(address).ip() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Socket(address) => write!(f, "{address}"),
            Source::Host(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Source::Host(IpAddr::V6(ip)) => write!(f, "{ip}/64"),
            Source::Network(IpAddr::V4(ip)) => write!(f, "{ip}/24"),
            Source::Network(IpAddr::V6(ip)) => write!(f, "{ip}/48"),
            Source::Everyone => f.write_str("elsewhere"),
        }
    }
}

/// A socket for both families has IPv4 peers at IPv6 addresses, all of which are in one /64.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn network(ip: IpAddr) -> Source {
    Source::Network(match ip {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(address: &str) -> Vec<String> {
        let address = address.parse().expect("an address");
        Source::all_of(address).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_in_its_host_and_its_network() {
        let v4 = ["198.51.100.7:9", "198.51.100.7", "198.51.100.0/24", "elsewhere"];
        assert_eq!(named("198.51.100.7:9"), v4);
        assert_eq!(named("[::ffff:198.51.100.7]:9"), v4);
        assert_eq!(
            named("[2001:db8:1:2:3:4:5:6]:9"),
            ["[2001:db8:1:2:3:4:5:6]:9", "2001:db8:1:2::/64", "2001:db8:1::/48", "elsewhere"]
        );
    }
}
