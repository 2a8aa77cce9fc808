//! How much may come out of an archive, and why it is read no further.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use failure::Error;
use minion_sdk::job;

/// How often it is said how much was read, in bytes.
const SAID_EVERY: u64 = 16 << 20;

/// Why an archive is read no further.
pub(crate) enum Stop {
    /// The method fails with this.
    Error(Error),
    /// What came cannot be read.
    Damaged(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Damaged(error)
    }
}

/// How many bytes may come out of an archive.
pub(crate) struct Budget {
    most: u64,
    read: Rc<Cell<u64>>,
}

impl Budget {
    /// So many.
    pub(crate) fn of(most: u64) -> Self {
        Self { most, read: Rc::default() }
    }

    /// Counts what is read from this.
    pub(crate) fn over<R: Read>(&self, inner: R) -> Counted<R> {
        Counted { inner, most: self.most, read: Rc::clone(&self.read) }
    }

    /// Whether more came than may.
    pub(crate) fn is_spent(&self) -> bool {
        self.read.get() > self.most
    }
}

/// What ends with an error where more comes than may, or the job is cancelled.
pub(crate) struct Counted<R> {
    inner: R,
    most: u64,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if job::cancelled() {
            return Err(io::Error::other("the job is cancelled"));
        }
        let length = self.inner.read(buffer)?;
        let (before, now) = (self.read.get(), self.read.get() + length as u64);
        self.read.set(now);
        if before / SAID_EVERY != now / SAID_EVERY {
            job::progress(now, 0, "reading the archive");
        }
        if now > self.most { Err(io::Error::other("there is more in it than may be")) } else { Ok(length) }
    }
}
