//! What has come so far of a version that is on its way here: `DIGEST.part`, whose length says where to go on.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use machine::clock;
use wire::digest::Digest;
use wire::identity::create_private_dir;

use crate::modules::files;

/// A file that grows.
pub(super) struct Part {
    path: PathBuf,
    file: tokio::fs::File,
    length: u64,
    size: u64,
}

/// Why no more comes of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartError {
    /// The sender stopped in between; it can go on from here.
    #[error("its bytes stopped coming: {0}")]
    Broken(io::Error),
    /// More came than there should be.
    #[error("is larger than was announced")]
    TooMuch,
    /// It cannot be written.
    #[error("{}: {_0}", room(_0))]
    Unwritable(io::Error),
}

impl Part {
    /// Opens what there is, or begins; `size` is how much it is to be.
    pub(super) async fn open(folder: &Path, digest: Digest, size: u64) -> Result<Self, PartError> {
        create_private_dir(folder).map_err(|error| PartError::Unwritable(io::Error::other(error)))?;
        let path = path(folder, digest);
        let mut options = tokio::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&path).await.map_err(PartError::Unwritable)?;
        let mut length = file.metadata().await.map_err(PartError::Unwritable)?.len();
        if length > size {
            file.set_len(0).await.map_err(PartError::Unwritable)?;
            length = 0;
        }
        Ok(Self { path, file, length, size })
    }

    /// How much is there.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Takes the rest. Where it breaks off, what has come stays; where it cannot be right any more, nothing.
    pub(super) async fn receive(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<(), PartError> {
        let time = TURN + Duration::from_secs((self.size - self.length) / SLOWEST);
        let received = match tokio::time::timeout(time, self.receive_rest(from)).await {
            Ok(received) => received,
            // Others wait for it; what has come is of use only where it is in the file.
            Err(_) => match self.file.flush().await {
                Ok(()) => Err(PartError::Broken(io::ErrorKind::TimedOut.into())),
                Err(error) => Err(PartError::Unwritable(error)),
            },
        };
        if let Err(PartError::TooMuch | PartError::Unwritable(_)) = received {
            self.give_up();
        }
        received
    }

    async fn receive_rest(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<(), PartError> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = tokio::time::timeout(STALLED, from.read(&mut buffer)).await;
            let read = read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let read = match read.map_err(PartError::Broken) {
                Ok(read) => read,
                Err(broken) => {
                    // What has come is of use only where it is in the file.
                    self.file.flush().await.map_err(PartError::Unwritable)?;
                    return Err(broken);
                }
            };
            if read == 0 {
                break;
            }
            self.length += read as u64;
            if self.length > self.size {
                return Err(PartError::TooMuch);
            }
            self.file.write_all(&buffer[..read]).await.map_err(PartError::Unwritable)?;
        }
        self.file.flush().await.map_err(PartError::Unwritable)?;
        if self.length < self.size {
            return Err(PartError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    /// Reads all of it.
    pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
        tokio::fs::read(&self.path).await
    }

    /// Removes it: it is in use elsewhere, or of no use.
    pub(super) fn give_up(&self) {
        files::discard(&self.path);
    }
}

/// What has come of a version, from its beginning.
pub(super) fn read_whole(folder: &Path, digest: Digest) -> io::Result<Vec<u8>> {
    files::read_module(&path(folder, digest))
}

/// Removes what has come of a version.
pub(super) fn remove(folder: &Path, digest: Digest) {
    files::discard(&path(folder, digest));
}

/// Removes what is older than `age`, and the oldest beyond `budget` bytes; never what somebody brings now.
pub(super) fn tidy(folder: &Path, age: Duration, budget: u64, brought: &BTreeSet<Digest>) {
    let (now, mut left) = (clock::now(), budget);
    for (path, metadata) in parts(folder) {
        let digest = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        let is_brought = digest.is_some_and(|digest| brought.contains(&digest));
        let old = metadata.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|since| since > age));
        match left.checked_sub(metadata.len()) {
            Some(rest) if is_brought || !old => left = rest,
            _ if is_brought => left = 0,
            _ => files::discard(&path),
        }
    }
}

/// What there is, newest first.
fn parts(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut parts: Vec<(PathBuf, Metadata)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ENDING))
        .filter_map(|path| fs::metadata(&path).ok().map(|metadata| (path, metadata)))
        .collect();
    parts.sort_by_key(|(_, metadata)| std::cmp::Reverse(metadata.modified().ok()));
    parts
}

fn path(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(format!("{digest}.{ENDING}"))
}

fn room(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "finds no room on disk",
        _ => "cannot be written",
    }
}

const ENDING: &str = "part";
const CHUNK: usize = 256 << 10;
/// How long a sender may be silent.
const STALLED: Duration = Duration::from_secs(30);
/// How long all of it may take, besides the time for its bytes.
const TURN: Duration = Duration::from_secs(60);
/// How many of its bytes must come in a second.
const SLOWEST: u64 = 32 << 10;
/// How much unfinished versions may take on disk.
pub(super) const BUDGET: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_come_is_gone_on_with_and_what_cannot_be_right_is_not_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let digest = Digest::of(b"abcdef");
        let mut part = Part::open(dir.path(), digest, 6).await.expect("opened");
        assert!(matches!(part.receive(&mut &b"abc"[..]).await, Err(PartError::Broken(_))));
        let mut part = Part::open(dir.path(), digest, 6).await.expect("opened");
        assert_eq!(part.length(), 3);
        part.receive(&mut &b"def"[..]).await.expect("whole");
        assert_eq!(part.read().await.expect("read"), b"abcdef");
        let mut part = Part::open(dir.path(), digest, 6).await.expect("opened");
        assert!(matches!(part.receive(&mut &b"g"[..]).await, Err(PartError::TooMuch)));
        assert!(parts(dir.path()).is_empty());
        // Of a version of this digest there cannot be more than it has.
        fs::write(path(dir.path(), digest), b"abcdefg").expect("written");
        assert_eq!(Part::open(dir.path(), digest, 6).await.expect("opened").length(), 0);
    }

    #[test]
    fn old_parts_go_and_the_oldest_beyond_the_budget_but_none_that_is_brought() {
        let dir = tempfile::tempdir().expect("a folder");
        let digests: Vec<Digest> = (0..4_u8).map(|n| Digest::of(&[n])).collect();
        for (n, digest) in digests.iter().enumerate() {
            let file = fs::File::create(path(dir.path(), *digest)).expect("made");
            file.set_len(10).expect("long");
            let age = Duration::from_secs([10, 20, 30, 1000][n]);
            file.set_modified(clock::now() - age).expect("aged");
        }
        let left = |age, budget, brought: &[usize]| {
            tidy(
                dir.path(),
                Duration::from_secs(age),
                budget,
                &brought.iter().map(|n| digests[*n]).collect(),
            );
            parts(dir.path()).len()
        };
        assert_eq!(left(2000, 100, &[]), 4);
        assert_eq!(left(500, 100, &[3]), 4);
        assert_eq!(left(500, 100, &[]), 3);
        assert_eq!(left(500, 10, &[2]), 2);
        assert_eq!(left(500, 10, &[]), 1);
        assert!(path(dir.path(), digests[0]).exists());
    }
}
