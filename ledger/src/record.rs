//! Records: the values of a ledger, and how they are encoded.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::keyspace::Keyspace;
use crate::storage::Bytes;

/// How many bytes stand before a record's encoding: a version and a checksum.
const HEAD: usize = 1 + 4;

/// A type whose values rest in one keyspace: as a version, a checksum over key and encoding, and the encoding in
/// postcard.
///
/// The database has checksums of its own, but for whole blocks; this one shows which single record is wrong.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The keyspace that the records are in.
    const SPACE: Keyspace;
    /// The version of its encoding.
    const VERSION: u8 = 1;

    /// The record as it is stored under `key`.
    fn encode(&self, key: &[u8]) -> Bytes {
        let bytes = postcard::to_extend(self, vec![0; HEAD]);
        let mut bytes =
            bytes.expect("postcard writes all but sequences of unknown length, and records have none");
        bytes[0] = Self::VERSION;
        let checksum = checksum(key, &bytes[HEAD..]);
        bytes[1..HEAD].copy_from_slice(&checksum);
        bytes.into()
    }

    /// The record of the bytes that are stored under `key`; `None` where they are no such record.
    fn decode(key: &[u8], bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(HEAD)?;
        if head[0] != Self::VERSION || head[1..] != checksum(key, body) {
            return None;
        }
        let (record, rest) = postcard::take_from_bytes(body).ok()?;
        rest.is_empty().then_some(record)
    }
}

fn checksum(key: &[u8], body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxh3_64_with_seed(body, xxh3_64(key)).to_le_bytes();
    [a, b, c, d]
}

/// A number as a row of an index has it.
pub(crate) fn number(value: u64) -> Bytes {
    value.to_be_bytes().as_slice().into()
}

/// The number of a row of an index; a row that has none counts as zero.
pub(crate) fn as_number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Number(u8);

    impl Record for Number {
        const SPACE: Keyspace = Keyspace::Kv;
    }

    #[test]
    fn bytes_of_another_version_or_checksum_or_with_more_behind_them_are_no_record() {
        let sound = Number(7).encode(b"key").to_vec();
        assert_eq!(Number::decode(b"key", &sound), Some(Number(7)));
        for place in 0..sound.len() {
            let spoiled = [&sound[..place], &[sound[place] ^ 1], &sound[place + 1..]].concat();
            assert_eq!(Number::decode(b"key", &spoiled), None, "byte {place}");
            assert_eq!(Number::decode(b"key", &sound[..place]), None, "{place} bytes");
        }
        let longer = checksum(b"key", &[7, 7]);
        assert_eq!(Number::decode(b"key", &[&[1], longer.as_slice(), &[7, 7]].concat()), None);
    }

    #[test]
    fn the_number_of_a_row_is_what_was_written_and_nothing_is_zero() {
        assert_eq!(as_number(&number(0x0102_0304_0506_0708)), 0x0102_0304_0506_0708);
        assert_eq!([as_number(&[]), as_number(&[1; 9])], [0, 0]);
    }

    /// Fails where `record` is not stored as these bytes any longer: then a type in it has changed, the
    /// format goes up by one, and folders of the old one must be brought up to it.
    pub(crate) fn is_stored_as<R: Record + PartialEq + std::fmt::Debug>(record: &R, digits: &str) {
        assert_eq!(HEXLOWER.encode(&record.encode(b"key")), digits, "{record:?}");
        let bytes = HEXLOWER.decode(digits.as_bytes()).expect("digits");
        assert_eq!(R::decode(b"key", &bytes).as_ref(), Some(record));
        assert_eq!(R::decode(b"another key", &bytes), None, "{record:?}");
    }
}
