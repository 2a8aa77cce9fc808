//! A version that is not in service yet, as it came: its bytes and the signature beside them.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use wire::digest::Digest;
use wire::name::ModuleName;

use crate::signature_file;

/// A version of a module that is not in service yet.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) name: ModuleName,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
    pub(super) signature: Signature,
}

/// What there is beside a module's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// Nothing.
    None,
    /// The text of a signature.
    Text(String),
    /// Something that cannot be read, and why.
    Unreadable(io::ErrorKind),
}

/// The bytes of a file and of the signature beside it, as digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    #[serde(with = "hex")]
    pub(super) digest: Digest,
    signature: Option<Hex>,
}

/// A digest as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hex(#[serde(with = "hex")] pub(super) Digest);

impl Candidate {
    /// What the folder's file is while this is in it.
    pub(super) fn mark(&self) -> FileMark {
        FileMark::new(self.digest, self.signature.text())
    }
}

impl Signature {
    /// What is beside this file.
    pub(super) fn beside(file: &Path) -> Self {
        match signature_file::read_beside(file) {
            Ok(text) => text.into(),
            Err(error) => Signature::Unreadable(error.kind()),
        }
    }

    /// The text, if there is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Signature::Text(text) => Some(text),
            Signature::None | Signature::Unreadable(_) => None,
        }
    }

    /// As if it were read now.
    pub(super) fn read(&self) -> io::Result<Option<String>> {
        match self {
            Signature::Unreadable(kind) => Err((*kind).into()),
            other => Ok(other.text().map(str::to_owned)),
        }
    }
}

impl From<Option<String>> for Signature {
    fn from(text: Option<String>) -> Self {
        text.map_or(Signature::None, Signature::Text)
    }
}

impl FileMark {
    /// The mark of a file of this digest with this signature beside it.
    pub(super) fn new(digest: Digest, signature: Option<&str>) -> Self {
        Self { digest, signature: signature.map(|text| Hex(Digest::of(text.as_bytes()))) }
    }
}

/// How digests are written down.
pub(super) mod hex {
    use super::*;

    pub(in crate::modules) fn serialize<S: Serializer>(
        value: &impl Display,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in crate::modules) fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
