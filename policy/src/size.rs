//! Sizes as people write them: `64MiB`, `1 GiB`, `4096`. By hand, since crates for it take `1.5GiB` and `64MB` as well, and round
//! what they print: a limit is what is written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A number of bytes. Reads `64MiB`, `1 GiB` and plain numbers; prints the largest unit that divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// The error for a text that is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a size: write a number with B, KiB, MiB, GiB or TiB, for example \"64MiB\"")]
pub struct BadSize(String);

/// The units, the largest first, so that no unit is taken for the end of another.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl FromStr for ByteSize {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.to_owned());
        let trimmed = text.trim();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(name, unit)| Some((trimmed.strip_suffix(name)?, *unit)))
            .unwrap_or((trimmed, 1));
        let number: u64 = digits.trim().parse().map_err(|_| bad())?;
        number.checked_mul(unit).map(ByteSize).ok_or_else(bad)
    }
}

impl fmt::Display for ByteSize {
    /// Prints the largest unit that divides the size, so that nothing is rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (name, unit) = exact.unwrap_or(&("B", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(u64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Number(bytes) => Ok(ByteSize(bytes)),
            Given::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_printed_without_rounding() {
        for (text, bytes, printed) in [
            ("64MiB", 64 << 20, "64 MiB"),
            ("1 GiB", 1 << 30, "1 GiB"),
            ("1500", 1500, "1500 B"),
            ("1536KiB", 1536 << 10, "1536 KiB"),
            (" 2TiB ", 2 << 40, "2 TiB"),
            ("0", 0, "0 B"),
            ("7B", 7, "7 B"),
        ] {
            let size: ByteSize = text.parse().expect("a size");
            assert_eq!((size.0, size.to_string().as_str()), (bytes, printed));
        }
        for bad in ["", "MiB", "-1", "64MB", "1.5GiB", "99999999999TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad:?} was accepted");
        }
    }
}
