//! Tars, entry by entry.

use std::io::{self, Read};

use tar::{Archive, EntryType};

use crate::budget::Stop;
use crate::entry::{Each, Found, What};

/// The most bytes that say something of an entry, besides its header: its name, where it leads, and the like.
const MOST_SAID: u64 = 64 << 10;

/// What is said of the next entry ahead of it.
#[derive(Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    modified: Option<i64>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Hands over each entry.
pub(crate) fn each(reader: impl Read, each: Each<'_>) -> Result<(), Stop> {
    let mut archive = Archive::new(reader);
    let mut ahead = Ahead::default();
    // Raw, since what is said ahead of an entry would be read without a bound otherwise.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => ahead.name = Some(text(&mut entry)?),
            EntryType::GNULongLink => ahead.target = Some(text(&mut entry)?),
            EntryType::XHeader => ahead.take(&said(&mut entry)?)?,
            EntryType::XGlobalHeader => drop(said(&mut entry)?),
            _ => {
                let found = found(&entry, std::mem::take(&mut ahead))?;
                each(found, &mut entry)?;
            }
        }
    }
    Ok(())
}

fn found<R: Read>(entry: &tar::Entry<'_, R>, ahead: Ahead) -> Result<Found, Stop> {
    let header = entry.header();
    let size = header.entry_size()?;
    if ahead.size.is_some_and(|said| said != size) {
        return Err(damaged("an entry has two sizes"));
    }
    let name = ahead.name.unwrap_or_else(|| entry.path_bytes().into_owned());
    let name = String::from_utf8_lossy(&name).into_owned();
    let target = || {
        let target = ahead.target.or_else(|| entry.link_name_bytes().map(|name| name.into_owned()));
        String::from_utf8_lossy(&target.unwrap_or_default()).into_owned()
    };
    let what = match header.entry_type() {
        _ if ahead.is_sparse => What::Other,
        // In tars of before ustar a folder is told by its name alone.
        EntryType::Regular if name.ends_with('/') => What::Folder,
        EntryType::Regular | EntryType::Continuous => What::File,
        EntryType::Directory => What::Folder,
        EntryType::Symlink => What::Link(target()),
        EntryType::Link => What::HardLink(target()),
        _ => What::Other,
    };
    let size = if what == What::File { size } else { 0 };
    let modified = ahead.modified.or_else(|| header.mtime().ok().and_then(|time| i64::try_from(time).ok()));
    Ok(Found { name, what, size, mode: header.mode()?, modified })
}

impl Ahead {
    /// Takes the records of a header of pax: a length, which counts all of the record, a key and a value.
    fn take(&mut self, mut records: &[u8]) -> Result<(), Stop> {
        while !records.is_empty() {
            let record = record(records).ok_or_else(|| damaged("what is said of an entry cannot be read"))?;
            let Record { key, value, length } = record;
            let word = || std::str::from_utf8(value).ok();
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => self.size = word().and_then(|word| word.parse().ok()),
                b"mtime" => self.modified = word().and_then(|word| word.split('.').next()?.parse().ok()),
                key => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
            records = &records[length..];
        }
        Ok(())
    }
}

struct Record<'a> {
    key: &'a [u8],
    value: &'a [u8],
    length: usize,
}

/// The first of some records.
fn record(records: &[u8]) -> Option<Record<'_>> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let whole = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = whole.iter().position(|byte| *byte == b'=')?;
    Some(Record { key: &whole[..equals], value: &whole[equals + 1..], length })
}

/// A text that is said ahead of an entry, which ends with a zero.
fn text(entry: &mut impl Read) -> Result<Vec<u8>, Stop> {
    let mut bytes = said(entry)?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    Ok(bytes)
}

fn said(entry: &mut impl Read) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    entry.take(MOST_SAID + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_SAID { Err(damaged("too much is said of an entry")) } else { Ok(bytes) }
}

fn damaged(why: &str) -> Stop {
    Stop::Damaged(io::Error::other(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Result<Vec<(String, What)>, String> {
        let mut found = Vec::new();
        let done = each(bytes, &mut |entry, _| {
            found.push((entry.name, entry.what));
            Ok(())
        });
        match done {
            Ok(()) => Ok(found),
            Err(Stop::Damaged(error)) => Err(error.to_string()),
            Err(Stop::Error(error)) => Err(format!("{error:?}")),
        }
    }

    fn entry(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(5);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    #[test]
    fn what_is_said_ahead_of_an_entry_is_of_that_one_alone() {
        let long = "x/".repeat(150) + "end";
        let record = |key: &str, value: &str| {
            let rest = key.len() + value.len() + 3;
            let length = (rest..).find(|length| length.to_string().len() + rest == *length).expect("one");
            format!("{length} {key}={value}\n")
        };
        let pax = record("path", "with\nend") + &record("mtime", "7.5");
        let bytes = [
            entry(EntryType::GNULongName, "@", format!("{long}\0").as_bytes()),
            entry(EntryType::Regular, "short", b"content"),
            entry(EntryType::XHeader, "pax", pax.as_bytes()),
            entry(EntryType::Regular, "other", b""),
            entry(EntryType::Regular, "folder/", b""),
            entry(EntryType::Fifo, "pipe", b""),
            vec![0; 1024],
        ]
        .concat();
        let expected = [
            (long, What::File),
            ("with\nend".to_owned(), What::File),
            ("folder/".to_owned(), What::Folder),
            ("pipe".to_owned(), What::Other),
        ];
        assert_eq!(names(&bytes), Ok(expected.into()));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_no_panic() {
        let too_long = entry(EntryType::GNULongName, "@", &vec![b'x'; 65 << 10]);
        assert!(names(&too_long).is_err_and(|told| told.contains("too much")));
        for pax in ["x", "99 path=a\n", "3 \n", "7 path\n", "0 a=b\n", "18446744073709551615 a=b\n"] {
            let bytes = entry(EntryType::XHeader, "pax", pax.as_bytes());
            assert!(names(&bytes).is_err(), "{pax:?}");
        }
        let whole = entry(EntryType::Regular, "file", &[b'x'; 2000]);
        for length in [1, 511, 513] {
            let _ = names(&whole[..length]);
        }
        let mut other = whole;
        other[0] ^= 1;
        assert!(names(&other).is_err());
    }
}
