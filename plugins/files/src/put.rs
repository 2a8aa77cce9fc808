//! Writing a file whole: beside it first, and then in its place.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::time::SystemTime;

use failure::{Error, Kind, time_of};
use host_files::errors::{done, of_io};
use host_files::reading::{Copying, hexadecimal};
use host_files::status::Status;
use host_files::{Temporary, paths, status};
use minion_sdk::job;
use sha2::{Digest as _, Sha256};

use crate::exports::minion::files::files::Written;
use crate::permissions::{Wish, refuse_link};

/// The mode of a new file of which nobody says another.
const MODE: u32 = 0o644;

/// What is to be in a file.
pub(crate) enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// What is in this file.
    Of(&'a Status),
}

impl Content<'_> {
    fn open(&self) -> Result<Box<dyn Read + '_>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(*bytes)),
            Self::Of(source) => {
                let file = File::open(&source.path).map_err(|error| of_io(&error, "read", &source.path))?;
                Ok(Box::new(file))
            }
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Of(source) => source.size,
        }
    }

    fn is_in(&self, there: &Status) -> Result<bool, Error> {
        if there.size != self.size() {
            return Ok(false);
        }
        let file = File::open(&there.path).map_err(|error| of_io(&error, "read", &there.path))?;
        Copying::new("comparing", self.size()).are_alike(&mut self.open()?, file, &there.path)
    }

    fn words(&self) -> String {
        match self {
            Self::Bytes(bytes) => {
                format!("wrote {} bytes (sha256 {})", bytes.len(), hexadecimal(&Sha256::digest(bytes)))
            }
            Self::Of(source) => format!("wrote {} bytes from {}", source.size, source.path),
        }
    }
}

/// Sees to it that a file is there with this content, of these permissions.
pub(crate) fn put(path: &str, content: &Content<'_>, wish: &Wish, backup: bool) -> Result<Written, Error> {
    let path = paths::place(path)?;
    let before = status::find(&path)?;
    before.iter().try_for_each(refuse_all_but_files)?;
    let before = before.as_ref();
    let differs = match before {
        Some(there) => !content.is_in(there)?,
        None => true,
    };
    let wish = if before.is_some() { wish.clone() } else { wish.or_mode(MODE) };
    let steps = wish.steps(before.map(|there| &there.permissions))?;
    let mut told = Written { changed: !steps.words.is_empty(), changes: steps.words.clone(), backup: None };
    if differs {
        told.changed = true;
        told.changes.insert(0, content.words());
        told.backup = replace(&path, before, content, &wish, backup)?;
    } else {
        steps.take(&path)?;
    }
    Ok(told)
}

/// Refuses what is no file, and says what it is.
pub(crate) fn refuse_all_but_files(there: &Status) -> Result<(), Error> {
    refuse_link(there)?;
    let words = match there.kind {
        Kind::File => return Ok(()),
        Kind::Folder => "a folder",
        Kind::Link | Kind::Other => "a device, a pipe or a socket",
    };
    Err(Error::Invalid(format!("\"{}\" is {words}, and no file", there.path)))
}

/// Puts a new file in the place of one, or of nothing. Gives back where the old one is kept, if it is.
fn replace(
    path: &str,
    before: Option<&Status>,
    content: &Content<'_>,
    wish: &Wish,
    backup: bool,
) -> Result<Option<String>, Error> {
    if job::dry_run() {
        // The host records this, and does not do it.
        done(File::options().write(true).create(true).truncate(false).open(path).map(drop), "write", path)?;
        return Ok(None);
    }
    let fail = |error: io::Error| of_io(&error, "write", path);
    let mut new = Temporary::beside(path)?;
    let mut file = File::options().write(true).create_new(true).open(&new.path).map_err(fail)?;
    new.is_made = true;
    let wish = match before {
        Some(there) => wish.over(&there.permissions)?,
        None => wish.clone(),
    };
    // Before anything is in it, so that nobody reads it who may not.
    let made = status::of(&new.path)?;
    wish.steps(Some(&made.permissions))?.take(&new.path)?;
    Copying::new("writing", content.size()).copy(&mut content.open()?, &mut file, path)?;
    file.flush().and_then(|()| file.sync_all()).map_err(fail)?;
    drop(file);
    let kept = if backup { before.map(|_| keep(path)).transpose()? } else { None };
    new.put(path)?;
    Ok(kept)
}

/// Gives a file a second name, under which it stays as it is when another one takes its place.
fn keep(path: &str) -> Result<String, Error> {
    let now = time_of(SystemTime::now()).text;
    for number in 1.. {
        let kept = if number == 1 { format!("{path}.{now}~") } else { format!("{path}.{now}.{number}~") };
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {}
            Err(error) => return Err(of_io(&error, "keep", path)),
        }
    }
    Err(Error::Other(format!("\"{path}\" is kept too often at {now}")))
}
