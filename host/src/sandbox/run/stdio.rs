//! A guest's stdout and stderr: kept in part, passed on as log lines, never full. A command's stdout is
//! `printed`'s.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use machine::lock;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wire::message::call::{LogLevel, LogLine};

use crate::sandbox::run::events::JobLog;

/// How many bytes of the beginning are kept.
const HEAD: usize = 2 << 10;
/// How many bytes of the end are kept.
const TAIL: usize = 6 << 10;
/// The most bytes of one log line; a longer line is logged in pieces.
const MAX_LINE: usize = 4 << 10;

/// One output stream of a guest.
///
/// A pipe that fills up would make the guest's next `println!` panic, and the reason of a trap is at the end of
/// what it wrote: so this takes everything, and keeps the beginning and the end.
#[derive(Clone)]
pub(in crate::sandbox) struct Output(Arc<Mutex<Kept>>);

/// What is kept of a stream.
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// How many bytes between the head and the tail are gone.
    lost: u64,
    /// The line that has not ended yet.
    line: Vec<u8>,
    level: LogLevel,
    log: JobLog,
}

impl Output {
    /// A stream whose lines are logged at `level`.
    pub(in crate::sandbox) fn new(level: LogLevel, log: JobLog) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            head: Vec::new(),
            tail: VecDeque::new(),
            lost: 0,
            line: Vec::new(),
            level,
            log,
        })))
    }

    /// The beginning and the end of what was written, as text, with a note of how much is missing in between.
    pub(in crate::sandbox) fn text(&self) -> String {
        let kept = self.kept();
        let tail: Vec<u8> = kept.tail.iter().copied().collect();
        let head = String::from_utf8_lossy(&kept.head);
        let tail = String::from_utf8_lossy(&tail);
        match kept.lost {
            0 => format!("{head}{tail}"),
            lost => format!("{head}\n[… {lost} bytes left out …]\n{tail}"),
        }
    }

    /// Takes bytes that the guest wrote to another stream, as if it had written them here.
    pub(in crate::sandbox) fn take(&self, bytes: &[u8]) {
        self.kept().write(bytes);
    }

    /// Logs the last line, where the guest did not end it.
    pub(in crate::sandbox) fn close(&self) {
        self.kept().end_line();
    }

    /// Locks what is kept.
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        lock::hold(&self.0)
    }
}

impl Kept {
    /// Takes bytes: into the head while there is room, and then through the tail.
    fn write(&mut self, mut bytes: &[u8]) {
        // All of it is logged, as far as the log has room; what is kept besides is for the outcome.
        self.split_lines(bytes);
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        // Room is made first, and what would not stay is not taken: the tail keeps all memory that it ever had.
        let kept = &bytes[bytes.len().saturating_sub(TAIL)..];
        let over = (self.tail.len() + kept.len()).saturating_sub(TAIL);
        self.tail.drain(..over);
        self.tail.extend(kept);
        self.lost += (over + bytes.len() - kept.len()) as u64;
    }

    /// Logs the lines that these bytes complete. A line without an end is logged in pieces.
    fn split_lines(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for chunk in piece.chunks(MAX_LINE) {
                self.line.extend_from_slice(chunk);
                if self.line.len() >= MAX_LINE || self.line.ends_with(b"\n") {
                    self.end_line();
                }
            }
        }
    }

    /// Logs what there is of a line. Bytes that are not UTF-8 are shown as such.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let message = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !message.is_empty() {
            self.log.write(LogLine { level: self.level, message, fields: Vec::new() });
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.kept().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.kept().write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Limits;
    use crate::sandbox::run::events::testing::Recorded;

    fn output() -> (Output, Arc<Recorded>) {
        let events = Arc::new(Recorded::default());
        (Output::new(LogLevel::Info, JobLog::new(events.clone(), &Limits::default())), events)
    }

    #[test]
    fn lines_are_logged_when_they_end_and_the_last_at_the_close() {
        let (output, events) = output();
        output.kept().write(b"one\ntw");
        output.kept().write(b"o\n\nthree");
        output.close();
        let lines: Vec<String> = events.log.lock().unwrap().iter().map(|line| line.message.clone()).collect();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_flood_without_lines_or_text_keeps_its_beginning_and_its_end() {
        let (mut output, events) = output();
        output.write(Bytes::from_static(b"begin ")).unwrap();
        for _ in 0..1_000 {
            output.write(Bytes::from(vec![0xff; 1_000])).unwrap();
        }
        output.write(Bytes::from_static(b" end")).unwrap();
        let text = output.text();
        assert!(text.starts_with("begin ") && text.ends_with(" end") && text.contains("bytes left out"));
        assert!(text.len() < 4 * (HEAD + TAIL));
        output.write(Bytes::from(vec![b'x'; 1 << 20])).unwrap();
        assert!(output.kept().tail.capacity() <= 2 * TAIL);
        assert!(events.log.lock().unwrap().len() <= 1_000);
    }
}
