//! Whose signatures count on this host, where it wants calls to be signed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use wire::identity::Moment;
use wire::name::OperatorName;
use wire::signing::PublicKey;
use wire::signing::mandate::BadCertificate;

/// Which calls and changes of modules are taken at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Calls {
    /// Those that the overlord asks for.
    #[default]
    Any,
    /// Those that an operator has signed.
    Signed,
}

/// By how much the clocks of operators and of this host may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Window(#[serde(deserialize_with = "policy::given::duration")] pub(super) Duration);

impl Default for Window {
    fn default() -> Self {
        Self(Duration::from_secs(300))
    }
}

/// The keys of operators, by their names.
pub(super) type Operators = BTreeMap<OperatorName, Keys>;

/// One key or several of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys(pub(super) Vec<PublicKey>);

/// Why the signer of something is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Untrusted {
    /// Its key is one that the owner of this host has revoked.
    #[error("its key {0} is revoked on this host")]
    Revoked(PublicKey),
    /// Its key is not pinned, and nobody vouches for it.
    #[error(
        "this minion does not trust its key: its owner adds {} = \"{key}\" to [access.operators] in minion.toml",
        quoted(operator)
    )]
    Unknown {
        /// In whose name it is signed.
        operator: OperatorName,
        /// The key.
        key: PublicKey,
    },
    /// The certificate of its key is none.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// The certificate of its key is of another key or operator.
    #[error("the certificate that comes with it is for another key or operator")]
    Misplaced,
    /// The certificate of its key has ended.
    #[error(
        "the certificate of its key was good until {until}, and this host's clock says {now}: certify the key anew"
    )]
    Ended {
        /// Until when it was good.
        until: Moment,
        /// What time it is.
        now: Moment,
    },
}

/// The name of an operator as a key of TOML.
fn quoted(name: &OperatorName) -> String {
    let is_bare = name.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { name.to_string() } else { format!("\"{name}\"") }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public key, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Keys, E> {
        text.parse().map(|key| Keys(vec![key])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element()? {
            keys.push(key);
        }
        Ok(Keys(keys))
    }
}
