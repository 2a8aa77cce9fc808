//! The modules folder: whose files are in service, and what they are.

mod file_name;
mod stray;

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use machine::lock;
use wire::digest::Digest;
use wire::message::module::Module;
use wire::name::ModuleName;

use crate::modules::candidate::{Candidate, Signature};
use crate::modules::change_lock::ChangeGuard;
use crate::modules::files;
use crate::signature_file;

pub(crate) use file_name::files_in;
use file_name::{ENDING, module_name};
pub(super) use stray::Found;
use stray::Strays;

/// The modules folder.
pub(super) struct ModulesFolder {
    path: PathBuf,
    /// What lies in it and is no module.
    strays: Mutex<Strays>,
}

/// What a look at a file and its signature tells without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    file: FileLook,
    signature: Option<FileLook>,
}

/// Inode, size and time of the last change, that of its permissions too.
type FileLook = (u64, u64, (i64, i64));

impl Look {
    /// How something looks that cannot be looked at.
    const OBSCURE: Self = Self { file: (0, 0, (0, 0)), signature: Some((0, 0, (0, 0))) };
}

impl ModulesFolder {
    /// The folder at this path, which is made where there is none, with what lies in it and is no module.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        // The system names files by the whole path in what it says of them.
        let path = std::path::absolute(path)?;
        fs::create_dir_all(&path)?;
        let mut strays = Strays::default();
        strays.note(Found::look(&path)?);
        Ok(Self { path, strays: Mutex::new(strays) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its modules, as a look at each shows them. What cannot even be looked at does not hide the others.
    pub(super) fn looks(&self) -> io::Result<BTreeMap<ModuleName, Look>> {
        let mut looks = BTreeMap::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if let Some(name) = module_name(&path)
                && let Some(look) = self.look(&name).unwrap_or(Some(Look::OBSCURE))
            {
                looks.insert(name, look);
            }
        }
        Ok(looks)
    }

    /// A look at one module's files; nothing where it has none.
    pub(super) fn look(&self, name: &ModuleName) -> io::Result<Option<Look>> {
        // A pipe of that name must not stop the minion for ever.
        let Some(file) = files::if_there(fs::metadata(self.file(name)))?.filter(Metadata::is_file) else {
            return Ok(None);
        };
        let signature = match files::if_there(fs::metadata(self.signature(name))) {
            Ok(found) => found.as_ref().map(file_look),
            Err(_) => Look::OBSCURE.signature,
        };
        Ok(Some(Look { file: file_look(&file), signature }))
    }

    /// What is in a module's files; nothing where it has none.
    pub(super) fn read(&self, name: &ModuleName) -> io::Result<Option<Candidate>> {
        if self.look(name)?.is_none() {
            return Ok(None);
        }
        let Some(bytes) = files::if_there(files::read_module(&self.file(name)))? else { return Ok(None) };
        let signature = Signature::beside(&self.file(name));
        let digest = Digest::of(&bytes);
        Ok(Some(Candidate { name: name.clone(), digest, bytes, signature }))
    }

    /// Puts a version in the place of a module's file. Where it fails, the module's file is what it was.
    pub(super) fn put(&self, _: &ChangeGuard, candidate: &Candidate) -> io::Result<()> {
        let (file, signature) = (self.file(&candidate.name), self.signature(&candidate.name));
        // All that needs room and time comes first, so that the file is hardly ever beside the other's signature.
        let new_file = files::write_beside(&file, &candidate.bytes)?;
        match candidate.signature.text() {
            Some(text) => files::replace(&signature, text.as_bytes())?,
            None => files::remove(&signature)?,
        }
        new_file.persist(&file)?;
        files::sync_folder(&self.path)
    }

    /// Removes a module's file, and its signature.
    pub(super) fn remove(&self, _: &ChangeGuard, name: &ModuleName) -> io::Result<()> {
        files::remove(&self.file(name))?;
        files::remove(&self.signature(name))?;
        files::sync_folder(&self.path)
    }

    /// What lies in it now and is no module.
    pub(super) fn find_strays(&self) -> io::Result<Found> {
        Found::look(&self.path)
    }

    /// Takes note of what lies in it and is no module, and tells whether that is something else than before.
    pub(super) fn note_strays(&self, found: Found) -> bool {
        self.strays().note(found)
    }

    /// A row for each thing that lies in it and is no module, under a name that no module has.
    pub(super) fn stray_rows(&self, is_taken: impl Fn(&ModuleName) -> bool) -> Vec<Module> {
        self.strays().rows(is_taken)
    }

    fn strays(&self) -> MutexGuard<'_, Strays> {
        lock::hold(&self.strays)
    }

    /// Where a module's file is, if it has one.
    pub(super) fn file(&self, name: &ModuleName) -> PathBuf {
        self.path.join(format!("{name}.{ENDING}"))
    }

    fn signature(&self, name: &ModuleName) -> PathBuf {
        signature_file::path_of(&self.file(name))
    }
}

fn file_look(metadata: &Metadata) -> FileLook {
    (metadata.ino(), metadata.len(), (metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_listed_and_hides_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = ModulesFolder::open(dir.path().to_owned()).expect("made");
        std::os::unix::fs::symlink("odd.wasm", dir.path().join("odd.wasm")).expect("linked");
        std::os::unix::fs::symlink("good.wasm.sig", dir.path().join("good.wasm.sig")).expect("linked");
        fs::write(dir.path().join("good.wasm"), b"one").expect("written");
        let looks = folder.looks().expect("read");
        let names: Vec<&str> = looks.keys().map(ModuleName::as_str).collect();
        assert_eq!(names, ["good", "odd"]);
        let read = folder.read(&"good".parse().expect("a name")).expect("read").expect("there");
        assert!(matches!(read.signature, Signature::Unreadable(_)), "{read:?}");
        assert!(folder.read(&"odd".parse().expect("a name")).is_err());
    }

    #[test]
    fn a_file_looks_new_with_other_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let folder = ModulesFolder::open(dir.path().to_owned()).expect("made");
        let (file, name) = (dir.path().join("test.wasm"), "test".parse().expect("a name"));
        fs::write(&file, b"one").expect("written");
        let first = folder.look(&name).expect("looked");
        // The system's clock for files moves in steps.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while folder.look(&name).expect("looked") == first {
            assert!(std::time::Instant::now() < end, "it looks the same");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("changed");
        }
    }

    #[test]
    fn a_file_that_is_put_there_replaces_both_files_and_looks_new() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = ModulesFolder::open(dir.path().join("modules")).expect("made");
        let guard = ChangeGuard::alone();
        let name: ModuleName = "test".parse().expect("a name");
        let candidate = |bytes: &[u8], signature: Option<&str>| Candidate {
            name: name.clone(),
            digest: Digest::of(bytes),
            bytes: bytes.to_vec(),
            signature: signature.map(str::to_owned).into(),
        };
        folder.put(&guard, &candidate(b"one", Some("signed"))).expect("put");
        let first = folder.looks().expect("read")[&name];
        let read = folder.read(&name).expect("read").expect("there");
        assert_eq!((read.bytes.as_slice(), read.signature.text()), (&b"one"[..], Some("signed")));
        folder.put(&guard, &candidate(b"two", None)).expect("put");
        assert_ne!(folder.looks().expect("read")[&name], first);
        assert_eq!(folder.read(&name).expect("read").expect("there").signature, Signature::None);
        folder.remove(&guard, &name).expect("removed");
        assert!(folder.looks().expect("read").is_empty() && folder.read(&name).expect("read").is_none());
    }
}
