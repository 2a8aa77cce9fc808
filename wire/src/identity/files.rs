//! Key and certificate files: private ones have mode 0600 in folders of 0700, and all are replaced in one step, so
//! that nobody ever reads half of one.

use std::fs;
use std::path::Path;

use rcgen::KeyPair;

use super::IdentityError;

/// Makes a folder that only its owner can enter, and those above it that are missing.
///
/// # Errors
/// [`IdentityError::File`] where one cannot be made.
pub fn create_private_dir(dir: &Path) -> Result<(), IdentityError> {
    machine::file::create_private_folder(dir).map_err(|source| file("create", dir, source))
}

/// Writes a file that only its owner can read (mode 0600), replacing what was there in one step.
///
/// # Errors
/// [`IdentityError::File`] where it cannot be written; never is half of it there.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    replace(path, bytes, 0o600)
}

/// Writes a file that everyone may read (mode 0644), replacing what was there in one step.
///
/// # Errors
/// [`IdentityError::File`] where it cannot be written; never is half of it there.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    replace(path, bytes, 0o644)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|source| file("read", path, source))
}

pub(super) fn read_key(path: &Path) -> Result<KeyPair, IdentityError> {
    let not_pem = || IdentityError::NotPem { path: path.to_owned(), what: "a PEM private key" };
    let text = String::from_utf8(read(path)?).map_err(|_| not_pem())?;
    KeyPair::from_pem(&text).map_err(|_| not_pem())
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), IdentityError> {
    machine::file::replace(path, bytes, mode).map_err(|source| file("write", path, source))
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> IdentityError {
    IdentityError::File { action, path: path.to_owned(), source }
}
