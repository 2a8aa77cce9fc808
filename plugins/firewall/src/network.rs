//! Addresses and networks of the internet.

use std::net::IpAddr;

use failure::Error;

/// A network; one address is one as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) address: IpAddr,
    pub(crate) length: u8,
}

impl Network {
    /// A network as operators write it.
    pub(crate) fn given(text: &str) -> Result<Self, Error> {
        Self::read(text).filter(|network| network.length > 0).ok_or_else(|| {
            Error::Invalid(
                "the address is none: write it like 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32, and leave it out for any".to_owned(),
            )
        })
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let is_number = |text: &str| text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = match length {
            Some(length) => length.parse().ok().filter(|parsed| is_number(length) && *parsed <= most)?,
            None => most,
        };
        Some(Self { address: masked(address, length), length })
    }

    /// Whether an address is in it.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.length) == self.address
    }

    /// Whether so much is in it that it is as good as any address.
    pub(crate) fn is_wide(&self) -> bool {
        self.length < if self.address.is_ipv4() { 8 } else { 16 }
    }

    /// Whether it is one address.
    pub(crate) fn is_one(&self) -> bool {
        self.length == if self.address.is_ipv4() { 32 } else { 128 }
    }

    pub(crate) fn shown(&self) -> String {
        if self.is_one() { self.address.to_string() } else { format!("{}/{}", self.address, self.length) }
    }
}

/// An address of which so many bits are kept.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_in_one_way() {
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.0.0.7/32", "10.0.0.7"),
            ("2001:DB8:0::1/32", "2001:db8::/32"),
            ("::1", "::1"),
        ] {
            assert_eq!(Network::given(text).expect("a network").shown(), shown);
        }
        for bad in [
            "",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "a",
            "10.0.0",
            "10.0.0.1; drop",
            "1.2.3.4\n",
            "-1",
        ] {
            assert!(matches!(Network::given(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
        let network = Network::read("10.0.0.0/8").expect("a network");
        assert!(network.has("10.255.0.1".parse().expect("an address")) && !network.is_wide());
        assert!(!network.has("11.0.0.1".parse().expect("an address")));
        assert!(!network.has("::1".parse().expect("an address")));
    }
}
