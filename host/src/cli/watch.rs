//! Waiting for a module's file to change: the loop of `minion call --watch`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use output::{Context as _, Exit, Failure, note};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;
use wasmparser::{Chunk, Parser, Payload};

use machine::clock;
use machine::moment::time_of_day;
use wire::digest::Digest;

use crate::modules::read_module;

/// How a call went.
pub(super) enum Ended {
    /// It was made to its end, or could not be made.
    Done,
    /// It was stopped by Ctrl-C.
    Interrupted,
    /// Nobody reads what is printed any more: the program ends with this.
    Unread(Exit),
}

/// Makes a call again whenever its module's file has changed, until Ctrl-C.
///
/// Whatever goes wrong with one call is told, and the next change brings another.
pub(super) async fn watch(
    file: &Path,
    mut call: impl AsyncFnMut(&mut Signal) -> Result<Ended, Failure>,
) -> Result<Exit, Failure> {
    let mut interrupts = interrupts()?;
    let mut changes = Changes::of(file)?;
    loop {
        match call(&mut interrupts).await? {
            Ended::Done => {}
            Ended::Interrupted => return Ok(Exit::Interrupted),
            Ended::Unread(exit) => return Ok(exit),
        }
        tokio::select! {
            when = changes.next() => note(format_args!("--- {}: {} has changed", time_of_day(when), file.display())),
            _ = interrupts.recv() => return Ok(Exit::Interrupted),
        }
    }
}

/// Ctrl-C, from now on.
pub(super) fn interrupts() -> Result<Signal, Failure> {
    signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")
}

/// The changes of one file.
struct Changes {
    file: PathBuf,
    /// What was in it when it was looked at last.
    seen: Option<Digest>,
    /// A sign that something happened to the file. One that waits to be read stands for all that happened meanwhile.
    events: mpsc::Receiver<()>,
    /// Watches for as long as it is held.
    _watcher: RecommendedWatcher,
}

impl Changes {
    fn of(file: &Path) -> Result<Self, Failure> {
        let (folder, name) = (folder(file), file.file_name().map(OsString::from));
        let (sender, events) = mpsc::channel(1);
        let told = move |event: notify::Result<Event>| {
            // Where the system cannot say what happened, it may have been a change.
            if event.map_or(true, |event| is_change(&event, name.as_deref())) {
                // A full channel means that it is known already.
                let _ = sender.try_send(());
            }
        };
        // The folder, because a new file mostly takes the place of the old one.
        let watched = notify::recommended_watcher(told).and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let watcher = watched.map_err(|error| {
            Failure::failed(format_args!("cannot watch \"{}\": {error}", folder.display()))
        })?;
        let seen = read_module(file).ok().map(|bytes| Digest::of(&bytes));
        Ok(Self { file: file.to_owned(), seen, events, _watcher: watcher })
    }

    /// Waits until there is something else in the file, all of it, and gives back since when.
    ///
    /// A file that is whole, and that nobody wrote to for a moment, is taken to be complete.
    async fn next(&mut self) -> SystemTime {
        loop {
            // It never ends, because the watcher holds the sender.
            self.events.recv().await;
            while let Ok(Some(())) = timeout(QUIET, self.events.recv()).await {}
            // There may be no file for a moment, while another one takes its place.
            let Ok(bytes) = read_module(&self.file) else { continue };
            if is_cut_off(&bytes) {
                note(format_args!("waiting for the rest of {}", self.file.display()));
                continue;
            }
            let digest = Some(Digest::of(&bytes));
            if self.seen != digest {
                self.seen = digest;
                let modified = std::fs::metadata(&self.file).and_then(|about| about.modified());
                return modified.unwrap_or_else(|_| clock::now());
            }
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Whether an event is about the contents of the file of this name. Reading the file is no such event.
fn is_change(event: &Event, name: Option<&std::ffi::OsStr>) -> bool {
    let about = event.need_rescan() || event.paths.iter().any(|path| path.file_name() == name);
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    about && (!event.kind.is_access() || event.kind == written)
}

/// Whether a file of WebAssembly ends in the middle of a section. Bytes that are no WebAssembly count as whole, and fail
/// when they are loaded.
fn is_cut_off(bytes: &[u8]) -> bool {
    let (mut parser, mut rest) = (Parser::new(0), bytes);
    while !rest.is_empty() {
        let (consumed, nested) = match parser.parse(rest, false) {
            Ok(Chunk::NeedMoreData(_)) => return true,
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, nested(&payload)),
            Err(_) => return false,
        };
        match rest.get(consumed + nested..) {
            Some(after) => rest = after,
            None => return true,
        }
    }
    bytes.is_empty()
}

/// The length of the module or component that begins with this payload, which is skipped as a whole; 0 where none does.
fn nested(payload: &Payload<'_>) -> usize {
    match payload {
        Payload::ModuleSection { unchecked_range, .. }
        | Payload::ComponentSection { unchecked_range, .. } => unchecked_range.len(),
        _ => 0,
    }
}

/// For how long a file must be left alone before it is looked at.
const QUIET: Duration = Duration::from_millis(100);

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_off_wherever_no_section_ends() {
        let whole = wat::parse_str(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func (export "f") (canon lift (core func $i "f"))))"#,
        )
        .unwrap();
        // All sections are shorter than 128 bytes, so that one byte has their length.
        let mut end = 8;
        let mut ends = vec![end];
        while end < whole.len() {
            end += 2 + usize::from(whole[end + 1]);
            ends.push(end);
        }
        assert_eq!(ends.last(), Some(&whole.len()));
        for length in 0..=whole.len() {
            let is_whole = ends.contains(&length);
            assert_eq!(is_cut_off(&whole[..length]), !is_whole, "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn what_is_no_webassembly_is_whole() {
        assert!(!is_cut_off(b"#!/bin/sh"));
    }

    #[test]
    fn reading_a_file_is_no_change_of_it_and_a_neighbour_is_another_file() {
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let name = Some(std::ffi::OsStr::new("a.wasm"));
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert!(!is_change(&event(read, "/m/a.wasm"), name));
        assert!(is_change(&event(written, "/m/a.wasm"), name));
        assert!(!is_change(&event(written, "/m/b.wasm"), name));
    }
}
