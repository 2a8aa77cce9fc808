//! The private half of a signing key, and its file.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::claim::ModuleClaim;
use super::module_signature::{ModuleSignature, SignatureTooLarge};
use super::public_key::PublicKey;
use crate::identity;

/// An ed25519 key that modules, or calls, are signed with. Its file is PKCS#8 in PEM, as `openssl genpkey` writes it too.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

/// Why a signing key could not be made, kept or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The file exists already, and may hold a key that is in use.
    #[error("\"{}\" is there already: choose another file, or see its public key with `overlord key show`", .0.display())]
    AlreadyThere(PathBuf),
    /// The file could not be read.
    #[error("cannot read \"{}\": {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write \"{}\": {source}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds something else than a private ed25519 key.
    #[error("\"{}\" is not a private ed25519 key in PEM: make one with `overlord key new FILE`", .0.display())]
    NotAKey(PathBuf),
}

impl SigningKey {
    /// Makes a new key, which is in memory only until [`SigningKey::save_new`] wrote it.
    ///
    /// # Errors
    /// [`KeyError::Random`] where the system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Random)?;
        Self::from_pkcs8(document.as_ref().to_vec()).ok_or(KeyError::Random)
    }

    /// Reads the file of a key.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`] where it cannot be read, and [`KeyError::NotAKey`] where it holds something else.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = fs::read(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
        let pkcs8 = identity::pkcs8_from_pem(&text);
        pkcs8.and_then(Self::from_pkcs8).ok_or_else(|| KeyError::NotAKey(path.to_owned()))
    }

    /// Writes the key into a new file that only its owner can read (mode 0600).
    ///
    /// # Errors
    /// [`KeyError::AlreadyThere`] where the file exists, which is left as it is, and [`KeyError::Unwritable`] where
    /// it cannot be written, which leaves none behind.
    pub fn save_new(&self, path: &Path) -> Result<(), KeyError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut made = made.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => KeyError::AlreadyThere(path.to_owned()),
            _ => unwritable(path, source),
        })?;
        let text = identity::pem("PRIVATE KEY", &self.pkcs8);
        let written = made.write_all(text.as_bytes()).and_then(|()| made.sync_all());
        written.map_err(|source| {
            // Half a key is none, and would stand in the way of the next try.
            let _ = fs::remove_file(path);
            unwritable(path, source)
        })
    }

    /// The public half of the key, by which its signatures are known.
    pub fn public_key(&self) -> PublicKey {
        let bytes = self.pair.public_key().as_ref().try_into();
        PublicKey::new(bytes.expect("an ed25519 public key has 32 bytes"))
    }

    /// Vouches for a claim.
    ///
    /// # Errors
    /// [`SignatureTooLarge`] where the text of the signature would have more than
    /// [`MAX_SIGNATURE`](super::MAX_SIGNATURE) bytes.
    pub fn sign(&self, claim: ModuleClaim) -> Result<ModuleSignature, SignatureTooLarge> {
        let signature = self.sign_bytes(&claim.to_bytes());
        ModuleSignature::new(claim, self.public_key(), signature)
    }

    /// The signature of these bytes, which say what they are.
    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.pair.sign(bytes).as_ref().try_into().expect("an ed25519 signature has 64 bytes")
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Option<Self> {
        // Other programs leave the public half out, which ring calls unchecked: it is computed then.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).ok()?;
        Some(Self { pair, pkcs8 })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public_key()).finish()
    }
}

fn unwritable(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Unwritable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_survives_its_file_which_is_private_and_never_replaced() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("signing.key");
        let key = SigningKey::generate().expect("made");
        key.save_new(&path).expect("saved");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(SigningKey::load(&path).expect("read").public_key(), key.public_key());
        let other = SigningKey::generate().expect("made");
        assert!(matches!(other.save_new(&path), Err(KeyError::AlreadyThere(_))));
        assert_eq!(SigningKey::load(&path).expect("read").public_key(), key.public_key());
    }

    #[test]
    fn a_key_of_another_program_can_be_used() {
        // The example of RFC 8410, section 10.3.
        let text = "-----BEGIN PRIVATE KEY-----\n\
                    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                    -----END PRIVATE KEY-----\n";
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("other.pem");
        fs::write(&path, text).expect("written");
        let key = SigningKey::load(&path).expect("read").public_key();
        assert_eq!(key.to_string(), "ed25519:Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("signing.key");
        assert!(SigningKey::load(&path).expect_err("missing").to_string().contains("signing.key"));
        for text in [
            &b""[..],
            b"ed25519",
            b"\xff\xfe",
            b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n",
        ] {
            fs::write(&path, text).expect("written");
            assert!(matches!(SigningKey::load(&path), Err(KeyError::NotAKey(_))));
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = SigningKey::generate().expect("made");
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.public_key()));
    }
}
