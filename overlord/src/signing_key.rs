//! The key with which an operator signs calls, in the folder of its context: made once, and never renewed by itself, since
//! minions have it pinned.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use wire::identity::{IdentityError, write_public};
use wire::signing::SigningKey;
use wire::signing::mandate::KeyCertificate;

use crate::folder::{Folder, FolderError};

impl Folder {
    /// The key with which this folder's operator signs calls; `None` where it has none.
    ///
    /// # Errors
    /// [`FolderError::Key`], where it cannot be read.
    pub fn signing_key(&self) -> Result<Option<SigningKey>, FolderError> {
        let file = self.signing_key_file();
        if !file.exists() {
            return Ok(None);
        }
        Ok(Some(SigningKey::load(&file)?))
    }

    /// The same key, which is made where there is none.
    ///
    /// # Errors
    /// [`FolderError::Key`], where it cannot be read or made.
    pub fn make_signing_key(&self) -> Result<SigningKey, FolderError> {
        if let Some(key) = self.signing_key()? {
            return Ok(key);
        }
        let key = SigningKey::generate()?;
        key.save_new(&self.signing_key_file())?;
        Ok(key)
    }

    /// The file of that key.
    pub fn signing_key_file(&self) -> PathBuf {
        self.dir().join("calls.key")
    }

    /// What an operators' authority says of that key; `None` where none does.
    ///
    /// # Errors
    /// [`FolderError::KeyCertificate`], where the file of it cannot be read.
    pub fn key_certificate(&self) -> Result<Option<KeyCertificate>, FolderError> {
        let path = self.key_certificate_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IdentityError::File { action: "read", path, source }.into()),
        };
        match text.parse() {
            Ok(certificate) => Ok(Some(certificate)),
            Err(source) => Err(FolderError::KeyCertificate { path, source }),
        }
    }

    /// Keeps what an operators' authority says of that key.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be written.
    pub fn keep_key_certificate(&self, certificate: &KeyCertificate) -> Result<(), FolderError> {
        Ok(write_public(&self.key_certificate_file(), certificate.to_string().as_bytes())?)
    }

    fn key_certificate_file(&self) -> PathBuf {
        self.dir().join("calls.cert")
    }
}
