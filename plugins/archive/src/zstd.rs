//! Zstandard: frames one behind the other.

use std::io::{self, BufRead, Read, Write};

use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// How far back a frame may refer, which is held in memory: as much as `zstd` takes unless it is told otherwise.
const WINDOW: u64 = 128 << 20;
/// How much is compressed into one frame.
const FRAME: usize = 4 << 20;

/// Reads what is in all frames.
pub(crate) struct Reader<R> {
    inner: R,
    decoder: FrameDecoder,
    is_within: bool,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(inner: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { inner, decoder, is_within: false }
    }

    /// Begins the next frame, if there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.inner.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.inner) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut self.inner.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_within {
                if !self.begin()? {
                    return Ok(0);
                }
                self.is_within = true;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.is_within = false;
            } else {
                let decoded = self.decoder.decode_blocks(&mut self.inner, UptoBlocks(1));
                decoded.map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
    }
}

/// Compresses what is written.
pub(crate) struct Writer<W: Write> {
    inner: W,
    held: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, held: Vec::with_capacity(FRAME) }
    }

    /// Writes what is left, and gives back where to.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.frame()?;
        Ok(self.inner)
    }

    fn frame(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.inner.write_all(&compress_to_vec(self.held.as_slice(), CompressionLevel::Fastest))?;
        self.held.clear();
        Ok(())
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(FRAME - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        if self.held.len() == FRAME {
            self.frame()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_from_all_frames() {
        let line = b"so that there is something to find again ";
        let content: Vec<u8> = line.iter().copied().cycle().take(2 * FRAME + 5).collect();
        let mut writer = Writer::new(Vec::new());
        writer.write_all(&content).expect("written");
        let frames = writer.finish().expect("written");
        assert!(frames.len() < content.len() / 10);
        // A frame that is to be skipped, in between.
        let all = [frames.as_slice(), &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], &frames].concat();
        let mut read = Vec::new();
        Reader::new(all.as_slice()).read_to_end(&mut read).expect("read");
        assert!(read == [content.as_slice(), &content].concat());
        for cut in [frames.len() - 1, frames.len() / 2, 3] {
            assert!(Reader::new(&frames[..cut]).read_to_end(&mut Vec::new()).is_err(), "{cut}");
        }
    }
}
