//! Key and certificate files: private ones are 0600 in folders of 0700, all are replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rcgen::KeyPair;

use super::IdentityError;

/// Makes a folder, and those above it, that only its owner can enter.
pub fn create_private_dir(dir: &Path) -> Result<(), IdentityError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| file("create", dir, source))
}

/// Writes a file that only its owner can read, replacing what was there in one step.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    replace(path, bytes, 0o600)
}

/// Writes a file that everyone may read, replacing what was there in one step.
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
    // Beside the target, so that the rename stays within one file system.
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        // One that a killed process left behind must not stand in the way.
        let _ = fs::remove_file(&temporary);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        // The new name is to outlive a loss of power too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&temporary);
        file("write", path, source)
    })
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> IdentityError {
    IdentityError::File { action, path: path.to_owned(), source }
}
