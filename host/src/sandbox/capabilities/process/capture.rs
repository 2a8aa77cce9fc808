//! What a program puts out, as far as there is room for it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The beginning of a stream, and how much came after it.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) bytes: Vec<u8>,
    pub(super) dropped: u64,
}

/// Reads a stream to its end and keeps its first `cap` bytes. It never stops reading, so that the writer
/// never waits.
pub(super) async fn capture(stream: Option<impl AsyncRead + Unpin>, cap: usize) -> io::Result<Captured> {
    let mut captured = Captured::default();
    let Some(mut stream) = stream else { return Ok(captured) };
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(captured);
        }
        let room = cap.saturating_sub(captured.bytes.len()).min(length);
        captured.bytes.extend_from_slice(&buffer[..room]);
        captured.dropped += (length - room) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_beginning_is_kept_and_the_rest_counted() {
        let captured = capture(Some(&b"0123456789"[..]), 4).await.expect("reads");
        assert_eq!((captured.bytes.as_slice(), captured.dropped), (&b"0123"[..], 6));
        let nothing = capture(None::<&[u8]>, 4).await.expect("reads");
        assert_eq!((nothing.bytes.len(), nothing.dropped), (0, 0));
    }
}
