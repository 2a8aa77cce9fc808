//! The keys of authorities, encrypted on disk or not: changed where the folder is, whether or not the daemon runs.

use std::path::{Path, PathBuf};

use machine::clock::now_ms;
use wire::identity::{Authority, IdentityError};

use super::state::State;
use super::store::{CREDENTIAL, Store};

/// Why keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// There is no passphrase.
    #[error(
        "there is no passphrase: write one into a file that only the overlord can read, and name it with `passphrase-file` \
         under [authority] in overlord.toml"
    )]
    NoPassphrase,
    /// The folder cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// The file with the passphrase: the one that the configuration names, or the credential that systemd brings; `None` where
/// there is neither.
pub fn passphrase_file(configured: Option<PathBuf>) -> Option<PathBuf> {
    configured.or_else(|| {
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
        Some(PathBuf::from(folder).join(CREDENTIAL)).filter(|path| path.exists())
    })
}

/// Encrypts the keys of the authorities of a folder with the passphrase in this file. Returns how many there are.
///
/// # Errors
/// [`EncryptionError`]; each key is as it was then, or encrypted.
pub fn encrypt(dir: &Path, passphrase: Option<PathBuf>) -> Result<usize, EncryptionError> {
    let store = Store::new(dir, passphrase);
    if !store.has_passphrase() {
        return Err(EncryptionError::NoPassphrase);
    }
    let _changing = store.lock()?;
    let (state, first) = store.state()?;
    let state = match first {
        Some(first) => moved_in(&store, &first, state)?,
        None => state,
    };
    let count = store.rewrite_keys(&state, false)?;
    // With this the first authority's key in its former place goes.
    store.sweep(&state)?;
    Ok(count)
}

/// Decrypts the keys again. Returns how many there are.
///
/// # Errors
/// [`EncryptionError`]; each key is as it was then, or decrypted.
pub fn decrypt(dir: &Path, passphrase: Option<PathBuf>) -> Result<usize, EncryptionError> {
    let store = Store::new(dir, passphrase);
    let _changing = store.lock()?;
    let (state, _) = store.state()?;
    Ok(store.rewrite_keys(&state, true)?)
}

/// Brings the first authority of a folder to where all others are.
fn moved_in(store: &Store, first: &Authority, state: State) -> Result<State, IdentityError> {
    store.keep(first)?;
    let state = State { since: Some(now_ms()), ..state };
    store.put_state(&state)?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_left_alone_while_another_process_changes_the_authorities() {
        let dir = tempfile::tempdir().expect("a folder");
        Authority::create(dir.path()).expect("made");
        std::fs::write(dir.path().join("passphrase"), "correct horse battery").expect("written");
        let passphrase = || Some(PathBuf::from("passphrase"));
        let daemon = Store::new(dir.path(), None).lock().expect("nobody else has it");
        for change in [encrypt, decrypt] {
            let error = change(dir.path(), passphrase()).expect_err("the daemon has it").to_string();
            assert!(error.contains("try again"), "{error}");
        }
        assert!(dir.path().join("authority.key").exists());
        drop(daemon);
        assert_eq!(encrypt(dir.path(), passphrase()).expect("encrypted"), 1);
    }
}
