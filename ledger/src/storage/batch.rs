//! Batches as they lie in a journal of the database, found by their bytes.
//!
//! A batch is a head (how many items, which number), its items, and an end with a checksum over the items.
//! The head is not part of the checksum, but follows from what comes after it and before.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

/// The length of a head in bytes: a tag, the number of items, the number of the batch.
pub(super) const HEAD: usize = 1 + 4 + 8;

/// The last bytes of every batch.
pub(super) const TRAILER: &[u8] = b"FJL\x03";

const TAG_HEAD: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const TAG_CLEAR: u8 = 4;

/// A batch of which all items can be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The place of the batch in the journal, from its head to its trailer.
    pub(super) place: Range<usize>,
    /// How many items it has.
    pub(super) count: u32,
    /// The number of the batch by its head.
    pub(super) number: u64,
    /// Whether the head is that of a batch with so many items.
    pub(super) sound_head: bool,
    /// The checksum of the items as they are.
    pub(super) checksum: u64,
    /// Whether that is the checksum which the end has.
    pub(super) sound_items: bool,
}

impl Batch {
    /// The batch that begins at `start`, if its items and its end can be told apart.
    pub(super) fn at(journal: &[u8], start: usize) -> Option<Self> {
        let mut head = Cursor { journal, at: start };
        let (tag, said, number) = (head.u8()?, head.u32()?, head.u64()?);
        let (mut cursor, mut count) = (head, 0_u32);
        while cursor.item()? {
            count += 1;
        }
        let checksum = xxh3_64(&journal[start + HEAD..cursor.at]);
        cursor.at += 1;
        let expected = cursor.u64()?;
        (cursor.take(TRAILER.len())? == TRAILER).then_some(Self {
            place: start..cursor.at,
            count,
            number,
            sound_head: tag == TAG_HEAD && said == count,
            checksum,
            sound_items: checksum == expected,
        })
    }

    /// The bytes of the batch, with a head and an end that fit its items, under `number`.
    pub(super) fn made_sound(&self, journal: &[u8], number: u64) -> Vec<u8> {
        let items = &journal[self.place.start + HEAD..self.place.end - 1 - 8 - TRAILER.len()];
        let mut bytes = vec![TAG_HEAD];
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(items);
        bytes.push(TAG_END);
        bytes.extend(self.checksum.to_le_bytes());
        bytes.extend(TRAILER);
        bytes
    }
}

/// Reads a journal from front to back, and never beyond its end.
struct Cursor<'a> {
    journal: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.journal.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Goes past an item; `false` where the end of the batch begins instead, `None` where neither does.
    fn item(&mut self) -> Option<bool> {
        match *self.journal.get(self.at)? {
            TAG_END => Some(false),
            TAG_CLEAR => self.take(1 + 8).map(|_| true),
            TAG_ITEM => {
                self.at += 1;
                let (kind, compression, _keyspace) = (self.u8()?, self.u8()?, self.u64()?);
                let (key, value, stored) = (self.u16()?, self.u32()?, self.u32()?);
                // The journal is written without compression, so both lengths are the same.
                let plausible = matches!(kind, 0..=2) && compression == 0 && value == stored;
                self.take(usize::from(key))?;
                self.take(usize::try_from(stored).ok()?)?;
                plausible.then_some(true)
            }
            _ => None,
        }
    }
}
