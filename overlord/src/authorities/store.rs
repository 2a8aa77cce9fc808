//! The files of authorities, in `authorities/` of the overlord's folder: each under the digest of its certificate. They are
//! never changed, and are there before the state names them; what it does not name any more is removed.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use wire::digest::Digest;
use wire::identity::{
    Authority, IdentityError, Passphrase, certificates_of_pem, create_private_dir, is_encrypted,
    write_private, write_public,
};

use super::state::State;

/// The files of an overlord's authorities.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// The overlord's folder.
    dir: PathBuf,
    /// The file with the passphrase with which keys are encrypted, where there is one.
    passphrase: Option<PathBuf>,
}

impl Store {
    pub(super) fn new(dir: &Path, passphrase: Option<PathBuf>) -> Self {
        // A path that is not absolute is one from the folder, like all that its configuration names.
        let passphrase = passphrase.map(|path| dir.join(path));
        Self { dir: dir.to_owned(), passphrase }
    }

    /// Has the authorities' folder to itself until what is returned is dropped, against the daemon and against commands that
    /// change keys beside it. Some file systems have no locks, and go without.
    pub(super) fn lock(&self) -> Result<Locked, IdentityError> {
        create_private_dir(&self.folder())?;
        let Ok(folder) = File::open(self.folder()) else { return Ok(Locked(None)) };
        match folder.try_lock() {
            Ok(()) => Ok(Locked(Some(folder))),
            Err(TryLockError::Error(_)) => Ok(Locked(None)),
            Err(TryLockError::WouldBlock) => Err(IdentityError::Authority(format!(
                "another process changes the authorities in {:?} at this moment: try again",
                self.folder()
            ))),
        }
    }

    /// Whether the folder has an authority.
    pub(super) fn is_there(&self) -> bool {
        self.first_key().exists() || self.state_file().exists()
    }

    /// How far the move is, and the authority of a folder in which there never was one.
    pub(super) fn state(&self) -> Result<(State, Option<Authority>), IdentityError> {
        if let Some(state) = State::read(&self.state_file())? {
            return Ok((state, None));
        }
        let first = Authority::load(&self.dir)?;
        Ok((State::first(first.id()), Some(first)))
    }

    /// Writes down how far the move is. The files of all authorities that it names are there.
    pub(super) fn put_state(&self, state: &State) -> Result<(), IdentityError> {
        state.write(&self.state_file())
    }

    /// An authority.
    pub(super) fn authority(&self, id: Digest) -> Result<Authority, IdentityError> {
        let key = self.read_key(&self.file(&id.to_string(), "key"))?;
        Authority::from_pem(&key, &self.read(&self.file(&id.to_string(), "pem"))?)
    }

    /// The certificates of all authorities whose certificates are good, in DER. Needs no key of theirs.
    pub(super) fn certificates(&self) -> Result<Vec<Vec<u8>>, IdentityError> {
        let paths = match State::read(&self.state_file())? {
            Some(state) => {
                let ids = std::iter::once(state.authority).chain(state.next);
                ids.map(|id| self.file(&id.to_string(), "pem")).collect()
            }
            None => vec![self.dir.join("authority.pem")],
        };
        let read = |path: &PathBuf| Ok(certificates_of_pem(&self.read(path)?).into_iter().next());
        paths.iter().filter_map(|path| read(path).transpose()).collect()
    }

    /// Keeps an authority.
    pub(super) fn keep(&self, authority: &Authority) -> Result<(), IdentityError> {
        create_private_dir(&self.folder())?;
        let id = authority.id().to_string();
        // One that is there already may be encrypted with a passphrase that this process does not have.
        let path = self.file(&id, "key");
        if !path.exists() {
            self.write_key(&path, &authority.key_pem())?;
        }
        write_public(&self.file(&id, "pem"), authority.chain_pem().as_bytes())
    }

    /// Whether the key of an authority is encrypted.
    pub(super) fn is_encrypted(&self, id: Digest) -> bool {
        let files = [self.file(&id.to_string(), "key"), self.first_key()];
        let there = files.iter().find_map(|path| fs::read_to_string(path).ok());
        there.is_some_and(|text| is_encrypted(&text))
    }

    /// Writes all keys once more: encrypted where there is a passphrase, and else as they are. Returns how many there are.
    pub(super) fn rewrite_keys(&self, state: &State, plain: bool) -> Result<usize, IdentityError> {
        let ids = std::iter::once(state.authority).chain(state.next).map(|id| id.to_string());
        let paths = ids.chain([REQUESTED.to_owned()]).map(|stem| self.file(&stem, "key"));
        let mut count = 0;
        for path in paths.filter(|path| path.exists()) {
            let key = self.read_key(&path)?;
            match plain {
                true => write_private(&path, key.as_bytes())?,
                false => self.write_key(&path, &key)?,
            }
            count += 1;
        }
        Ok(count)
    }

    /// Whether there is a passphrase.
    pub(super) fn has_passphrase(&self) -> bool {
        self.passphrase.is_some()
    }

    /// Reads a private key in PEM, which may be encrypted.
    fn read_key(&self, path: &Path) -> Result<String, IdentityError> {
        let key = String::from_utf8_lossy(&self.read(path)?).into_owned();
        if !is_encrypted(&key) {
            return Ok(key);
        }
        let Some(passphrase) = &self.passphrase else {
            return Err(IdentityError::Locked(format!(
                "the key in {path:?} is encrypted, and there is no passphrase: name its file with `passphrase-file` under \
                 [authority] in overlord.toml, or let systemd bring it as the credential \"{CREDENTIAL}\""
            )));
        };
        Passphrase::read(passphrase)?.decrypt(&key).map_err(|error| {
            IdentityError::Locked(format!(
                "the key in {path:?} cannot be decrypted with the passphrase in {passphrase:?}: {error}; bring back the \
                 passphrase that `overlord ca encrypt` was run with, or restore the folder from a backup"
            ))
        })
    }

    /// Writes a private key, encrypted where there is a passphrase. Where there is none, no key beside it may be encrypted: its
    /// owner wants none in plain text.
    fn write_key(&self, path: &Path, key: &str) -> Result<(), IdentityError> {
        match &self.passphrase {
            Some(passphrase) => write_private(path, Passphrase::read(passphrase)?.encrypt(key)?.as_bytes()),
            None if self.has_encrypted_keys()? => Err(IdentityError::Locked(format!(
                "keys in {:?} are encrypted, and there is no passphrase for another one: name its file with `passphrase-file` \
                 under [authority] in overlord.toml, or let systemd bring it as the credential \"{CREDENTIAL}\", and start the \
                 overlord again",
                self.folder()
            ))),
            None => write_private(path, key.as_bytes()),
        }
    }

    /// Whether any key of the folder is encrypted.
    fn has_encrypted_keys(&self) -> Result<bool, IdentityError> {
        let mut paths = vec![self.first_key()];
        for path in self.listed()? {
            if path.extension().is_some_and(|extension| extension == "key") {
                paths.push(path);
            }
        }
        let mut texts = paths.iter().filter(|path| path.exists()).map(|path| self.read(path));
        texts.try_fold(false, |any, text| Ok(any || is_encrypted(&String::from_utf8_lossy(&text?))))
    }

    /// The files in the authorities' folder.
    fn listed(&self) -> Result<Vec<PathBuf>, IdentityError> {
        let folder = self.folder();
        let unread = |source| IdentityError::File { action: "read", path: folder.clone(), source };
        let entries = fs::read_dir(&folder).map_err(unread)?;
        entries.map(|entry| Ok(entry.map_err(unread)?.path())).collect()
    }

    /// Removes an authority to which no move began.
    pub(super) fn discard(&self, id: Digest) -> Result<(), IdentityError> {
        let state = State::read(&self.state_file())?;
        if state.is_some_and(|state| state.authority == id || state.next == Some(id)) {
            return Ok(());
        }
        let files = ["key", "pem", "endorsements"].map(|extension| self.file(&id.to_string(), extension));
        files.iter().try_for_each(|path| remove(path))
    }

    /// The certificates by which one authority vouches for another, in PEM.
    pub(super) fn endorsements(&self, of: Digest) -> Result<Vec<u8>, IdentityError> {
        self.read(&self.file(&of.to_string(), "endorsements"))
    }

    /// Keeps certificates by which one authority vouches for another, in PEM.
    pub(super) fn keep_endorsements(&self, of: Digest, pem: &str) -> Result<(), IdentityError> {
        write_public(&self.file(&of.to_string(), "endorsements"), pem.as_bytes())
    }

    /// The key of which a signing request was exported, in PEM; `None` where there is none.
    pub(super) fn requested(&self) -> Result<Option<String>, IdentityError> {
        let path = self.file(REQUESTED, "key");
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(self.read_key(&path)?))
    }

    /// Keeps such a key.
    pub(super) fn keep_requested(&self, key: &str) -> Result<(), IdentityError> {
        create_private_dir(&self.folder())?;
        self.write_key(&self.file(REQUESTED, "key"), key)
    }

    /// Removes such a key.
    pub(super) fn forget_requested(&self) -> Result<(), IdentityError> {
        remove(&self.file(REQUESTED, "key"))
    }

    /// Removes what the state does not name: authorities that were let go of, and those of moves that never began.
    pub(super) fn sweep(&self, state: &State) -> Result<(), IdentityError> {
        if state.since.is_none() {
            return Ok(());
        }
        let named: Vec<String> = std::iter::once(state.authority)
            .chain(state.next)
            .map(|id| id.to_string())
            .chain(["state".to_owned(), REQUESTED.to_owned()])
            .collect();
        for path in self.listed()? {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            if !named.contains(&stem) {
                remove(&path)?;
            }
        }
        // The first authority has its files in the same place as all others since.
        remove(&self.first_key())
    }

    fn first_key(&self) -> PathBuf {
        self.dir.join("authority.key")
    }

    fn state_file(&self) -> PathBuf {
        self.file("state", "toml")
    }

    fn folder(&self) -> PathBuf {
        self.dir.join("authorities")
    }

    fn file(&self, stem: &str, extension: &str) -> PathBuf {
        self.folder().join(format!("{stem}.{extension}"))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, IdentityError> {
        fs::read(path).map_err(|source| IdentityError::File { action: "read", path: path.to_owned(), source })
    }
}

/// That nobody else changes the authorities' folder.
pub(super) struct Locked(Option<File>);

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // It ends with the file at the latest.
            let _ = folder.unlock();
        }
    }
}

fn remove(path: &Path) -> Result<(), IdentityError> {
    machine::file::remove(path).map_err(|source| IdentityError::File {
        action: "remove",
        path: path.to_owned(),
        source,
    })
}

/// The credential in which systemd may bring the passphrase.
pub(super) const CREDENTIAL: &str = "authority-passphrase";
/// The stem of the file of the key of which a signing request was exported.
const REQUESTED: &str = "requested";
