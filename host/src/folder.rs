//! The minion's folder: the places of its identity, its ledger, its modules and its configuration.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use machine::home;
use serde::{Deserialize, Serialize};

use wire::identity::{Identity, IdentityError, create_private_dir, write_public};
use wire::name::MinionName;

/// The folder of one minion.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

/// The overlord that a minion belongs to: what `minion join` left in `enrolment.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The address of the overlord: `host:port`.
    pub overlord: String,
    /// The name that the overlord gave to this minion.
    pub name: MinionName,
}

/// Why a folder could not be found, read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// No folder is named, and this user has no home for one.
    #[error("there is no home folder: set MINION_DIR")]
    Homeless,
    /// No minion was enrolled in this folder.
    #[error(
        "\"{0}\" holds no enrolled minion: get a token with `overlord minion invite NAME`, then run \
         `minion join TOKEN`"
    )]
    NotEnrolled(PathBuf),
    /// The folder does not exist.
    #[error(
        "there is no folder \"{0}\": run `minion join TOKEN` first, which makes it, or name the minion's folder with --dir"
    )]
    Missing(PathBuf),
    /// The file that names the overlord holds something else.
    #[error("\"{path}\" is spoiled ({cause}): run `minion join` again with a new token")]
    Spoiled {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// A file in the folder could not be read or written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl Folder {
    /// The folder that a flag or `MINION_DIR` names, or the usual one of this user.
    ///
    /// # Errors
    /// [`FolderError::Homeless`], where neither names one and the user has no home.
    pub fn locate(named: Option<PathBuf>) -> Result<Self, FolderError> {
        let dir = match named.filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) => dir,
            None if nix::unistd::geteuid().is_root() => PathBuf::from("/var/lib/minion"),
            None => home::data().ok_or(FolderError::Homeless)?.join("minion"),
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

    /// The folder of keys and certificates.
    pub fn identity_dir(&self) -> PathBuf {
        self.dir.join("identity")
    }

    /// The folder of the ledger.
    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    /// The folder of compiled modules.
    pub fn cache(&self) -> PathBuf {
        self.dir.join("cache")
    }

    /// The folder that modules are loaded from where the configuration names no other.
    pub fn modules(&self) -> PathBuf {
        self.dir.join("modules")
    }

    /// The folder of the versions of modules that are kept to go back to.
    pub fn versions(&self) -> PathBuf {
        self.dir.join("versions")
    }

    /// The folder of the files of modules that have not arrived as a whole.
    pub fn staged(&self) -> PathBuf {
        self.dir.join("staged")
    }

    /// The file of the audit log: every call and denial.
    pub fn audit(&self) -> PathBuf {
        self.dir.join("audit.jsonl")
    }

    /// The file with the highest version of each module that was ever in service.
    pub fn highest_versions(&self) -> PathBuf {
        self.dir.join("highest-versions.toml")
    }

    /// The socket on which the running minion tells its owner how it is.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("minion.sock")
    }

    /// The folder of one of the minions of the swarm whose folder this is.
    pub fn of_minion(&self, name: &MinionName) -> Self {
        Self { dir: self.minions().join(name.as_str()) }
    }

    /// Whether this is the folder of a swarm.
    pub fn is_of_swarm(&self) -> bool {
        self.minions().is_dir()
    }

    fn minions(&self) -> PathBuf {
        self.dir.join("minions")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.join("minion.toml")
    }

    /// Makes the folder where there is none, for its owner alone.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where it cannot be made.
    pub fn create(&self) -> Result<(), FolderError> {
        create_private_dir(&self.dir)?;
        Ok(create_private_dir(&self.identity_dir())?)
    }

    /// The key and certificate that an overlord gave to this minion.
    ///
    /// # Errors
    /// [`FolderError::NotEnrolled`] where there are none, and [`FolderError::Identity`] where they cannot be read.
    pub fn identity(&self) -> Result<Identity, FolderError> {
        if !self.identity_dir().join(format!("{IDENTITY}.pem")).exists() {
            return Err(FolderError::NotEnrolled(self.dir.clone()));
        }
        Ok(Identity::load(&self.identity_dir(), IDENTITY)?)
    }

    /// Which file the certificate is in, and when it was written: another stamp means that it was replaced.
    pub(crate) fn certificate_stamp(&self) -> Option<(u64, SystemTime)> {
        let found = std::fs::metadata(self.identity_dir().join(format!("{IDENTITY}.pem"))).ok()?;
        Some((found.ino(), found.modified().ok()?))
    }

    /// Keeps a key with the certificate that was made for it, and the overlord that made it.
    ///
    /// # Errors
    /// [`FolderError::Identity`], where they cannot be written.
    pub fn enrol(&self, identity: &Identity, enrolment: &Enrolment) -> Result<(), FolderError> {
        let text = toml::to_string(enrolment).map_err(|error| self.spoiled(&error))?;
        write_public(&self.enrolment_file(), text.as_bytes())?;
        Ok(identity.save(&self.identity_dir(), IDENTITY)?)
    }

    /// Keeps a renewed identity in the place of `before`; `false` where another one is there meanwhile, as after another
    /// join.
    pub(crate) fn renew(&self, before: &Identity, renewed: &Identity) -> Result<bool, IdentityError> {
        renewed.replace(&self.identity_dir(), IDENTITY, before)
    }

    /// The overlord that this minion belongs to, as `minion join` wrote it down.
    ///
    /// # Errors
    /// [`FolderError::NotEnrolled`] where nobody joined from here, and [`FolderError::Spoiled`] where the file
    /// holds something else.
    pub fn enrolment(&self) -> Result<Enrolment, FolderError> {
        let path = self.enrolment_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| self.spoiled(&error.message())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(FolderError::NotEnrolled(self.dir.clone()))
            }
            Err(source) => Err(IdentityError::File { action: "read", path, source }.into()),
        }
    }

    fn enrolment_file(&self) -> PathBuf {
        self.dir.join("enrolment.toml")
    }

    fn spoiled(&self, cause: &dyn std::fmt::Display) -> FolderError {
        FolderError::Spoiled { path: self.enrolment_file(), cause: cause.to_string() }
    }
}

/// The stem of the files of the minion's own key and certificate.
const IDENTITY: &str = "minion";

#[cfg(test)]
mod tests {
    use wire::identity::{Authority, Side};

    use super::*;

    #[test]
    fn an_enrolment_is_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::at(dir.path().join("minion"));
        folder.create().expect("made");
        assert!(matches!(folder.identity(), Err(FolderError::NotEnrolled(_))));
        assert!(matches!(folder.enrolment(), Err(FolderError::NotEnrolled(_))));

        let authority = Authority::create(dir.path()).expect("an authority");
        let identity = authority.issue(Side::Minion, "web1").expect("an identity");
        let enrolment =
            Enrolment { overlord: "o.example:51234".into(), name: "web1".parse().expect("a name") };
        folder.enrol(&identity, &enrolment).expect("kept");
        assert_eq!(folder.enrolment().expect("there"), enrolment);
        let peer = folder.identity().expect("there").peer().expect("ours");
        assert_eq!((peer.side, peer.name.as_str()), (Side::Minion, "web1"));
    }
}
