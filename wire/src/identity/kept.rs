//! How an identity lies in a folder: its key, its certificates and those of its authority, each in a file.
//!
//! They are replaced together, as if they were one file. All of them are first written into one beside them, which
//! counts from the moment in which it has its name; then each gets its place, and that file goes. Whoever finds it
//! takes what it holds, and finishes the work of a process that died over it. Whoever writes has the folder for itself
//! meanwhile, so that nobody reads a key of one identity and the certificate of another.

use std::fs::File;
use std::path::{Path, PathBuf};

use machine::failpoint::{Point, reach};
use pem::Pem;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;

use super::files::{self, AUTHORITY_PEM, read_certificates};
use super::pem::pem;
use super::{Identity, IdentityError};

impl Identity {
    /// Reads `NAME.key`, `NAME.pem` and `authority.pem` of a folder.
    ///
    /// # Errors
    /// [`IdentityError::File`] where one of them cannot be read, and [`IdentityError::NotPem`] where it holds
    /// something else.
    pub fn load(dir: &Path, name: &str) -> Result<Self, IdentityError> {
        Kept::new(dir, name).load()
    }

    /// Writes `NAME.key` (mode 0600), `NAME.pem` and `authority.pem` into a folder, all in one step: whoever loads the
    /// identity later finds this one or the one before, also where this process dies over it.
    ///
    /// # Errors
    /// [`IdentityError::File`] where one of them cannot be written.
    pub fn save(&self, dir: &Path, name: &str) -> Result<(), IdentityError> {
        Kept::new(dir, name).save(self)
    }

    /// Like [`Identity::save`], in the place of `before`. Returns `false` where another identity is there meanwhile,
    /// and then writes nothing.
    ///
    /// # Errors
    /// As [`Identity::load`] and [`Identity::save`].
    pub fn replace(&self, dir: &Path, name: &str, before: &Self) -> Result<bool, IdentityError> {
        Kept::new(dir, name).replace(before, self)
    }
}

/// One identity in a folder, by the stem of its files.
struct Kept<'a> {
    dir: &'a Path,
    name: &'a str,
}

impl<'a> Kept<'a> {
    fn new(dir: &'a Path, name: &'a str) -> Self {
        Self { dir, name }
    }

    /// Reads the identity, and finishes a replacement that was broken off.
    fn load(&self) -> Result<Identity, IdentityError> {
        {
            let _reading = self.lock(File::lock_shared);
            if !self.replacement().exists() {
                return self.read();
            }
        }
        let _writing = self.lock(File::lock);
        let Some(identity) = self.read_replacement()? else { return self.read() };
        // Where this user may not write, the next one finishes it.
        let _ = self.put_in_place(&identity);
        Ok(identity)
    }

    /// Puts an identity in the place of whatever is there.
    fn save(&self, identity: &Identity) -> Result<(), IdentityError> {
        let _writing = self.lock(File::lock);
        self.write(identity)
    }

    /// Puts an identity in the place of `before`; `false` where another is there meanwhile, which stays.
    fn replace(&self, before: &Identity, identity: &Identity) -> Result<bool, IdentityError> {
        let _writing = self.lock(File::lock);
        let there = match self.read_replacement()? {
            Some(there) => there,
            None => self.read()?,
        };
        if !there.has_certificate_of(before) {
            return Ok(false);
        }
        reach(Point::KeepBefore);
        self.write(identity)?;
        reach(Point::KeepAfter);
        Ok(true)
    }

    fn write(&self, identity: &Identity) -> Result<(), IdentityError> {
        let certificates = |label, certificates: &[CertificateDer<'static>]| -> String {
            certificates.iter().map(|certificate| pem(label, certificate)).collect()
        };
        let whole = [
            pem(KEY, &identity.key),
            certificates(CERTIFICATE, &identity.chain),
            certificates(AUTHORITY, &identity.authorities),
        ];
        files::write_private(&self.replacement(), whole.concat().as_bytes())?;
        reach(Point::KeepHalfway);
        self.put_in_place(identity)
    }

    /// Gives each part its file, and takes the whole away.
    fn put_in_place(&self, identity: &Identity) -> Result<(), IdentityError> {
        let certificates = |certificates: &[CertificateDer<'static>]| -> String {
            certificates.iter().map(|certificate| pem(CERTIFICATE, certificate)).collect()
        };
        files::write_private(&self.file("key"), pem(KEY, &identity.key).as_bytes())?;
        files::write_public(&self.authorities(), certificates(&identity.authorities).as_bytes())?;
        files::write_public(&self.file("pem"), certificates(&identity.chain).as_bytes())?;
        files::remove(&self.replacement())
    }

    fn read(&self) -> Result<Identity, IdentityError> {
        let key = files::read_key(&self.file("key"))?.serialize_der();
        let chain = read_certificates(&self.file("pem"))?;
        let own = self.authorities();
        let authorities = read_certificates(&if own.exists() { own } else { self.dir.join(AUTHORITY_PEM) })?;
        Ok(Identity { key, chain, authorities })
    }

    /// The identity that is to be put in place; `None` where there is none.
    fn read_replacement(&self) -> Result<Option<Identity>, IdentityError> {
        let path = self.replacement();
        if !path.exists() {
            return Ok(None);
        }
        let spoiled = || IdentityError::NotPem { path: path.clone(), what: "a key with its certificates" };
        let parts = ::pem::parse_many(files::read(&path)?).map_err(|_| spoiled())?;
        let labelled = |label: &str| -> Vec<CertificateDer<'static>> {
            let parts = parts.iter().filter(|part| part.tag() == label);
            parts.map(|part| part.contents().to_vec().into()).collect()
        };
        let key = parts.iter().find(|part| part.tag() == KEY).map(Pem::contents);
        let key = key.and_then(|key| KeyPair::try_from(key).ok()).ok_or_else(spoiled)?.serialize_der();
        let (chain, authorities) = (labelled(CERTIFICATE), labelled(AUTHORITY));
        if chain.is_empty() || authorities.is_empty() {
            return Err(spoiled());
        }
        Ok(Some(Identity { key, chain, authorities }))
    }

    /// Has the folder to itself, or together with others who only read, until this is dropped. Some file systems have
    /// no locks: there, the moment in which two would have to wait for each other is short.
    fn lock(&self, lock: fn(&File) -> std::io::Result<()>) -> Option<File> {
        let folder = File::open(self.dir).ok()?;
        lock(&folder).ok()?;
        Some(folder)
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.dir.join(format!("{}.{extension}", self.name))
    }

    /// The file with the authorities that the identity trusts. In an overlord's folder there is an operator's identity as well,
    /// which may trust others than the overlord's own for a while; folders of earlier versions have one file for both.
    fn authorities(&self) -> PathBuf {
        match self.name {
            OVERLORD => self.dir.join("overlord.authority.pem"),
            _ => self.dir.join(AUTHORITY_PEM),
        }
    }

    /// The file with the whole of an identity that is to be put in place.
    fn replacement(&self) -> PathBuf {
        self.file("replacing")
    }
}

/// The stem of the files of an overlord's own identity.
const OVERLORD: &str = "overlord";
const KEY: &str = "PRIVATE KEY";
const CERTIFICATE: &str = "CERTIFICATE";
/// Not a label that others know: what tells the authority's certificates from the identity's own.
const AUTHORITY: &str = "AUTHORITY CERTIFICATE";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Authority, Side};
    use super::*;

    fn authority(dir: &Path) -> Authority {
        Authority::create(dir).expect("an authority")
    }

    fn identity(authority: &Authority) -> Identity {
        authority.issue(Side::Minion, "web1").expect("an identity")
    }

    #[test]
    fn a_replacement_that_was_broken_off_is_finished_and_never_mixed() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = authority(dir.path());
        let (former, new) = (identity(&authority), identity(&authority));
        former.save(dir.path(), "minion").expect("saved");
        let kept = Kept::new(dir.path(), "minion");
        // As a process leaves it that dies after the first of three files.
        let elsewhere = tempfile::tempdir().expect("a folder");
        let (key, replacing) = (dir.path().join("minion.key"), dir.path().join("minion.replacing"));
        new.save(elsewhere.path(), "minion").expect("saved");
        std::fs::copy(elsewhere.path().join("minion.key"), &key).expect("copied");
        let parts =
            [pem(KEY, &new.key), pem(CERTIFICATE, &new.chain[0]), pem(AUTHORITY, &new.authorities[0])];
        std::fs::write(&replacing, parts.concat()).expect("written");

        assert!(!kept.replace(&former, &former).expect("reads"), "the former one is not there any more");
        let read = Identity::load(dir.path(), "minion").expect("loaded");
        assert!(read.has_certificate_of(&new) && read.key == new.key);
        assert!(!replacing.exists(), "it is finished");
        let read = Identity::load(dir.path(), "minion").expect("loaded");
        assert!(read.has_certificate_of(&new) && read.key == new.key);
    }

    #[test]
    fn an_identity_takes_the_place_of_the_one_that_is_meant_and_of_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = authority(dir.path());
        let [one, two, three] = [(); 3].map(|()| identity(&authority));
        one.save(dir.path(), "minion").expect("saved");
        assert!(two.replace(dir.path(), "minion", &one).expect("written"));
        assert!(!three.replace(dir.path(), "minion", &one).expect("looked at"));
        assert!(Identity::load(dir.path(), "minion").expect("loaded").has_certificate_of(&two));
        let mode = std::fs::metadata(dir.path().join("minion.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_replacement_that_is_none_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        identity(&authority(dir.path())).save(dir.path(), "minion").expect("saved");
        std::fs::write(dir.path().join("minion.replacing"), "nothing").expect("written");
        let error = Identity::load(dir.path(), "minion").expect_err("spoiled");
        assert!(error.to_string().contains("minion.replacing"), "{error}");
    }
}
