//! The overlord's folder: the places of its authority, its identities, its configuration and its ledger.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use machine::home;
use wire::digest::Digest;
use wire::identity::{Authority, Identity, IdentityError, Peer, Side, create_private_dir, write_public};
use wire::name::OperatorName;
use wire::signing::KeyError;
use wire::signing::mandate::BadCertificate;
use wire::transport::endpoint::DEFAULT_PORT;

use crate::authorities::{Held, passphrase_file};
use crate::config::{Config, ConfigError, Elsewhere, InitOptions};

/// The folder of one overlord.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

/// What `overlord init` made.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The path of the folder.
    pub dir: PathBuf,
    /// The digest by which newcomers know the authority.
    pub fingerprint: Digest,
    /// The operator who may make calls.
    pub operator: OperatorName,
    /// Whether no address is known by which other hosts reach it: tokens then name loopback.
    pub unreachable: bool,
}

/// Why a folder could not be found or made.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// No folder is named, and this user has no home for one.
    #[error("there is no home folder: set OVERLORD_DIR")]
    Homeless,
    /// The folder holds an overlord already.
    #[error("\"{0}\" holds an overlord already: start it with `overlord serve`, or choose another folder")]
    AlreadyThere(PathBuf),
    /// The folder holds no overlord.
    #[error("\"{0}\" holds no overlord: make one with `overlord init`, or set OVERLORD_DIR")]
    NotInitialised(PathBuf),
    /// There is no context of this name.
    #[error(
        "there is no context \"{0}\": see `overlord context list`, and make one with `overlord login TOKEN`"
    )]
    NoContext(String),
    /// A file in the folder could not be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key with which calls are signed cannot be used or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate of that key cannot be used.
    #[error("\"{}\": {source}", .path.display())]
    KeyCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadCertificate,
    },
    /// The configuration in the folder cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Folder {
    /// The folder that a flag or `OVERLORD_DIR` names, or the usual one of this user.
    ///
    /// # Errors
    /// [`FolderError::Homeless`], where neither names one and the user has no home.
    pub fn locate(flag: Option<PathBuf>) -> Result<Self, FolderError> {
        let named = flag.or_else(|| std::env::var_os("OVERLORD_DIR").map(PathBuf::from));
        let dir = match named.filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) => dir,
            None if nix::unistd::geteuid().is_root() => PathBuf::from("/var/lib/overlord"),
            None => home::data().ok_or(FolderError::Homeless)?.join("overlord"),
        };
        Ok(Self { dir })
    }

    /// The folder at this path.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The path of the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of the ledger.
    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// The folder of the files of modules.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("modules")
    }

    /// The file of the audit log, for what the owner should be able to find later.
    pub fn audit(&self) -> PathBuf {
        self.dir.join("audit.jsonl")
    }

    /// The note that the folder was restored from a backup.
    pub(crate) fn restored(&self) -> PathBuf {
        self.dir.join("restored.toml")
    }

    /// Makes the authority, the overlord's certificate, an operator's certificate for the caller, and a
    /// configuration file.
    ///
    /// # Errors
    /// [`FolderError::AlreadyThere`] where there is an authority already, and [`FolderError::Identity`] where
    /// something cannot be made.
    pub fn init(&self, options: &InitOptions) -> Result<Summary, FolderError> {
        if Held::is_there(&self.dir) {
            return Err(FolderError::AlreadyThere(self.dir.clone()));
        }
        create_private_dir(&self.dir)?;
        let operator = caller();
        write_public(&self.dir.join("overlord.toml"), Config::initial(options).as_bytes())?;
        let authority = match &options.authority {
            None => Arc::new(Authority::create(&self.dir)?),
            Some(Elsewhere { chain, key }) => {
                let key = String::from_utf8_lossy(&read(key)?).into_owned();
                Held::install(&self.dir, &key, &read(chain)?)?.own().clone()
            }
        };
        authority.issue(Side::Overlord, "overlord")?.save(&self.dir, "overlord")?;
        authority.issue(Side::Operator, operator.as_str())?.save(&self.dir, OPERATOR)?;
        let config = self.config()?;
        Ok(Summary {
            dir: self.dir.clone(),
            fingerprint: authority.fingerprint(),
            operator,
            unreachable: config.advertise.is_none() && config.listen.ip().to_canonical().is_unspecified(),
        })
    }

    /// The authority whose certificate the overlord shows, as [`Folder::init`] made it or a move has brought it.
    ///
    /// # Errors
    /// [`FolderError::NotInitialised`] where there is none, and [`FolderError::Identity`] where it cannot be read.
    pub fn authority(&self) -> Result<Arc<Authority>, FolderError> {
        Ok(self.authorities()?.own().clone())
    }

    /// Checks that the folder holds an overlord.
    ///
    /// # Errors
    /// [`FolderError::NotInitialised`], where it does not.
    pub fn must_be_there(&self) -> Result<(), FolderError> {
        if Held::is_there(&self.dir) { Ok(()) } else { Err(FolderError::NotInitialised(self.dir.clone())) }
    }

    /// All authorities whose certificates are good: two, while the overlord moves from one to another.
    ///
    /// # Errors
    /// As [`Folder::authority`].
    pub fn authorities(&self) -> Result<Held, FolderError> {
        self.must_be_there()?;
        Ok(Held::of_folder(&self.dir, self.passphrase_file()?)?)
    }

    /// The file with the passphrase with which keys of authorities are encrypted; `None` where there is none.
    ///
    /// # Errors
    /// [`FolderError::Config`], where the configuration cannot be read.
    pub fn passphrase_file(&self) -> Result<Option<PathBuf>, FolderError> {
        Ok(passphrase_file(self.config()?.authority.passphrase_file))
    }

    /// The overlord's own identity. Where its certificate is due, or of another authority, or was made by a clock that was
    /// ahead, there is another one in its place, with another key.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be read or renewed.
    pub fn overlord_identity(&self, authority: &Authority) -> Result<Identity, FolderError> {
        let identity = Identity::load(&self.dir, "overlord")?;
        let Peer { side, name, validity, .. } = identity.peer()?;
        match authority.own_identity(&identity) {
            Some(own) if !validity.is_due() => return Ok(own),
            _ => {}
        }
        let renewed = authority.issue(side, &name)?;
        renewed.save(&self.dir, "overlord")?;
        Ok(renewed)
    }

    /// The identity with which the command line dials. Where the authority is in the folder too, one whose certificate
    /// is not good now, or of an authority that was let go of, gets another certificate; all others are renewed over the connection, by
    /// [`Client::renew_if_due`](crate::client::Client::renew_if_due).
    ///
    /// # Errors
    /// [`FolderError::NotInitialised`] where there is none, and [`FolderError::Identity`] where it cannot be read.
    pub fn operator_identity(&self) -> Result<Identity, FolderError> {
        if !self.dir.join("operator.key").exists() {
            return Err(FolderError::NotInitialised(self.dir.clone()));
        }
        let identity = Identity::load(&self.dir, OPERATOR)?;
        // What cannot be read of the authorities is no reason to make anything.
        let is_of_another =
            || Held::is_there(&self.dir) && Held::have_signed(&self.dir, &identity).is_ok_and(|of| !of);
        if identity.validity()?.check().is_ok() && !is_of_another() {
            return Ok(identity);
        }
        match self.authority() {
            Ok(authority) => {
                let lifetimes = self.config()?.certificates.lifetimes();
                let reissued = authority.reissue(&identity, lifetimes)?;
                reissued.save(&self.dir, OPERATOR)?;
                Ok(reissued)
            }
            Err(_) => Ok(identity),
        }
    }

    /// The operator whose certificate is in the folder, as [`Folder::init`] made it; `None` where there is none.
    pub(crate) fn operator(&self) -> Option<Peer> {
        Identity::load(&self.dir, OPERATOR).ok()?.peer().ok()
    }

    /// Keeps the identity with which the command line dials from now on, in the place of `before`; `false` where another
    /// process has renewed it meanwhile.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be written.
    pub fn renew_operator_identity(
        &self,
        before: &Identity,
        renewed: &Identity,
    ) -> Result<bool, FolderError> {
        Ok(renewed.replace(&self.dir, OPERATOR, before)?)
    }

    /// The configuration in the folder, or the defaults where it has no file of one.
    ///
    /// # Errors
    /// [`FolderError::Config`], where the file cannot be used.
    pub fn config(&self) -> Result<Config, FolderError> {
        Ok(Config::load(&self.dir.join("overlord.toml"))?)
    }

    /// Notes the address that the daemon listens on, for the command line on this host.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be written.
    pub fn note_address(&self, address: SocketAddr) -> Result<(), FolderError> {
        Ok(write_public(&self.dir.join("address"), dialable(address).to_string().as_bytes())?)
    }

    /// The address that the daemon noted when it started last; `None` where it never did.
    pub fn noted_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join("address")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// The address to dial for one that is listened on: loopback where that is "all addresses".
pub fn dialable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        // A socket of IPv6 also takes what comes by IPv4.
        address.set_ip([127, 0, 0, 1].into());
    }
    address
}

/// The address that is dialled where nothing else is said.
pub fn default_address() -> String {
    format!("127.0.0.1:{DEFAULT_PORT}")
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// The user who runs this program, as an operator's name.
fn caller() -> OperatorName {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let name = user.and_then(|user| user.name.parse().ok());
    // The fallback is a literal that has the form of an operator's name.
    name.unwrap_or_else(|| "operator".parse().expect("\"operator\" is an operator's name"))
}

/// The stem of the files of the identity with which the command line dials.
const OPERATOR: &str = "operator";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_once_and_says_so_the_second_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path().join("overlord"));
        assert!(matches!(folder.authority(), Err(FolderError::NotInitialised(_))));
        let summary = folder.init(&InitOptions::default()).expect("made");
        assert_eq!(folder.authority().expect("there").fingerprint(), summary.fingerprint);
        assert!(matches!(folder.init(&InitOptions::default()), Err(FolderError::AlreadyThere(_))));
        assert_eq!(folder.config().expect("parses").listen, Config::default().listen);
    }

    #[tokio::test]
    async fn the_operator_of_the_folder_is_never_left_behind_by_a_move() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path().join("overlord"));
        folder.init(&InitOptions::default()).expect("made");
        let ledger = ledger::OverlordLedger::open(&folder.ledger()).expect("opens");
        let all =
            crate::authorities::Authorities::open((folder.dir(), None), Default::default(), ledger.clone());
        let all = all.await.expect("opens");
        let before = folder.operator_identity().expect("there");
        all.rotate().await.expect("begun");
        assert!(folder.operator_identity().expect("there").has_certificate_of(&before));
        all.finish(&all.held(), |_| Ok(())).await.expect("ended");
        let after = folder.operator_identity().expect("made anew");
        assert_eq!(Digest::of(after.authority()), all.held().own().fingerprint());
        assert!(folder.operator_identity().expect("there").has_certificate_of(&after), "once is enough");
        ledger.close().await;
    }

    #[test]
    fn all_addresses_are_dialled_at_loopback() {
        assert_eq!(dialable(([0, 0, 0, 0], 7).into()), ([127, 0, 0, 1], 7).into());
        assert_eq!(dialable(([10, 0, 0, 1], 7).into()), ([10, 0, 0, 1], 7).into());
    }
}
