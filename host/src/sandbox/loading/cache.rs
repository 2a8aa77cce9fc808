//! Compiled code on disk, so that a module is compiled once and not at every start.
//!
//! Compiled code is machine code that nobody checks again, so the folder is private, and each file's name carries
//! a keyed digest of its contents: a file that is truncated, altered or from elsewhere is removed and compiled
//! anew. Files are written beside their place and renamed, so daemons that share the folder never see half of one.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use machine::clock;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use wasmtime::Engine;
use wasmtime::component::Component;
use wire::digest::Digest;

use crate::sandbox::loading::engine;
use machine::file;

/// The most bytes of compiled code that are kept. What was used longest ago is removed first.
const MAX_BYTES: u64 = 2 << 30;
/// The ending of the names of files with compiled code.
const ENDING: &str = "cwasm";

/// A folder with compiled code.
pub(in crate::sandbox) struct Cache {
    /// The folder, which is private to the minion's own user.
    folder: PathBuf,
    /// The key of the digests in the names of files.
    key: hmac::Key,
    /// How often a component was found.
    hits: AtomicU64,
    /// How often a component had to be compiled.
    misses: AtomicU64,
}

impl Cache {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// Where the folder cannot be made, or cannot be made private.
    pub(in crate::sandbox) fn open(folder: PathBuf) -> io::Result<Self> {
        file::create_private_folder(&folder)?;
        // An existing folder may have other permissions; only its owner can change them.
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        file::sweep(&folder);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key(&folder)?);
        Ok(Self { folder, key, hits: AtomicU64::new(0), misses: AtomicU64::new(0) })
    }

    /// The compiled form of a component for this engine; `None` where it is not here as it was stored.
    pub(in crate::sandbox) fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let found = self.kept(engine, digest)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// The same for a component that was just stored.
    pub(in crate::sandbox) fn kept(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        self.find(engine, digest).find_map(|path| self.read(engine, &path))
    }

    /// Keeps the compiled form of a component that was not here.
    pub(in crate::sandbox) fn store(
        &self,
        engine: &Engine,
        digest: Digest,
        component: &Component,
    ) -> io::Result<()> {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let code = component.serialize().map_err(|error| io::Error::other(format!("{error:#}")))?;
        let name =
            format!("{}{}.{ENDING}", prefix(engine, digest), hex(hmac::sign(&self.key, &code).as_ref()));
        file::replace(&self.folder.join(name), &code, MODE)?;
        self.trim()
    }

    /// How many components were found, and how many were not.
    pub(in crate::sandbox) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// The files that belong to a component and this engine, whatever their contents: one, unless daemons raced.
    fn find(&self, engine: &Engine, digest: Digest) -> impl Iterator<Item = PathBuf> {
        let prefix = prefix(engine, digest);
        let named = move |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        };
        self.files().unwrap_or_default().into_iter().map(|(path, _)| path).filter(named)
    }

    /// Reads a file whose name says what its contents must be, and removes it where they are something else.
    fn read(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let component = self.verified(path).and_then(|path| {
            // SAFETY: the file has the keyed digest that its name says, so it is what `store` wrote, and files
            // here are replaced by renaming and never changed in place.
            #[allow(unsafe_code)]
            unsafe { Component::deserialize_file(engine, path) }.ok()
        });
        if component.is_none() {
            tracing::warn!(file = %path.display(), "compiled code is not what was written; compiling again");
            // A file that cannot be removed is found and refused again, at the cost of a compilation each time.
            let _ = fs::remove_file(path);
        } else {
            // The time of a file says to `trim` when it was used. A folder that cannot be written is served all
            // the same.
            let _ = File::open(path).and_then(|file| file.set_modified(clock::now()));
        }
        component
    }

    /// The path, if the contents of its file are what its name says.
    fn verified<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let expected = path.file_stem()?.to_str()?.rsplit('-').next()?.to_owned();
        let code = fs::read(path).ok()?;
        (hex(hmac::sign(&self.key, &code).as_ref()) == expected).then_some(path)
    }

    /// Removes the files that were used longest ago, until the rest is within the limit.
    fn trim(&self) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|(_, metadata)| std::cmp::Reverse(metadata.modified().ok()));
        let mut total = 0;
        for (path, metadata) in files {
            total += metadata.len();
            if total > MAX_BYTES {
                // Code that is mapped stays usable after its file is gone.
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// All files with compiled code.
    fn files(&self) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                // Another daemon may have removed the file since it was listed.
                if let Ok(metadata) = fs::metadata(&path) {
                    files.push((path, metadata));
                }
            }
        }
        Ok(files)
    }
}

/// The key of the folder, made at its first use, and made anew where it is damaged.
fn key(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join("key");
    let read = || fs::read(&path).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if let Some(key) = read() {
        return Ok(key);
    }
    let mut key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("no random numbers"))?;
    let file = file::write_beside(&path, &key, MODE)?;
    // The first of several daemons decides which key it is. A damaged key is used by nobody, and is removed.
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        Err(refused) => match read() {
            Some(key) => Ok(key),
            None => refused.file.persist(&path).map(|_| key).map_err(|error| error.error),
        },
    }
}

/// The permissions of compiled code, which only its owner may read.
const MODE: u32 = 0o600;

/// The beginning of the names of a component's files for an engine.
fn prefix(engine: &Engine, digest: Digest) -> String {
    format!("{digest}-{}-", engine::compatibility(engine))
}

/// Bytes as text that can be part of a file's name.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
