//! Key and certificate files: private ones have mode 0600 in folders of 0700, and all are replaced in one step, so
//! that nobody ever reads half of one.

use std::fs;
use std::path::Path;

use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;

use super::error::IdentityError;
use super::pem::certificates;

/// The name of the file with the authority's certificate, in the folder of every side.
pub(super) const AUTHORITY_PEM: &str = "authority.pem";

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

/// The certificates in a file, of which there is at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let certificates = certificates(&read(path)?);
    certificates.ok_or_else(|| IdentityError::NotPem { path: path.to_owned(), what: "a PEM certificate" })
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), IdentityError> {
    machine::file::replace(path, bytes, mode).map_err(|source| file("write", path, source))
}

pub(super) fn remove(path: &Path) -> Result<(), IdentityError> {
    machine::file::remove(path).map_err(|source| file("remove", path, source))
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> IdentityError {
    IdentityError::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_replaced_with_the_mode_that_they_should_have() {
        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let (private, public) = (folder.path().join("a.key"), folder.path().join("a.pem"));
        for text in [b"first", b"other"] {
            write_private(&private, text).expect("written");
            write_public(&public, text).expect("written");
            assert_eq!((mode(&private), mode(&public)), (0o600, 0o644));
            assert_eq!(
                (read(&private).expect("read"), read(&public).expect("read")),
                (text.to_vec(), text.to_vec())
            );
        }
        let inner = folder.path().join("some/where");
        create_private_dir(&inner).expect("made");
        assert_eq!(mode(&inner), 0o700);
    }

    #[test]
    fn an_error_says_what_was_tried_with_which_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.key");
        let missing = read(&file).expect_err("missing").to_string();
        assert!(missing.starts_with(&format!("cannot read {file:?}: No such file")), "{missing}");
        fs::write(&file, "text").expect("written");
        let not_pem = read_key(&file).map(|_| ()).expect_err("no key").to_string();
        assert_eq!(not_pem, format!("{file:?} is not a PEM private key"));
        let below = create_private_dir(&file.join("below")).expect_err("a file").to_string();
        assert!(below.starts_with("cannot create \""), "{below}");
        let below = write_public(&file.join("below"), b"").expect_err("a file").to_string();
        assert!(below.starts_with("cannot write \""), "{below}");
    }
}
