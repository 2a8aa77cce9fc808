//! Keys that are encrypted on disk, with a passphrase that lies elsewhere.

use std::fs;
use std::path::Path;

use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};

use super::error::IdentityError;
use super::pem::{pem, pkcs8_from_pem};

/// What keys are encrypted with.
#[derive(Clone)]
pub struct Passphrase(String);

impl Passphrase {
    /// Reads the first line of a file, which has to have one.
    ///
    /// # Errors
    /// [`IdentityError::Locked`] where the file cannot be read, or holds nothing.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = fs::read_to_string(path).map_err(|error| {
            IdentityError::Locked(format!("cannot read the passphrase in {path:?}: {error}"))
        })?;
        match text.lines().next().filter(|line| !line.is_empty()) {
            Some(line) => Ok(Self(line.to_owned())),
            None => Err(IdentityError::Locked(format!("the first line of {path:?} holds no passphrase"))),
        }
    }

    /// A private key in PEM, encrypted: PKCS#8 with scrypt and AES-256, in PEM.
    ///
    /// # Errors
    /// [`IdentityError::Locked`] where it is no private key.
    pub fn encrypt(&self, key: &str) -> Result<String, IdentityError> {
        let der = pkcs8_from_pem(key.as_bytes()).ok_or_else(|| locked("it is not a PEM private key"))?;
        let parsed = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(locked)?;
        Ok(pem(ENCRYPTED, parsed.encrypt(&self.0).map_err(locked)?.as_bytes()))
    }

    /// The private key in PEM that was encrypted so.
    ///
    /// # Errors
    /// [`IdentityError::Locked`] where it is no such key, or was encrypted with another passphrase.
    pub fn decrypt(&self, encrypted: &str) -> Result<String, IdentityError> {
        let parsed = ::pem::parse(encrypted).map_err(locked)?;
        let info = EncryptedPrivateKeyInfoRef::try_from(parsed.contents()).map_err(locked)?;
        let key = info.decrypt(&self.0).map_err(|_| {
            locked("the passphrase is not the one that it was encrypted with, or the file is spoiled")
        })?;
        Ok(pem("PRIVATE KEY", key.as_bytes()))
    }
}

/// Whether this is a private key in PEM that is encrypted.
pub fn is_encrypted(key: &str) -> bool {
    key.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

fn locked(why: impl std::fmt::Display) -> IdentityError {
    IdentityError::Locked(why.to_string())
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::make_key;

    fn passphrase(text: &str) -> Result<Passphrase, IdentityError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("passphrase");
        fs::write(&path, text).expect("written");
        Passphrase::read(&path)
    }

    #[test]
    fn a_key_is_read_with_its_passphrase_and_with_no_other() {
        let key = make_key().expect("a key").serialize_pem();
        let right = passphrase("correct horse\nwhatever").expect("read");
        let encrypted = right.encrypt(&key).expect("encrypted");
        assert!(is_encrypted(&encrypted) && !is_encrypted(&key));
        assert!(!encrypted.contains(key.lines().nth(1).expect("a line")));
        let [one, other] = [&key, &right.decrypt(&encrypted).expect("decrypted")]
            .map(|pem| pkcs8_from_pem(pem.as_bytes()).expect("a key"));
        assert_eq!(one, other);
        let wrong = passphrase("correct horses").expect("read").decrypt(&encrypted);
        assert!(wrong.map(|_| ()).expect_err("refused").to_string().contains("the passphrase is not"));
        assert!(right.decrypt(&key).is_err() && right.encrypt(&encrypted).is_err());
    }

    #[test]
    fn a_file_without_a_passphrase_is_named() {
        for text in ["", "\nsecond line"] {
            let error = passphrase(text).map(|_| ()).expect_err("refused").to_string();
            assert!(error.contains("holds no passphrase"), "{error}");
        }
        let missing = Passphrase::read(Path::new("/nowhere/passphrase")).map(|_| ()).expect_err("refused");
        assert!(missing.to_string().contains("/nowhere/passphrase"), "{missing}");
    }
}
