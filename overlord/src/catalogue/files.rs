//! The files of modules, each once and under its digest. Everything here blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use wire::digest::Digest;

/// A folder of files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
}

/// Why a file could not be taken or given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// There is no room for it.
    #[error("the disk of \"{}\" is full: free some space, and bring the module again", .0.display())]
    DiskFull(PathBuf),
    /// Other bytes came than those that were announced.
    #[error("the bytes that came are not those of {}: bring the module again", .0.short())]
    WrongDigest(Digest),
    /// More bytes came than were announced.
    #[error("more bytes came than the {0} that were announced")]
    TooMany(u64),
    /// The system refused for another reason.
    #[error("cannot {action} \"{}\": {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is here of a file that is to be taken.
#[derive(Debug)]
pub(crate) enum Here {
    /// All of it: its bytes.
    All(Vec<u8>),
    /// The beginning, or nothing.
    Part(Upload),
}

/// A file that is on its way in. What came stays when it is dropped, for whoever brings the file again.
#[derive(Debug)]
pub(crate) struct Upload {
    dir: PathBuf,
    digest: Digest,
    size: u64,
    file: File,
    got: u64,
}

impl Files {
    /// The files in this folder, which is made where there is none.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, FileError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|source| io_error("make", &dir, source))?;
        Ok(Self { dir })
    }

    /// Where the file of this digest is, if it is here.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        whole(&self.dir, digest)
    }

    /// Begins to take a file of this digest and size, or goes on where an earlier upload of it ended.
    ///
    /// Only one upload of a digest may be under way.
    pub(crate) fn take(&self, digest: Digest, size: u64) -> Result<Here, FileError> {
        let path = self.path(&digest);
        match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == digest => return Ok(Here::All(bytes)),
            // The disk has lost it: the new copy takes its place.
            Ok(_) => tracing::warn!("\"{}\" is damaged, and is taken anew", path.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error("read", &path, source)),
        }
        let path = part(&self.dir, &digest);
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(&path)?;
            let mut got = file.metadata()?.len();
            if got > size {
                file.set_len(0)?;
                got = 0;
            }
            io::Result::Ok((file, got))
        };
        let (file, got) = open().map_err(|source| self.failed("write", &path, source))?;
        if !self.has_room(size - got) {
            drop(file);
            discard(&path);
            return Err(FileError::DiskFull(self.dir.clone()));
        }
        Ok(Here::Part(Upload { dir: self.dir.clone(), digest, size, file, got }))
    }

    /// The digests of the files that are here.
    pub(crate) fn list(&self) -> Result<Vec<Digest>, FileError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| io_error("read", &self.dir, source))?;
        let digest = |name: &str| name.strip_suffix(".wasm")?.parse().ok();
        let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        Ok(names.filter_map(|name| digest(name.to_str()?)).collect())
    }

    /// Removes the file of this digest, if it is here.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<(), FileError> {
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// Removes what is left of uploads that nobody has gone on with for so long.
    pub(crate) fn remove_parts(&self, older_than: Duration) -> Result<(), FileError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| io_error("read", &self.dir, source))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let age = entry.metadata().and_then(|data| data.modified()).map(|at| at.elapsed());
            let is_old = matches!(age, Ok(Ok(age)) if age > older_than);
            if is_old && path.extension().is_some_and(|extension| extension == "part") {
                discard(&path);
            }
        }
        Ok(())
    }

    /// Whether so many bytes leave the ledger, which may lie on the same disk, enough to go on.
    fn has_room(&self, bytes: u64) -> bool {
        // The types of the fields differ between systems.
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
        match statvfs(&self.dir) {
            Ok(disk) => {
                let unit = disk.fragment_size() as u64;
                let size = (disk.blocks() as u64).saturating_mul(unit);
                let free = (disk.blocks_available() as u64).saturating_mul(unit);
                bytes == 0 || free >= bytes.saturating_add(RESERVE.min(size / SHARE))
            }
            // A disk that does not say will tell by the write itself.
            Err(_) => true,
        }
    }

    fn failed(&self, action: &'static str, path: &Path, source: io::Error) -> FileError {
        failed(&self.dir, action, path, source)
    }
}

impl Upload {
    /// How many bytes are here.
    pub(crate) fn got(&self) -> u64 {
        self.got
    }

    /// How many bytes are missing.
    pub(crate) fn missing(&self) -> u64 {
        self.size.saturating_sub(self.got)
    }

    /// Takes the next bytes. Where that fails, nothing is left of the file.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if bytes.len() as u64 > self.missing() {
            return Err(FileError::TooMany(self.size));
        }
        let path = part(&self.dir, &self.digest);
        self.file.write_all(bytes).map_err(|source| {
            discard(&path);
            failed(&self.dir, "write", &path, source)
        })?;
        self.got += bytes.len() as u64;
        Ok(())
    }

    /// Puts the file in its place, once it is known to be what was announced. Returns its bytes.
    pub(crate) fn finish(self) -> Result<Vec<u8>, FileError> {
        let path = part(&self.dir, &self.digest);
        let bytes = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
        if Digest::of(&bytes) != self.digest {
            discard(&path);
            return Err(FileError::WrongDigest(self.digest));
        }
        let place = || {
            self.file.sync_all()?;
            fs::rename(&path, whole(&self.dir, &self.digest))?;
            File::open(&self.dir)?.sync_all()
        };
        place().map_err(|source| failed(&self.dir, "write", &path, source))?;
        Ok(bytes)
    }
}

fn whole(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{digest}.wasm"))
}

fn part(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{digest}.part"))
}

fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("cannot remove \"{}\": {error}", path.display());
    }
}

fn failed(dir: &Path, action: &'static str, path: &Path, source: io::Error) -> FileError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => FileError::DiskFull(dir.to_owned()),
        _ => io_error(action, path, source),
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::Io { action, path: path.to_owned(), source }
}

/// What is kept free for the ledger, at most and as a share of the disk.
const RESERVE: u64 = 32 << 20;
const SHARE: u64 = 10;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CODE: &[u8] = b"some code";

    fn files() -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().expect("a folder");
        let files = Files::open(dir.path().join("modules")).expect("made");
        (dir, files)
    }

    fn upload(files: &Files) -> Upload {
        match files.take(Digest::of(CODE), CODE.len() as u64).expect("begins") {
            Here::Part(upload) => upload,
            Here::All(_) => panic!("it is here already"),
        }
    }

    fn names(files: &Files) -> Vec<String> {
        let entries = fs::read_dir(&files.dir).expect("reads");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_upload_that_broke_off_goes_on_where_it_was() {
        let (_dir, files) = files();
        let mut first = upload(&files);
        first.write(&CODE[..4]).expect("room");
        drop(first);
        assert_eq!(files.list().expect("reads"), []);
        let mut second = upload(&files);
        assert_eq!((second.got(), second.missing()), (4, 5));
        second.write(&CODE[4..]).expect("room");
        assert_eq!(second.finish().expect("taken"), CODE);
        assert_eq!(fs::read(files.path(&Digest::of(CODE))).expect("reads"), CODE);
        assert_eq!(names(&files).len(), 1, "the part has become the file");
    }

    #[test]
    fn a_file_that_is_here_is_not_taken_twice() {
        let (_dir, files) = files();
        let mut first = upload(&files);
        first.write(CODE).expect("room");
        first.finish().expect("taken");
        assert!(matches!(files.take(Digest::of(CODE), 9), Ok(Here::All(bytes)) if bytes == CODE));
        fs::write(files.path(&Digest::of(CODE)), b"something else").expect("written");
        assert_eq!(upload(&files).got(), 0, "a damaged one is");
    }

    #[test]
    fn bytes_that_are_not_those_announced_leave_nothing() {
        let (_dir, files) = files();
        let mut wrong = upload(&files);
        assert!(matches!(wrong.write(b"some code and more"), Err(FileError::TooMany(9))));
        wrong.write(b"some junk").expect("room");
        assert!(matches!(wrong.finish(), Err(FileError::WrongDigest(_))));
        assert_eq!(names(&files), Vec::<String>::new());
    }

    #[test]
    fn what_is_left_of_an_old_upload_can_be_removed() {
        let (_dir, files) = files();
        upload(&files).write(&CODE[..4]).expect("room");
        files.remove_parts(Duration::from_secs(3600)).expect("reads");
        assert_eq!(names(&files).len(), 1);
        files.remove_parts(Duration::ZERO).expect("reads");
        assert_eq!(names(&files), Vec::<String>::new());
    }

    #[test]
    fn only_the_owner_can_read_them() {
        let (_dir, files) = files();
        let mut upload = upload(&files);
        upload.write(CODE).expect("room");
        upload.finish().expect("taken");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&files.dir), mode(&files.path(&Digest::of(CODE)))), (0o700, 0o600));
    }
}
