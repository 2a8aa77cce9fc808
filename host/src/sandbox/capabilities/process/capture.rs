//! The output of a program, kept as far as there is room for it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The beginning of a stream, and how much came after it.
#[derive(Debug)]
pub(super) struct Captured {
    /// How many bytes are kept at most.
    cap: usize,
    /// The bytes that are kept.
    pub(super) bytes: Vec<u8>,
    /// How many bytes came after them.
    pub(super) dropped: u64,
}

impl Captured {
    /// A capture that has nothing yet, with room for `cap` bytes.
    pub(super) fn new(cap: usize) -> Self {
        Self { cap, bytes: Vec::new(), dropped: 0 }
    }

    /// Reads a stream to its end and keeps what there is room for. It never stops reading before, so that the
    /// writer never waits. Where its future is dropped, what was read before is kept.
    pub(super) async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) -> io::Result<()> {
        let Some(mut stream) = stream else { return Ok(()) };
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let room = self.cap.saturating_sub(self.bytes.len()).min(length);
            self.bytes.extend_from_slice(&buffer[..room]);
            self.dropped += (length - room) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_beginning_is_kept_and_the_rest_counted() {
        let mut captured = Captured::new(4);
        captured.read(Some(&b"0123456789"[..])).await.expect("reads");
        assert_eq!((captured.bytes.as_slice(), captured.dropped), (&b"0123"[..], 6));
        captured.read(None::<&[u8]>).await.expect("reads");
        assert_eq!((captured.bytes.len(), captured.dropped), (4, 6));
    }
}
