//! The overlord's folder: where its authority, its identities, its configuration and its ledger are.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use machine::home;
use wire::digest::Digest;
use wire::identity::{
    Authority, Identity, IdentityError, Moment, Peer, Role, create_private_dir, write_public,
};
use wire::name::OperatorName;
use wire::transport::endpoint::DEFAULT_PORT;

use crate::config::{Config, ConfigError};
use crate::dial_address::DialAddress;

/// The folder of one overlord.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

/// What `overlord init` is asked for.
#[derive(Clone, Debug, Default)]
pub struct InitOptions {
    /// Where to listen; port 51234 of all addresses where nothing is said.
    pub listen: Option<SocketAddr>,
    /// The `host:port` that minions are told to dial; the listening address where nothing is said.
    pub advertise: Option<DialAddress>,
}

/// What `overlord init` made.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Where it is.
    pub dir: PathBuf,
    /// The digest by which newcomers know the authority.
    pub fingerprint: Digest,
    /// The operator who may make calls.
    pub operator: OperatorName,
    /// Whether nobody says by which address other hosts reach it: tokens then name loopback.
    pub unreachable: bool,
}

/// Why a folder could not be found or made.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no home to put it in.
    #[error("there is no home folder: set OVERLORD_DIR")]
    Homeless,
    /// It was made before.
    #[error("\"{0}\" holds an overlord already: start it with `overlord serve`, or choose another folder")]
    AlreadyThere(PathBuf),
    /// It was never made.
    #[error("\"{0}\" holds no overlord: make one with `overlord init`, or set OVERLORD_DIR")]
    NotInitialised(PathBuf),
    /// A file of it could not be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Folder {
    /// The folder that a flag or `OVERLORD_DIR` names, or the usual one of this user.
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

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the ledger is.
    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// Where the files of modules are.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("modules")
    }

    /// Where it is written what its owner should be able to find later.
    pub fn audit(&self) -> PathBuf {
        self.dir.join("audit.jsonl")
    }

    /// Makes the authority, the overlord's certificate, an operator's certificate for the caller, and a
    /// configuration file. Refuses where there is an authority already.
    pub fn init(&self, options: &InitOptions) -> Result<Summary, FolderError> {
        if self.dir.join("authority.key").exists() {
            return Err(FolderError::AlreadyThere(self.dir.clone()));
        }
        create_private_dir(&self.dir)?;
        let operator = caller();
        write_public(&self.dir.join("overlord.toml"), Config::initial(options).as_bytes())?;
        let authority = Authority::create(&self.dir)?;
        authority.issue(Role::Overlord, "overlord")?.save(&self.dir, "overlord")?;
        authority.issue(Role::Operator, operator.as_str())?.save(&self.dir, "operator")?;
        let config = self.config()?;
        Ok(Summary {
            dir: self.dir.clone(),
            fingerprint: authority.fingerprint(),
            operator,
            unreachable: config.advertise.is_none() && config.listen.ip().to_canonical().is_unspecified(),
        })
    }

    /// The authority, as `init` made it.
    pub fn authority(&self) -> Result<Authority, FolderError> {
        if !self.dir.join("authority.key").exists() {
            return Err(FolderError::NotInitialised(self.dir.clone()));
        }
        Ok(Authority::load(&self.dir)?)
    }

    /// The overlord's own identity, renewed on the way where it has run out or soon will.
    pub fn overlord_identity(&self, authority: &Authority) -> Result<Identity, FolderError> {
        let identity = Identity::load(&self.dir, "overlord")?;
        self.renewed(identity, authority, "overlord")
    }

    /// Another identity in place of one that has run out or soon will, or that a clock which was ahead has made.
    fn renewed(
        &self,
        identity: Identity,
        authority: &Authority,
        file: &str,
    ) -> Result<Identity, FolderError> {
        let Peer { role, name, validity, .. } = identity.peer()?;
        let Moment(now) = Moment::now();
        if validity.from <= now && now < validity.until - RENEW_BEFORE_SECS {
            return Ok(identity);
        }
        let renewed = authority.issue(role, &name)?;
        renewed.save(&self.dir, file)?;
        Ok(renewed)
    }

    /// The identity with which the CLI dials.
    pub fn operator_identity(&self) -> Result<Identity, FolderError> {
        if !self.dir.join("operator.key").exists() {
            return Err(FolderError::NotInitialised(self.dir.clone()));
        }
        let identity = Identity::load(&self.dir, "operator")?;
        // Only where the overlord is, too.
        match self.authority() {
            Ok(authority) => self.renewed(identity, &authority, "operator"),
            Err(_) => Ok(identity),
        }
    }

    /// The configuration file, or the defaults where there is none.
    pub fn config(&self) -> Result<Config, FolderError> {
        Ok(Config::load(&self.dir.join("overlord.toml"))?)
    }

    /// Notes the address that the daemon really listens on, for the CLI on this host.
    pub fn note_address(&self, address: SocketAddr) -> Result<(), FolderError> {
        Ok(write_public(&self.dir.join("address"), dialable(address).to_string().as_bytes())?)
    }

    /// The address that the daemon noted when it started last.
    pub fn noted_address(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.join("address")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// An address to dial for one that is listened on: loopback where that is "all addresses".
pub fn dialable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        // An IPv6 socket takes IPv4 too.
        address.set_ip([127, 0, 0, 1].into());
    }
    address
}

/// The address that is dialled where nobody says another.
pub fn default_address() -> String {
    format!("127.0.0.1:{DEFAULT_PORT}")
}

/// Who runs this program, as an operator's name.
fn caller() -> OperatorName {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let name = user.and_then(|user| user.name.parse().ok());
    // The fallback is a literal that has the form of an operator's name.
    name.unwrap_or_else(|| "operator".parse().expect("\"operator\" is an operator's name"))
}

/// The overlord's certificate is renewed at a start within 60 days of its end.
const RENEW_BEFORE_SECS: i64 = 60 * 24 * 3600;

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

    #[test]
    fn all_addresses_are_dialled_at_loopback() {
        assert_eq!(dialable(([0, 0, 0, 0], 7).into()), ([127, 0, 0, 1], 7).into());
        assert_eq!(dialable(([10, 0, 0, 1], 7).into()), ([10, 0, 0, 1], 7).into());
    }
}
