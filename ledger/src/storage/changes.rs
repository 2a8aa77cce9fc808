//! Keys and values as the database takes and gives them, and what a batch changes of them.

use std::collections::BTreeMap;

use crate::keyspace::Keyspace;

/// Bytes of a key or a value, cheap to clone.
pub(crate) use fjall::Slice as Bytes;

/// What a batch does: the new value of each key, or `None` where it is removed.
pub(crate) type Changes = BTreeMap<(Keyspace, Vec<u8>), Option<Bytes>>;

/// Keys and values in order, from either end.
pub(crate) type Scan<'a> = Box<dyn DoubleEndedIterator<Item = (Bytes, Bytes)> + 'a>;

/// The longest key that the database takes, in bytes; it panics at a longer one, even if that is only looked for.
pub(crate) const MAX_KEY: usize = u16::MAX as usize;
