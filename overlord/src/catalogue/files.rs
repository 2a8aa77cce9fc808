//! The files of modules, each once and under its digest. Everything here blocks.

use std::cmp::Reverse;
use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use machine::file::create_private_folder;
pub(super) use machine::file::discard;
use machine::room::Room;
use wire::digest::Digest;

use super::upload::{Due, Upload};

/// A folder of files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    /// What the uploads that are under way still have to write.
    due: Due,
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

impl Files {
    /// The files in this folder, which is made where there is none.
    pub(crate) fn open(dir: PathBuf) -> Result<Self, FileError> {
        create_private_folder(&dir).map_err(|source| io_error("make", &dir, source))?;
        Ok(Self { dir, due: Due::default() })
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
            Ok(_) => tracing::warn!(file = %path.display(), "a file is damaged, and is taken anew"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error("read", &path, source)),
        }
        self.tidy(KEEP_PARTS, PARTS.saturating_sub(size), Some(digest))?;
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
        let upload = Upload { dir: self.dir.clone(), digest, size, file, got, due: self.due.clone() };
        let due = upload.note_due();
        if upload.missing() > 0 && !self.has_room(due) {
            drop(upload);
            discard(&path);
            return Err(FileError::DiskFull(self.dir.clone()));
        }
        Ok(Here::Part(upload))
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
        let mut left = budget;
        for (digest, data) in self.parts()? {
            if wanted == Some(digest) || self.due.lock().contains_key(&digest) {
                continue;
            }
            let is_old = data.modified().is_ok_and(|at| at.elapsed().is_ok_and(|since| since > age));
            match left.checked_sub(data.len()) {
                Some(rest) if !is_old => left = rest,
                _ => discard(&part(&self.dir, &digest)),
            }
        }
        Ok(())
    }

    /// What there is of uploads that have not ended, the newest first.
    fn parts(&self) -> Result<Vec<(Digest, Metadata)>, FileError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| io_error("read", &self.dir, source))?;
        let mut parts: Vec<(Digest, Metadata)> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let digest = entry.file_name().to_str()?.strip_suffix(".part")?.parse().ok()?;
                Some((digest, entry.metadata().ok()?))
            })
            .collect();
        parts.sort_by_key(|(_, data)| Reverse(data.modified().ok()));
        Ok(parts)
    }

    /// Whether so many bytes leave the ledger, which may lie on the same disk, enough to go on.
    fn has_room(&self, bytes: u64) -> bool {
        match Room::of(&self.dir) {
            Ok(disk) => disk.free >= bytes.saturating_add(RESERVE.min(disk.size / SHARE)),
            // A disk that does not say will tell by the write itself.
            Err(_) => true,
        }
    }

    fn failed(&self, action: &'static str, path: &Path, source: io::Error) -> FileError {
        failed(&self.dir, action, path, source)
    }
}

pub(super) fn whole(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{digest}.wasm"))
}

pub(super) fn part(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{digest}.part"))
}

pub(super) fn failed(dir: &Path, action: &'static str, path: &Path, source: io::Error) -> FileError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => FileError::DiskFull(dir.to_owned()),
        _ => io_error(action, path, source),
    }
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::Io { action, path: path.to_owned(), source }
}

/// How long the beginning of a file is kept for whoever brings the rest.
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

    /// Leaves so many bytes of another file.
    fn leave(files: &Files, code: &str, bytes: usize) -> Digest {
        let digest = Digest::of(code.as_bytes());
        let Here::Part(mut upload) = files.take(digest, 100).expect("begins") else { panic!("it is here") };
        upload.write(&vec![0; bytes]).expect("room");
        digest
    }

    #[test]
    fn of_what_is_left_of_uploads_the_old_goes_and_the_oldest_beyond_what_they_may_take() {
        let (_dir, files) = files();
        let [oldest, older, newest] = ["1", "2", "3"].map(|code| leave(&files, code, 40));
        // Whatever the clock of the file system counts in.
        for (digest, ago) in [(oldest, 30), (older, 20), (newest, 10)] {
            let file = File::options().append(true).open(part(&files.dir, &digest)).expect("opens");
            file.set_modified(SystemTime::now() - Duration::from_secs(ago)).expect("set");
        }
        let left = || files.parts().expect("reads").into_iter().map(|(digest, _)| digest).collect::<Vec<_>>();
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
        let mut large = upload(&files);
        large.size = u64::MAX / 2;
        large.note_due();
        let small = Digest::of(b"small");
        assert!(matches!(files.take(small, 4), Err(FileError::DiskFull(_))));
        drop(large);
        assert!(files.take(small, 4).is_ok());
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
