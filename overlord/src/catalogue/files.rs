//! The files of modules, each once and under its digest. Everything here blocks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use machine::disk_space::DiskSpace;
use machine::file::create_private_folder;
use machine::partial::{PartialError, PartialFile, PartialFiles};
use wire::digest::Digest;

/// A folder of files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    /// The beginnings of files, in the same folder.
    partial: PartialFiles,
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
    Part(PartialFile),
}

impl Files {
    /// The files in this folder, which is made where there is none.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, FileError> {
        create_private_folder(&dir).map_err(|source| io_error("make", &dir, source))?;
        Ok(Self { partial: PartialFiles::of(dir.clone()), dir })
    }

    /// Where the file of this digest is, if it is here.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    /// Begins to take a file of this digest and size, or goes on where an earlier upload of it ended.
    ///
    /// Only one upload of a digest may be under way.
    pub(crate) fn take(&self, digest: Digest, size: u64) -> Result<Here, FileError> {
        let path = self.path(&digest);
        match fs::read(&path) {
            Ok(bytes) if Digest::of(&bytes) == digest => return Ok(Here::All(bytes)),
            // The disk has lost it: the new copy takes its place.
            Ok(_) => tracing::warn!(file = %path.display(), "a file is damaged, and is taken anew"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error("read", &path, source)),
        }
        self.tidy(KEEP_PARTS, PARTS.saturating_sub(size), Some(digest))?;
        let name = digest.to_string();
        let upload = self.partial.open(&name, size);
        let upload = upload.map_err(|source| self.failed(&self.partial.path(&name), source))?;
        if upload.missing() > 0 && !self.has_room(self.partial.missing()) {
            upload.discard();
            return Err(FileError::DiskFull(self.dir.clone()));
        }
        Ok(Here::Part(upload))
    }

    /// Adds the next bytes to a file that is on its way in. Where that fails for want of room, nothing is left of it.
    pub(crate) fn add(&self, upload: &mut PartialFile, bytes: &[u8]) -> Result<(), FileError> {
        upload.write(bytes).map_err(|error| match error {
            PartialError::TooMany(size) => FileError::TooMany(size),
            PartialError::Unwritable(source) => self.failed(upload.path(), source),
        })
    }

    /// Puts a file that is all here in its place, once it is known to be what was announced. Returns its bytes.
    pub(crate) fn finish(&self, upload: PartialFile, digest: Digest) -> Result<Vec<u8>, FileError> {
        let bytes = upload.read().map_err(|source| io_error("read", upload.path(), source))?;
        if Digest::of(&bytes) != digest {
            upload.discard();
            return Err(FileError::WrongDigest(digest));
        }
        let path = upload.path().to_owned();
        upload.persist(&self.path(&digest)).map_err(|source| self.failed(&path, source))?;
        Ok(bytes)
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

    /// Removes what is left of uploads that nobody has gone on with for long, or is beyond what such remains may
    /// take.
    pub(crate) fn remove_parts(&self) -> Result<(), FileError> {
        self.tidy(KEEP_PARTS, PARTS, None)
    }

    /// Removes remains of uploads: those older than `age`, and the oldest beyond `budget` bytes; never what is
    /// under way, or `wanted`.
    fn tidy(&self, age: Duration, budget: u64, wanted: Option<Digest>) -> Result<(), FileError> {
        let wanted = wanted.map(|digest| digest.to_string());
        let tidied = self.partial.tidy(age, budget, |name| wanted.as_deref() == Some(name));
        tidied.map_err(|source| io_error("read", &self.dir, source))
    }

    /// Whether so many bytes leave the ledger, which may lie on the same disk, enough to go on.
    fn has_room(&self, bytes: u64) -> bool {
        match DiskSpace::of(&self.dir) {
            Ok(disk) => disk.free >= bytes.saturating_add(RESERVE.min(disk.size / SHARE)),
            // A disk that does not say will tell by the write itself.
            Err(_) => true,
        }
    }

    /// Why a file cannot be written.
    fn failed(&self, path: &Path, source: io::Error) -> FileError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => FileError::DiskFull(self.dir.clone()),
            _ => io_error("write", path, source),
        }
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::Io { action, path: path.to_owned(), source }
}

/// How long the beginning of a file is kept for a connection that brings the rest.
const KEEP_PARTS: Duration = Duration::from_secs(24 * 3600);

/// How much the beginnings of files may take that nobody is bringing now.
const PARTS: u64 = 512 << 20;

/// What is kept free for the ledger, at most and as a share of the disk.
const RESERVE: u64 = 32 << 20;
const SHARE: u64 = 10;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;

    use super::*;

    const CODE: &[u8] = b"some code";

    fn files() -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().expect("a folder");
        let files = Files::open(dir.path().join("modules")).expect("made");
        (dir, files)
    }

    fn upload(files: &Files) -> PartialFile {
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
        files.add(&mut first, &CODE[..4]).expect("room");
        drop(first);
        assert_eq!(files.list().expect("reads"), []);
        let mut second = upload(&files);
        assert_eq!((second.length(), second.missing()), (4, 5));
        files.add(&mut second, &CODE[4..]).expect("room");
        assert_eq!(files.finish(second, Digest::of(CODE)).expect("taken"), CODE);
        assert_eq!(fs::read(files.path(&Digest::of(CODE))).expect("reads"), CODE);
        assert_eq!(names(&files).len(), 1, "the part has become the file");
    }

    #[test]
    fn a_file_that_is_here_is_not_taken_twice() {
        let (_dir, files) = files();
        let mut first = upload(&files);
        files.add(&mut first, CODE).expect("room");
        files.finish(first, Digest::of(CODE)).expect("taken");
        assert!(matches!(files.take(Digest::of(CODE), 9), Ok(Here::All(bytes)) if bytes == CODE));
        fs::write(files.path(&Digest::of(CODE)), b"something else").expect("written");
        assert_eq!(upload(&files).length(), 0, "a damaged one is");
    }

    #[test]
    fn bytes_that_are_not_those_announced_leave_nothing() {
        let (_dir, files) = files();
        let mut wrong = upload(&files);
        assert!(matches!(files.add(&mut wrong, b"some code and more"), Err(FileError::TooMany(9))));
        files.add(&mut wrong, b"some junk").expect("room");
        assert!(matches!(files.finish(wrong, Digest::of(CODE)), Err(FileError::WrongDigest(_))));
        assert_eq!(names(&files), Vec::<String>::new());
    }

    fn part(files: &Files, digest: Digest) -> PathBuf {
        files.partial.path(&digest.to_string())
    }

    /// Leaves so many bytes of another file.
    fn leave(files: &Files, code: &str, bytes: usize) -> Digest {
        let digest = Digest::of(code.as_bytes());
        let Here::Part(mut upload) = files.take(digest, 100).expect("begins") else { panic!("it is here") };
        files.add(&mut upload, &vec![0; bytes]).expect("room");
        digest
    }

    #[test]
    fn of_what_is_left_of_uploads_the_old_goes_and_the_oldest_beyond_what_they_may_take() {
        let (_dir, files) = files();
        let [oldest, older, newest] = ["1", "2", "3"].map(|code| leave(&files, code, 40));
        // Whatever the clock of the file system counts in.
        for (digest, ago) in [(oldest, 30), (older, 20), (newest, 10)] {
            let file = File::options().append(true).open(part(&files, digest)).expect("opens");
            file.set_modified(SystemTime::now() - Duration::from_secs(ago)).expect("set");
        }
        let left = || [newest, older, oldest].into_iter().filter(|digest| part(&files, *digest).exists());
        let left = || left().collect::<Vec<_>>();
        files.remove_parts().expect("reads");
        assert_eq!(left(), [newest, older, oldest]);
        files.tidy(KEEP_PARTS, 80, None).expect("reads");
        assert_eq!(left(), [newest, older]);
        let under_way = files.take(older, 100).expect("begins");
        files.tidy(Duration::from_secs(15), 0, Some(newest)).expect("reads");
        assert_eq!(left(), [newest, older], "one is under way, the other is about to be");
        drop(under_way);
        files.tidy(Duration::from_secs(15), 80, None).expect("reads");
        assert_eq!(left(), [newest]);
    }

    #[test]
    fn room_that_other_uploads_were_promised_is_not_promised_again() {
        let (_dir, files) = files();
        let large = files.partial.open("large", u64::MAX / 2).expect("begins");
        let small = Digest::of(b"small");
        assert!(matches!(files.take(small, 4), Err(FileError::DiskFull(_))));
        drop(large);
        assert!(files.take(small, 4).is_ok());
    }

    #[test]
    fn only_the_owner_can_read_them() {
        let (_dir, files) = files();
        let mut upload = upload(&files);
        files.add(&mut upload, CODE).expect("room");
        files.finish(upload, Digest::of(CODE)).expect("taken");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&files.dir), mode(&files.path(&Digest::of(CODE)))), (0o700, 0o600));
    }
}
