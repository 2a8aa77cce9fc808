//! What sort of archive a file is, and going through it.

use std::io::{self, BufReader, Read as _, Seek as _};

use failure::Error;
use flate2::read::MultiGzDecoder;
use host_files::errors::of_io;
use host_files::reading;
use minion_sdk::job;

use crate::budget::{Budget, Stop};
use crate::entry::Each;
use crate::exports::minion::archive::archive::Format;
use crate::{tarball, zipped, zstd};

/// How much of an archive says what it is: the first block of a tar.
const HEAD: usize = 512;
/// Where a tar says that it is one.
const USTAR: std::ops::Range<usize> = 257..262;
/// Hands over each entry of an archive, from which so many bytes come at most.
pub(crate) fn each(path: &str, most: u64, each: Each<'_>) -> Result<Format, Error> {
    let (mut file, _) = reading::open(path)?;
    let mut head = Vec::new();
    let fail = |error: io::Error| of_io(&error, "read", path);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(fail)?;
    file.rewind().map_err(fail)?;
    let format = of(&head, path)?;
    let budget = Budget::of(most);
    let done = match format {
        Format::Zip => zipped::each(file, &budget, each),
        Format::Tar => tarball::each(budget.over(BufReader::new(file)), each),
        Format::TarGz => tarball::each(budget.over(MultiGzDecoder::new(BufReader::new(file))), each),
        Format::TarZst => tarball::each(budget.over(zstd::Reader::new(BufReader::new(file))), each),
    };
    match done {
        Ok(()) => Ok(format),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Damaged(_)) if job::cancelled() => Err(Error::Cancelled),
        Err(Stop::Damaged(_)) if budget.is_spent() => Err(Error::Denied(format!(
            "\"{path}\" unpacks to more than {most} bytes; `most-bytes` of `archive.unpack` allows more"
        ))),
        Err(Stop::Damaged(error)) => {
            Err(Error::Invalid(format!("\"{path}\" is damaged, or no archive that can be read: {error}")))
        }
    }
}

/// What the beginning of a file says of it.
fn of(head: &[u8], path: &str) -> Result<Format, Error> {
    let unsupported = |what: &str| {
        Err(Error::Unsupported(format!(
            "\"{path}\" is compressed by {what}: this reads tar, also by gzip or zstd, and zip"
        )))
    };
    match head {
        [0x1f, 0x8b, ..] => Ok(Format::TarGz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Format::TarZst),
        // One that begins with a frame that is to be skipped.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Format::TarZst),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Zip),
        [b'B', b'Z', b'h', ..] => unsupported("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => unsupported("xz"),
        _ if head.get(USTAR) == Some(b"ustar") => Ok(Format::Tar),
        // An empty tar, and those of before ustar: whether it is one is told by the sum of its first block.
        _ if head.len() == HEAD && (head.iter().all(|byte| *byte == 0) || has_sum(head)) => Ok(Format::Tar),
        _ => Err(Error::Invalid(format!("\"{path}\" is no archive of tar or zip"))),
    }
}

/// Whether the sum in a block of tar is that of its bytes.
fn has_sum(block: &[u8]) -> bool {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    let said = header.cksum().ok();
    header.set_cksum();
    said.is_some() && said == header.cksum().ok()
}
