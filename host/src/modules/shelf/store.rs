//! The versions that are kept to go back to: `NAME/DIGEST.wasm` with its signature beside it, and an index.
//!
//! The files are copies of their own, so that whatever is done to a file of the modules folder does not change
//! them; each has the digest that it is named after, or is not used.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wire::digest::Digest;
use wire::identity::create_private_dir;
use wire::name::ModuleName;

use super::index::Index;
use crate::modules::candidate::{Candidate, Signature};
use crate::modules::files;
use crate::signature_file;

/// The folder of kept versions.
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    /// The folder at this path. One that cannot be made keeps nothing, and every attempt says so.
    pub(super) fn open(path: PathBuf) -> Self {
        if let Err(error) = create_private_dir(&path) {
            tracing::warn!(%error, "no versions of modules can be kept");
        }
        Self { path }
    }

    /// What was written down of each module. What is there beyond that, a process left behind that was killed
    /// half-way, and it is removed.
    pub(super) fn recall(&self) -> Vec<(ModuleName, Index)> {
        let names = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<ModuleName>().ok());
        names.map(|name| self.recall_one(name)).collect()
    }

    fn recall_one(&self, name: ModuleName) -> (ModuleName, Index) {
        let mut index = match files::if_there(fs::read(self.index(&name))) {
            Ok(Some(text)) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(module = %name, %error, "what was kept of a module is forgotten: its index is damaged");
                Index::default()
            }),
            Ok(None) => Index::default(),
            Err(error) => {
                tracing::warn!(module = %name, %error, "what was kept of a module cannot be read");
                return (name, Index::default());
            }
        };
        index.versions.retain(|kept| self.has(&name, kept.digest));
        let known: BTreeSet<PathBuf> = index
            .versions
            .iter()
            .flat_map(|kept| [self.file(&name, kept.digest), self.signature(&name, kept.digest)])
            .chain([self.index(&name)])
            .collect();
        for entry in fs::read_dir(self.path.join(name.as_str())).into_iter().flatten().flatten() {
            if !known.contains(&entry.path()) {
                files::discard(&entry.path());
            }
        }
        (name, index)
    }

    /// Keeps a version. Where it fails, what was kept of it before stays, and nothing else.
    pub(super) fn keep(&self, candidate: &Candidate) -> io::Result<()> {
        let file = self.file(&candidate.name, candidate.digest);
        fs::create_dir_all(file.parent().unwrap_or(&self.path))?;
        // Something of its name may have been damaged since.
        if files::read_module(&file).is_ok_and(|bytes| bytes == candidate.bytes) {
            return self.keep_signature(candidate);
        }
        let kept = files::replace(&file, &candidate.bytes).and_then(|()| self.keep_signature(candidate));
        if kept.is_err() {
            self.remove(&candidate.name, candidate.digest);
        }
        kept
    }

    fn keep_signature(&self, candidate: &Candidate) -> io::Result<()> {
        let path = self.signature(&candidate.name, candidate.digest);
        if Signature::beside(&self.file(&candidate.name, candidate.digest)) == candidate.signature {
            return Ok(());
        }
        match candidate.signature.text() {
            Some(text) => files::replace(&path, text.as_bytes()),
            None => files::remove(&path),
        }
    }

    /// A version that is kept. One that is not what it should be is an error, and is kept no longer.
    pub(super) fn read(&self, name: &ModuleName, digest: Digest) -> io::Result<Candidate> {
        let bytes = files::read_module(&self.file(name, digest))?;
        if Digest::of(&bytes) != digest {
            self.remove(name, digest);
            return Err(io::Error::other("its kept file is damaged"));
        }
        let signature = Signature::beside(&self.file(name, digest));
        Ok(Candidate { name: name.clone(), digest, bytes, signature })
    }

    /// Keeps a version no longer.
    pub(super) fn remove(&self, name: &ModuleName, digest: Digest) {
        files::discard(&self.file(name, digest));
        files::discard(&self.signature(name, digest));
    }

    /// Whether a version is kept, as far as its name says.
    pub(super) fn has(&self, name: &ModuleName, digest: Digest) -> bool {
        self.file(name, digest).is_file()
    }

    /// Writes down what is known of a module.
    pub(super) fn note(&self, name: &ModuleName, index: Option<&Index>) {
        let folder = self.path.join(name.as_str());
        let Some(index) = index.filter(|index| !index.versions.is_empty() || index.file.is_some()) else {
            // It is not there where nothing was ever kept.
            let _ = fs::remove_dir_all(folder);
            return;
        };
        let write = || {
            fs::create_dir_all(&folder)?;
            files::replace(&self.index(name), &serde_json::to_vec_pretty(index)?)
        };
        if let Err(error) = write() {
            tracing::error!(module = %name, %error, "the next start will not know what was last done to a module");
        }
    }

    fn file(&self, name: &ModuleName, digest: Digest) -> PathBuf {
        self.path.join(name.as_str()).join(format!("{digest}.wasm"))
    }

    fn signature(&self, name: &ModuleName, digest: Digest) -> PathBuf {
        signature_file::path_of(&self.file(name, digest))
    }

    fn index(&self, name: &ModuleName) -> PathBuf {
        self.path.join(name.as_str()).join("index.json")
    }
}

/// The file of the version of a module that waits for a grant, in this folder of versions, which no minion may be using.
pub(crate) fn waiting_in(versions: &Path, module: &ModuleName) -> Option<PathBuf> {
    let folder = versions.join(module.as_str());
    let index: Index = serde_json::from_slice(&fs::read(folder.join("index.json")).ok()?).ok()?;
    let waiting = index.versions.iter().find(|kept| kept.not_granted.is_some())?;
    Some(folder.join(format!("{}.wasm", waiting.digest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::shelf::index::Kept;

    fn candidate(bytes: &[u8]) -> Candidate {
        let name = "test".parse().expect("a name");
        Candidate {
            name,
            digest: Digest::of(bytes),
            bytes: bytes.to_vec(),
            signature: Signature::Text("signed".into()),
        }
    }

    fn index(candidates: &[&Candidate]) -> Index {
        let kept = |candidate: &&Candidate| Kept {
            digest: candidate.digest,
            version: None,
            signer: None,
            since: 1,
            serving_number: Some(1),
            rolled_back: None,
            not_granted: None,
        };
        Index { versions: candidates.iter().map(kept).collect(), ..Index::default() }
    }

    #[test]
    fn what_is_kept_and_noted_is_there_after_a_restart_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, two) = (candidate(b"one"), candidate(b"two"));
        let store = Store::open(dir.path().join("versions"));
        store.keep(&one).expect("kept");
        store.note(&one.name, Some(&index(&[&one])));
        // Killed before the second was noted.
        store.keep(&two).expect("kept");

        let store = Store::open(dir.path().join("versions"));
        assert_eq!(store.recall(), [(one.name.clone(), index(&[&one]))]);
        let read = store.read(&one.name, one.digest).expect("read");
        assert_eq!((read.bytes, read.signature), (one.bytes, one.signature));
        assert!(store.read(&two.name, two.digest).is_err());
    }

    #[test]
    fn a_kept_file_that_was_damaged_is_never_used() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path().join("versions"));
        let one = candidate(b"one");
        store.keep(&one).expect("kept");
        fs::write(store.file(&one.name, one.digest), b"two").expect("written");
        let error = store.read(&one.name, one.digest).expect_err("damaged").to_string();
        assert!(error.contains("damaged") && !store.has(&one.name, one.digest), "{error}");

        store.keep(&one).expect("kept");
        fs::write(store.file(&one.name, one.digest), b"two").expect("written");
        store.keep(&one).expect("kept again");
        assert_eq!(store.read(&one.name, one.digest).expect("read").bytes, one.bytes);
    }

    #[test]
    fn what_is_kept_stays_where_its_new_signature_cannot_be_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path().join("versions"));
        let one = candidate(b"one");
        store.keep(&one).expect("kept");
        // A folder of that name is in the way of everybody.
        let signature = store.signature(&one.name, one.digest);
        fs::remove_file(&signature).expect("removed");
        fs::create_dir_all(signature.join("inside")).expect("made");
        store.keep(&one).expect_err("in the way");
        assert_eq!(store.read(&one.name, one.digest).expect("read").bytes, one.bytes);

        let two = candidate(b"two");
        fs::create_dir_all(store.signature(&two.name, two.digest).join("inside")).expect("made");
        store.keep(&two).expect_err("in the way");
        assert!(!store.has(&two.name, two.digest));
    }

    #[test]
    fn a_damaged_index_is_as_none() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path().join("versions"));
        let one = candidate(b"one");
        store.keep(&one).expect("kept");
        fs::write(store.index(&one.name), b"{").expect("written");
        assert_eq!(store.recall(), [(one.name, Index::default())]);
    }
}
