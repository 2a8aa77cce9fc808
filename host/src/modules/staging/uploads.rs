//! The bytes of versions on their way here, over as many connections as it takes.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use machine::lock;
use machine::partial::{PartialError, PartialFile, PartialFiles};
use wire::digest::Digest;

use crate::modules::files;

/// What has come of versions whose rest has not, and who brings which. Clones share it.
#[derive(Clone)]
pub(in crate::modules) struct Uploads {
    files: PartialFiles,
    /// The digests that somebody brings, each with a lock for whoever brings it; there is one for as long as somebody does or
    /// waits.
    bringing: Arc<Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>>,
}

/// Held by whoever brings a digest: nobody else brings the same meanwhile.
pub(super) struct Bringer {
    digest: Digest,
    _alone: OwnedMutexGuard<()>,
}

/// A version of which not all bytes may be here yet.
pub(super) struct Upload {
    /// Goes where the file goes, so that nobody else writes to it before the last write has ended.
    bringer: Bringer,
    file: PartialFile,
}

/// Why no more comes of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    /// The sender stopped in between; it can go on from here.
    #[error("its bytes stopped coming: {0}")]
    Broken(io::Error),
    /// More came than there should be.
    #[error("is larger than was announced")]
    TooMuch,
    /// It cannot be written or read.
    #[error("{}: {_0}", room(_0))]
    Unwritable(io::Error),
}

impl Uploads {
    /// Those in this folder, which is made when something comes.
    pub(in crate::modules) fn of(folder: PathBuf) -> Self {
        Self { files: PartialFiles::of(folder), bringing: Arc::default() }
    }

    /// Waits until nobody else brings this digest.
    pub(super) async fn bringer(&self, digest: Digest) -> Bringer {
        let lock = {
            let mut bringing = self.bringing();
            bringing.retain(|_, bringer| bringer.strong_count() > 0);
            let known = bringing.get(&digest).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::default();
                bringing.insert(digest, Arc::downgrade(&lock));
                lock
            })
        };
        Bringer { digest, _alone: lock.lock_owned().await }
    }

    /// Opens what there is of a version, or begins; `size` is how much it is to be.
    pub(super) async fn open(&self, bringer: Bringer, size: u64) -> Result<Upload, UploadError> {
        let files = self.files.clone();
        let open = move || Ok(Upload { file: files.open(&bringer.digest.to_string(), size)?, bringer });
        blocking(open).await?.map_err(UploadError::Unwritable)
    }

    /// What has come of a version, from its beginning. Blocks.
    pub(super) fn read(&self, digest: Digest) -> io::Result<Vec<u8>> {
        files::read_module(&self.files.path(&digest.to_string()))
    }

    /// Removes what has come of a version. Blocks.
    pub(super) fn discard(&self, digest: Digest) {
        self.files.discard(&digest.to_string());
    }

    /// Removes what is older than `age`, and the oldest beyond what uploads may take on disk, less `wanted` bytes; never what
    /// somebody brings now. Blocks.
    pub(super) fn tidy(&self, age: Duration, wanted: u64) {
        let is_brought = |name: &str| {
            let digest: Option<Digest> = name.parse().ok();
            digest
                .is_some_and(|digest| self.bringing().get(&digest).is_some_and(|one| one.strong_count() > 0))
        };
        if let Err(error) = self.files.tidy(age, BUDGET.saturating_sub(wanted), is_brought) {
            tracing::warn!(%error, "what has come of versions whose rest has not cannot be tidied");
        }
    }

    fn bringing(&self) -> MutexGuard<'_, HashMap<Digest, Weak<tokio::sync::Mutex<()>>>> {
        lock::hold(&self.bringing)
    }
}

impl Upload {
    /// How many bytes are here.
    pub(super) fn length(&self) -> u64 {
        self.file.length()
    }

    /// How many bytes are missing.
    pub(super) fn missing(&self) -> u64 {
        self.file.missing()
    }

    /// Takes the rest, to the end of the stream. Where it breaks off, what has come stays; where it cannot be right any more,
    /// nothing.
    pub(super) async fn receive(mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<Self, UploadError> {
        let end = Instant::now() + OVERHEAD + Duration::from_secs(self.missing() / SLOWEST);
        let mut buffer = Vec::with_capacity(CHUNK);
        loop {
            let read = match end.checked_duration_since(Instant::now()) {
                Some(left) => tokio::time::timeout(left.min(STALLED), from.read_buf(&mut buffer)).await.ok(),
                // Others wait for it.
                None => None,
            };
            let read = read.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()));
            let read = read.map_err(UploadError::Broken)?;
            if read == 0 {
                break;
            }
            (self, buffer) = self.add(buffer).await?;
        }
        if self.missing() > 0 {
            return Err(UploadError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(self)
    }

    /// Takes the next bytes, and gives back the buffer that they were in.
    async fn add(mut self, mut buffer: Vec<u8>) -> Result<(Self, Vec<u8>), UploadError> {
        let added = blocking(move || match self.file.write(&buffer) {
            Ok(()) => {
                buffer.clear();
                Ok((self, buffer))
            }
            Err(PartialError::TooMany(_)) => {
                self.file.discard();
                Err(UploadError::TooMuch)
            }
            Err(PartialError::Unwritable(error)) => Err(UploadError::Unwritable(error)),
        });
        added.await?
    }

    /// The bytes, if they are all here and are those that their digest says; nothing is left of others.
    pub(super) async fn finish(self) -> Result<(Bringer, Option<Vec<u8>>), UploadError> {
        let finish = move || {
            let bytes = self.file.read()?;
            // It looks at every byte.
            if Digest::of(&bytes) == self.bringer.digest {
                return Ok((self.bringer, Some(bytes)));
            }
            self.file.discard();
            Ok((self.bringer, None))
        };
        blocking(finish).await?.map_err(UploadError::Unwritable)
    }
}

/// Does what blocks where that holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UploadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| UploadError::Unwritable(io::Error::other(error)))
}

fn room(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "finds no room on disk",
        _ => "cannot be written",
    }
}

const CHUNK: usize = 256 << 10;
/// How long a sender may be silent.
const STALLED: Duration = Duration::from_secs(30);
/// How long all of it may take, besides the time for its bytes.
const OVERHEAD: Duration = Duration::from_secs(60);
/// How many of its bytes must come in a second.
const SLOWEST: u64 = 32 << 10;
/// How much unfinished versions may take on disk.
const BUDGET: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &[u8] = b"abcdef";

    fn uploads() -> (tempfile::TempDir, Uploads) {
        let dir = tempfile::tempdir().expect("a folder");
        let uploads = Uploads::of(dir.path().join("staged"));
        (dir, uploads)
    }

    impl Uploads {
        async fn begin(&self) -> Upload {
            let bringer = self.bringer(Digest::of(CODE)).await;
            self.open(bringer, CODE.len() as u64).await.expect("opened")
        }
    }

    #[tokio::test]
    async fn what_has_come_is_gone_on_with_and_what_cannot_be_right_is_not_kept() {
        let (_dir, uploads) = uploads();
        let broken = uploads.begin().await.receive(&mut &b"abc"[..]).await;
        assert!(matches!(broken, Err(UploadError::Broken(_))));
        let upload = uploads.begin().await;
        assert_eq!(upload.length(), 3);
        let upload = upload.receive(&mut &b"def"[..]).await.expect("whole");
        let (_, bytes) = upload.finish().await.expect("read");
        assert_eq!(bytes.as_deref(), Some(CODE));
        let too_much = uploads.begin().await.receive(&mut &b"g"[..]).await;
        assert!(matches!(too_much, Err(UploadError::TooMuch)));
        assert!(uploads.read(Digest::of(CODE)).is_err());

        let upload = uploads.begin().await.receive(&mut &b"abcdeg"[..]).await.expect("as long as announced");
        let (_, bytes) = upload.finish().await.expect("read");
        assert_eq!(bytes, None);
        assert!(uploads.read(Digest::of(CODE)).is_err());
    }

    #[tokio::test]
    async fn what_somebody_brings_is_never_tidied_away() {
        let (_dir, uploads) = uploads();
        drop(uploads.begin().await.receive(&mut &b"abc"[..]).await);
        let bringer = uploads.bringer(Digest::of(CODE)).await;
        uploads.tidy(Duration::ZERO, BUDGET);
        assert_eq!(uploads.read(Digest::of(CODE)).expect("read"), b"abc");
        drop(bringer);
        uploads.tidy(Duration::ZERO, BUDGET);
        assert!(uploads.read(Digest::of(CODE)).is_err());
    }

    #[tokio::test]
    async fn only_one_brings_a_digest_at_a_time() {
        let (_dir, uploads) = uploads();
        let first = uploads.bringer(Digest::of(CODE)).await;
        let second = uploads.bringer(Digest::of(CODE));
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(futures::poll!(&mut second).is_ready());
    }
}
