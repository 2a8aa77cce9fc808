//! Where addresses of the network lead, and so which of them a request must not reach unasked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is to be found behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    /// The internet.
    Public,
    /// This host, or a network that is not reached from everywhere: services there often trust everybody who
    /// reaches them.
    Private,
    /// The link, or a service that hands the keys of this machine to everybody on it. Only ever granted by its
    /// address.
    Link,
    /// Nobody in particular: reserved addresses, groups, examples.
    Nowhere,
}

/// Where an address leads, as far as the address itself says. An IPv4 address that is written inside an IPv6 one
/// counts as the IPv4 address.
pub fn realm(address: IpAddr) -> Realm {
    match address {
        IpAddr::V4(v4) => realm_v4(v4),
        IpAddr::V6(v6) => realm_v6(v6),
    }
}

fn realm_v4(address: Ipv4Addr) -> Realm {
    match address.octets() {
        [169, 254, ..] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => Realm::Link,
        [10 | 127, ..] | [100, 64..=127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [198, 18..=19, ..] => {
            Realm::Private
        }
        // This network, protocols' own addresses, examples in documents, relays that are out of use, groups,
        // reserved.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Realm::Nowhere,
        _ => Realm::Public,
    }
}

fn realm_v6(address: Ipv6Addr) -> Realm {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| realm_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 1] => Realm::Private,
        // IPv4 addresses that are mapped, compatible, translated, or given by the translators of RFC 6052.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // IPv4 addresses of 6to4 and ISATAP.
        [0x2002, high, low, ..] | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => {
            v4(high, low).max(realm_of_prefix(parts))
        }
        _ => realm_of_prefix(parts),
    }
}

/// Where an IPv6 address leads by its prefix alone.
fn realm_of_prefix(parts: [u16; 8]) -> Realm {
    match parts {
        // The services that two clouds have for their machines.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] => Realm::Link,
        [0xfe80..=0xfebf, ..] => Realm::Link,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Realm::Private,
        // Protocols' own addresses, those of Teredo among them, and examples in documents.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Realm::Nowhere,
        [0x2000..=0x3fff, ..] => Realm::Public,
        _ => Realm::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_where_it_leads_in_whatever_clothes() {
        for (realm_of, addresses) in [
            (
                Realm::Public,
                "1.1.1.1 9.255.255.255 11.0.0.1 192.0.1.1 198.17.255.255 198.20.0.1 223.255.255.255 100.63.0.1 100.128.0.1 172.15.0.1 172.32.0.1 2606:4700::1111 ::ffff:1.1.1.1 \
                 64:ff9b::1.1.1.1 2002:101:101::1 2001:4860:4860::8888 \
                 2001:200::1 3fff:1000::1",
            ),
            (
                Realm::Private,
                "127.0.0.1 127.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 172.16.0.1 172.31.0.1 192.168.1.1 198.18.0.1 \
                 ::1 fc00::1 fd12::1 fec0::1 ::ffff:10.0.0.1 ::127.0.0.1 198.19.255.255 fdff::1 feff::1 ::ffff:0:10.0.0.1 64:ff9b::7f00:1 \
                 64:ff9b:1::1 2002:a00:1::1 2606:4700::5efe:10.0.0.1",
            ),
            (
                Realm::Link,
                "169.254.169.254 169.254.0.1 100.100.100.200 168.63.129.16 192.0.0.192 fe80::1 febf::1 fd00:ec2::254 \
                 fd00:ec2::23 fd20:ce::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1",
            ),
            (
                Realm::Nowhere,
                "0.0.0.0 0.1.2.3 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1 240.0.0.1 255.255.255.255 \
                 192.0.0.1 :: ::0.0.0.2 fe00::1 fe7f::1 2001:1ff::1 3fff:fff::1 ff02::1 2001::1 2001:db8::1 3fff::1 100::1 4000::1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                let parsed = address.parse().expect(address);
                assert_eq!(realm(parsed), realm_of, "{address}");
            }
        }
    }
}
