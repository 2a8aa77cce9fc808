//! Reading files piece by piece.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Write as _};

use failure::Error;
use minion_sdk::job;
use sha2::Digest;

use crate::errors::of_io;
use crate::paths;

/// How much is read at once.
const PIECE: usize = 64 << 10;
/// How often it is said how far something is, in pieces.
const SAID_EVERY: u64 = 64;

/// Opens a file, wherever links lead; what is no file is refused.
///
/// # Errors
/// Where it cannot be opened, or is a folder.
pub fn open(path: &str) -> Result<(File, Metadata), Error> {
    let fail = |error| of_io(&error, "read", path);
    let file = File::open(paths::followed(path)?).map_err(fail)?;
    let found = file.metadata().map_err(fail)?;
    if found.is_dir() {
        return Err(Error::Invalid(format!("\"{path}\" is a folder: `files.list` has what is in it")));
    }
    Ok((file, found))
}

/// The checksum of a file, in hexadecimal digits.
///
/// # Errors
/// Where it cannot be read.
pub fn digest<D: Digest>(path: &str) -> Result<String, Error> {
    let (mut file, found) = open(path)?;
    let mut digest = D::new();
    let mut copying = Copying::new("reading", found.len());
    while let Some(piece) = copying.next(&mut file, path)? {
        digest.update(piece);
    }
    Ok(hexadecimal(&digest.finalize()))
}

/// Bytes in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Going through a file piece by piece, saying how far it is, until the job is cancelled.
pub struct Copying {
    what: &'static str,
    done: u64,
    pieces: u64,
    total: u64,
    piece: Vec<u8>,
}

impl Copying {
    /// From the beginning, with what is done, in a word.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self { what, done: 0, pieces: 0, total, piece: vec![0; PIECE] }
    }

    /// The next piece, which is a whole one but for the last; none at the end.
    pub fn next(&mut self, from: &mut dyn Read, path: &str) -> Result<Option<&[u8]>, Error> {
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        let mut length = 0;
        while length < PIECE {
            match from.read(&mut self.piece[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(of_io(&error, "read", path)),
            }
        }
        self.done += length as u64;
        self.pieces += 1;
        if self.pieces.is_multiple_of(SAID_EVERY) {
            job::progress(self.done, self.total.max(self.done), self.what);
        }
        Ok((length > 0).then(|| &self.piece[..length]))
    }

    /// Writes all of one to another.
    pub fn copy(&mut self, from: &mut dyn Read, to: &mut File, path: &str) -> Result<(), Error> {
        while let Some(piece) = self.next(from, path)? {
            to.write_all(piece).map_err(|error| of_io(&error, "write", path))?;
        }
        Ok(())
    }

    /// Whether both have the same in them.
    pub fn are_alike(&mut self, one: &mut dyn Read, mut other: File, path: &str) -> Result<bool, Error> {
        let mut second = Self::new(self.what, self.total);
        loop {
            match (self.next(one, path)?, second.next(&mut other, path)?) {
                (None, None) => return Ok(true),
                (one, other) if one != other => return Ok(false),
                _ => {}
            }
        }
    }
}
