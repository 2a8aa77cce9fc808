//! An entry of an archive, whatever sort of archive that is.

use std::io::Read;

use failure::Error;

/// An entry as it stands in an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its path.
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) modified: Option<i64>,
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    File,
    Folder,
    /// A symbolic link, and where it leads.
    Link(String),
    /// Another name of a file, and the first one.
    HardLink(String),
    Other,
}

/// What takes the entries of an archive, each with what is in it; one function for all that do, since a module is small.
pub(crate) type Each<'a> = &'a mut dyn FnMut(Found, &mut dyn Read) -> Result<(), Error>;
