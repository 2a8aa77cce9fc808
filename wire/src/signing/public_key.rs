//! The public half of a signing key, by which a signer is known.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// An ed25519 public key. Prints as `ed25519:` and its 32 bytes in base64, and is read from that form alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// The error for a text that is not a public key in that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key: write \"ed25519:\" and 32 bytes in base64, as `overlord key show FILE` prints it")]
pub struct BadPublicKey;

impl PublicKey {
    /// The key of these bytes.
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Twelve hexadecimal digits, enough for people to tell two keys apart. Never enough to trust one.
    pub fn fingerprint(&self) -> String {
        Digest::of(&self.0).short()
    }

    /// Whether this is a signature of the message by the other half of this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = BadPublicKey;

    fn from_str(text: &str) -> Result<Self, BadPublicKey> {
        let bytes = text.strip_prefix(ALGORITHM).and_then(|text| BASE64.decode(text.as_bytes()).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(BadPublicKey)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = BadPublicKey;

    fn try_from(text: String) -> Result<Self, BadPublicKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

const ALGORITHM: &str = "ed25519:";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_survives_its_text(bytes: [u8; 32]) {
            let key = PublicKey::new(bytes);
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn no_other_text_is_the_same_key(bytes: [u8; 32], at in 0_usize..52, put in "[A-Za-z0-9+/=]") {
            let key = PublicKey::new(bytes);
            let mut text = key.to_string();
            prop_assume!(text[at..=at] != put);
            text.replace_range(at..=at, &put);
            prop_assert_ne!(text.parse(), Ok(key));
        }

        #[test]
        fn garbage_is_no_key(text in ".*") {
            prop_assert_eq!(text.parse::<PublicKey>(), Err(BadPublicKey));
        }
    }

    #[test]
    fn a_key_is_shown_as_it_is_written_and_told_by_twelve_digits() {
        let key = PublicKey::new([0; 32]);
        let text = format!("ed25519:{}=", "A".repeat(43));
        assert_eq!((key.to_string(), format!("{key:?}")), (text.clone(), format!("PublicKey({text})")));
        // The beginning of the SHA-256 of 32 zero bytes.
        assert_eq!(key.fingerprint(), "66687aadf862");
        let json = serde_json::to_string(&key).expect("encodes");
        assert_eq!(json, format!("{text:?}"));
        assert_eq!(serde_json::from_str::<PublicKey>(&json).ok(), Some(key));
        assert!(serde_json::from_str::<PublicKey>("\"ed25519:AAAA\"").is_err());
    }
}
