//! The file of a module, as an operator brings it to an overlord.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wire::digest::Digest;
use wire::message::catalogue::{MAX_FILE, Offer};
use wire::name::{BadName, ModuleName};
use wire::signing::MAX_SIGNATURE;

/// A module's file in memory, with its name and its signature.
#[derive(Clone, Debug)]
pub struct ModuleFile {
    offer: Offer,
    bytes: Arc<[u8]>,
}

/// Why a module's file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ModuleFileError {
    /// The system does not give the file or its signature.
    #[error("cannot read \"{}\": {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The stem of the file is no name of a module.
    #[error("{0}; name it with --name")]
    Name(#[from] BadName),
    /// The file is larger than minions take.
    #[error("\"{}\" is larger than the {limit} bytes that minions take", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size, in bytes.
        limit: u64,
    },
}

impl ModuleFile {
    /// Reads a file, and its signature from the file of the same name with `.sig` behind it, if there is one. The
    /// module is called like the file without `.wasm`, unless `name` is given.
    ///
    /// # Errors
    /// [`ModuleFileError::Name`] where that is no name, [`ModuleFileError::Read`] where one of the files cannot be
    /// read, and [`ModuleFileError::TooLarge`] where the module has more than [`MAX_FILE`] bytes or the signature
    /// more than [`MAX_SIGNATURE`].
    pub fn read(path: &Path, name: Option<ModuleName>) -> Result<Self, ModuleFileError> {
        let name = match name {
            Some(name) => name,
            None => path.file_stem().unwrap_or_default().to_string_lossy().parse()?,
        };
        let error = |path: &Path| {
            let path = path.to_owned();
            |source| ModuleFileError::Read { path, source }
        };
        let bytes = read(path, MAX_FILE)?;
        let signature = PathBuf::from([path.as_os_str(), ".sig".as_ref()].join("".as_ref()));
        let signature = match signature.try_exists().map_err(error(&signature))? {
            true => {
                let text = String::from_utf8(read(&signature, MAX_SIGNATURE as u64)?);
                Some(text.map_err(std::io::Error::other).map_err(error(&signature))?)
            }
            false => None,
        };
        Ok(Self::new(name, bytes, signature))
    }

    /// A module of this name with these bytes, for programs that have them in memory. Nothing is checked here; the
    /// overlord does that.
    pub fn new(name: ModuleName, bytes: Vec<u8>, signature: Option<String>) -> Self {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        Self { offer: Offer { name, digest, size, signature }, bytes: bytes.into() }
    }

    /// The module's name, digest, size and signature, as they are offered to an overlord.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// The bytes of the module, shared.
    pub(super) fn bytes(&self) -> Arc<[u8]> {
        self.bytes.clone()
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ModuleFileError> {
    match machine::file::read_bounded(path, limit) {
        Ok(bytes) if bytes.len() as u64 > limit => {
            Err(ModuleFileError::TooLarge { path: path.to_owned(), limit })
        }
        Ok(bytes) => Ok(bytes),
        Err(source) => Err(ModuleFileError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_called_like_its_file_and_brings_its_signature() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("disk.wasm");
        std::fs::write(&path, b"code").expect("written");
        let unsigned = ModuleFile::read(&path, None).expect("reads");
        assert_eq!((unsigned.offer().name.as_str(), unsigned.offer().size), ("disk", 4));
        assert_eq!(unsigned.offer().signature, None);
        std::fs::write(dir.path().join("disk.wasm.sig"), "signed").expect("written");
        let signed = ModuleFile::read(&path, Some("other".parse().expect("a name"))).expect("reads");
        assert_eq!(signed.offer().name.as_str(), "other");
        assert_eq!(signed.offer().signature.as_deref(), Some("signed"));
    }

    #[test]
    fn what_cannot_be_pushed_is_told_by_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("my disk.wasm");
        let error = ModuleFile::read(&path, None).expect_err("no name").to_string();
        assert!(error.contains("\"my disk\"") && error.contains("--name"), "{error}");
        let name = Some("disk".parse().expect("a name"));
        let error = ModuleFile::read(&path, name.clone()).expect_err("no file").to_string();
        assert!(error.contains("my disk.wasm"), "{error}");
        std::fs::File::create(&path).and_then(|file| file.set_len(MAX_FILE + 1)).expect("made");
        let error = ModuleFile::read(&path, name).expect_err("too large").to_string();
        assert!(error.contains("larger than"), "{error}");
    }
}
