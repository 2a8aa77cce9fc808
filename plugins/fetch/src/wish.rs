//! What is wished of a file.

use failure::Error;

use crate::exports::minion::fetch::fetch::Options;

/// The most bytes that anybody may wish.
const MOST_BYTES: u64 = 1 << 40;
/// The most bytes where nobody says it.
const BYTES: u64 = 4 << 30;

/// What is wished, with nothing in it that cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) sha256: Option<String>,
    pub(crate) mode: Option<u32>,
    pub(crate) most: u64,
}

impl Wish {
    pub(crate) fn of(options: Options) -> Result<Self, Error> {
        let Options { sha256, mode, most_bytes } = options;
        let sha256 = sha256.map(|text| text.to_ascii_lowercase());
        if sha256.as_ref().is_some_and(|sum| sum.len() != 64 || !sum.bytes().all(|it| it.is_ascii_hexdigit()))
        {
            return Err(Error::Invalid(
                "`sha256`: write 64 hexadecimal digits, as `sha256sum` does".to_owned(),
            ));
        }
        let mode = mode.map(|text| mode_of(&text)).transpose()?;
        let most = most_bytes.unwrap_or(BYTES);
        if most > MOST_BYTES {
            return Err(Error::Invalid(format!("`most-bytes`: ask for {MOST_BYTES} at most")));
        }
        Ok(Self { sha256, mode, most })
    }
}

/// Nothing that is fetched runs as somebody else.
fn mode_of(text: &str) -> Result<u32, Error> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
    mode.ok_or_else(|| Error::Invalid("`mode`: write octal digits up to 0777, as 0644".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_wished_is_refused() {
        let none = || Options { sha256: None, mode: None, most_bytes: None };
        assert_eq!(Wish::of(none()), Ok(Wish { sha256: None, mode: None, most: BYTES }));
        let of = |sum: &str| Wish::of(Options { sha256: Some(sum.to_owned()), ..none() });
        assert_eq!(of(&"Aa".repeat(32)).map(|wish| wish.sha256), Ok(Some("aa".repeat(32))));
        for sum in ["", "aa", &"xx".repeat(32), &"ää".repeat(16)] {
            assert!(matches!(of(sum), Err(Error::Invalid(_))), "{sum}");
        }
        for mode in ["", "8", "4755", "u+x", "07777", "-644"] {
            let wished = Wish::of(Options { mode: Some(mode.to_owned()), ..none() });
            assert!(matches!(wished, Err(Error::Invalid(_))), "{mode}");
        }
        assert!(Wish::of(Options { most_bytes: Some(u64::MAX), ..none() }).is_err());
    }
}
