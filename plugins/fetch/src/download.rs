//! Bytes on their way from a server.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::time::Instant;

use failure::Error;
use host_files::errors::of_io;
use host_files::reading::hexadecimal;
use minion_sdk::{job, log};
use sha2::{Digest as _, Sha256};
use web::{End, Method, Stop};

use crate::way::{self, PATIENCE, Way};

/// How much is read at once.
const PIECE: u64 = 64 << 10;
/// How often it is said how far something is, in bytes.
const SAID_EVERY: u64 = 4 << 20;
/// How often it is gone on with.
const TRIES: u32 = 5;

/// What of a file is there.
pub(crate) struct Download<'a> {
    /// Where it goes; nowhere in a dry run.
    file: Option<(File, &'a str)>,
    digest: Sha256,
    length: u64,
    most: u64,
    /// How much of it was there from before.
    pub(crate) resumed: u64,
    /// Whether its checksum tells in the end whether parts belong together.
    is_checked: bool,
}

/// Why no more comes.
enum Break {
    /// The method fails with it.
    Failed(Error),
    /// It may be gone on with.
    Ended(End),
}

impl<'a> Download<'a> {
    /// Into a file, in which a part may be already where its checksum is known.
    pub(crate) fn into(file: Option<(File, &'a str)>, most: u64, is_checked: bool) -> Result<Self, Error> {
        let mut download = Self { file, digest: Sha256::new(), length: 0, most, resumed: 0, is_checked };
        if let (true, Some((file, path))) = (is_checked, &mut download.file) {
            let mut piece = vec![0; PIECE as usize];
            loop {
                match file.read(&mut piece).map_err(|error| of_io(&error, "read", path))? {
                    0 => break,
                    read => {
                        download.digest.update(&piece[..read]);
                        download.length += read as u64;
                    }
                }
            }
            download.resumed = download.length;
        }
        Ok(download)
    }

    /// Fetches what is not there yet, and gives back size and checksum of all of it.
    pub(crate) fn run(&mut self, way: &mut Way) -> Result<(u64, String), Error> {
        let (mut tries, mut validator) = (0, None);
        loop {
            let before = self.length;
            match self.part(way, &mut validator) {
                Ok(()) => break,
                Err(Break::Failed(error)) => return Err(error),
                Err(Break::Ended(end)) => {
                    tries += 1;
                    let is_known = self.is_checked || validator.is_some();
                    if tries == TRIES || !is_known || self.length == before {
                        return Err(way.ended(&end));
                    }
                    log::warn!("it broke off after {} bytes, and is gone on with from there", self.length);
                }
            }
        }
        if let Some((file, path)) = &mut self.file {
            file.flush().and_then(|()| file.sync_all()).map_err(|error| of_io(&error, "write", path))?;
        }
        Ok((self.length, hexadecimal(&self.digest.clone().finalize())))
    }

    /// One request, and what comes of it.
    fn part(&mut self, way: &mut Way, validator: &mut Option<String>) -> Result<(), Break> {
        let range = format!("bytes={}-", self.length);
        let mut headers = Vec::new();
        if self.length > 0 {
            headers.push(("range", range.as_str()));
            headers.extend(validator.as_deref().map(|validator| ("if-range", validator)));
        }
        let mut answer = way.ask(Method::Get, &headers)?;
        if answer.status() == 416 && self.length > 0 {
            // There is no more than is there: its checksum tells whether that is all of it.
            return if self.is_checked {
                Ok(())
            } else {
                Err(Break::Ended(End::Broken("it is another file now".into())))
            };
        }
        way.check(&answer).map_err(Break::Failed)?;
        match way::start(&answer) {
            Some(start) if start == self.length => {}
            Some(0) => self.forget().map_err(Break::Failed)?,
            _ => {
                return Err(Break::Failed(Error::Other(
                    "the server gives another part than was asked for".into(),
                )));
            }
        }
        *validator = way::validator(&answer);
        let announced: Option<u64> =
            answer.header("content-length").and_then(|length| length.trim().parse().ok());
        let total = announced.map_or(0, |length| self.length.saturating_add(length));
        self.room(total)?;
        while let Some(piece) = answer.piece(PIECE, Instant::now() + PATIENCE)? {
            self.take(&piece, total)?;
        }
        if total > 0 && self.length < total {
            return Err(Break::Ended(End::Broken("the answer broke off".to_owned())));
        }
        Ok(())
    }

    fn room(&self, length: u64) -> Result<(), Break> {
        if length <= self.most {
            return Ok(());
        }
        Err(Break::Failed(Error::Denied(format!(
            "the file has more than {} bytes; `most-bytes` allows more",
            self.most
        ))))
    }

    fn take(&mut self, piece: &[u8], total: u64) -> Result<(), Break> {
        let now = self.length + piece.len() as u64;
        self.room(now)?;
        if let Some((file, path)) = &mut self.file {
            file.write_all(piece).map_err(|error| Break::Failed(of_io(&error, "write", path)))?;
        }
        self.digest.update(piece);
        if self.length / SAID_EVERY != now / SAID_EVERY {
            job::progress(now, total, "fetching");
        }
        self.length = now;
        Ok(())
    }

    /// Whether nothing of it is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) -> Result<(), Error> {
        if let Some((file, path)) = &mut self.file {
            let emptied = file.set_len(0).and_then(|()| file.rewind());
            emptied.map_err(|error: io::Error| of_io(&error, "write", path))?;
        }
        (self.digest, self.length, self.resumed) = (Sha256::new(), 0, 0);
        Ok(())
    }
}

impl From<Stop> for Break {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(error) => Self::Failed(error),
            Stop::Ended(end) => Self::Ended(end),
        }
    }
}
