//! Certificates in files.

use std::io::Read as _;

use failure::Error;
use host_files::errors::of_io;
use host_files::reading;

use crate::certificate;
use crate::exports::minion::certs::certs::Certificate;

/// The most bytes of a file.
const MOST: u64 = 1 << 20;

/// The certificates in a file.
pub(crate) fn read(path: &str) -> Result<Vec<Certificate>, Error> {
    let found = bytes(path)?;
    if found.is_empty() {
        return Err(Error::Invalid(format!("\"{path}\" has no certificate in it, in PEM or DER")));
    }
    let read = |bytes: &Vec<u8>| {
        certificate::read(bytes).map_err(|error| {
            Error::Invalid(format!("\"{path}\" has a certificate that cannot be read: {error}"))
        })
    };
    found.iter().map(read).collect()
}

/// The bytes of each certificate in a file.
pub(crate) fn bytes(path: &str) -> Result<Vec<Vec<u8>>, Error> {
    let (file, _) = reading::open(path)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| of_io(&error, "read", path))?;
    if bytes.len() as u64 > MOST {
        return Err(Error::Invalid(format!("\"{path}\" has more than the {MOST} bytes that this takes")));
    }
    Ok(certificate::all(&bytes))
}
