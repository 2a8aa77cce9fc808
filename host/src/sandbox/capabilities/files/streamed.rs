//! Streams of WASI 0.3: the functions that make them of open files, of which files there are some, and how much those take.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Weak};

use wasmtime::StoreContextMut;
use wasmtime::component::{Access, LinkerInstance, StreamReader};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem};
use wasmtime_wasi::p3::bindings::filesystem::types::HostDescriptorWithStore as _;

use super::Handle;
use super::calls_0_3::view;
use crate::sandbox::limits::budget::Hold;
use crate::sandbox::run::guest::Guest;

/// How many bytes a stream takes that has read ahead, or has not yet written.
const STREAM: u64 = 16 << 10;

/// Files with the holds on their descriptors. Streams of WASI 0.3 are WASI's own, and tell nobody when they end;
/// but each keeps its file alive, so that from time to time it can be counted how many still exist.
#[derive(Default)]
pub(in crate::sandbox) struct Streamed(HashMap<usize, Stream>);

/// One file. While it is kept here, no other file comes to lie at its address, by which it is found.
struct Stream {
    file: Weak<File>,
    _descriptor: Option<Arc<Hold>>,
}

impl Streamed {
    /// Takes note that there is a stream of this file.
    pub(super) fn add(&mut self, file: &Arc<File>, descriptor: Option<Arc<Hold>>) {
        let stream = || Stream { file: Arc::downgrade(file), _descriptor: descriptor };
        self.0.entry(Arc::as_ptr(file).addr()).or_insert_with(stream);
    }

    /// How many bytes all streams take that still exist. Gives back the descriptors of files that have none any
    /// more.
    pub(in crate::sandbox) fn held(&mut self) -> u64 {
        self.0.retain(|_, stream| stream.file.strong_count() > 0);
        self.0.values().map(|stream| STREAM * stream.file.strong_count() as u64).sum()
    }
}

/// The functions that make a stream of an open file.
pub(super) fn link(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, offset): (Handle, u64)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::read_via_stream(streams(store), file, offset)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes, offset): (Handle, StreamReader<u8>, u64)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::write_via_stream(streams(store), file, bytes, offset)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, Guest>, (file, bytes): (Handle, StreamReader<u8>)| {
            store.data_mut().note_stream(&file);
            Ok((WasiFilesystem::append_via_stream(streams(store), file, bytes)?,))
        },
    )
}

/// The store in the form that WASI's own functions that make streams want.
fn streams(store: StoreContextMut<'_, Guest>) -> Access<'_, Guest, WasiFilesystem> {
    Access::<Guest, WasiFilesystem>::new(store, view)
}

impl Guest {
    /// Takes note that a stream of an open file is about to be made.
    fn note_stream(&mut self, file: &Handle) {
        let descriptor = self.descriptor(file);
        if let Ok(Descriptor::File(open)) = self.table.get(file) {
            self.files.streamed.add(&open.file, descriptor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::limits::budget::Budget;

    #[test]
    fn a_descriptor_goes_back_when_the_last_stream_of_its_file_ends() {
        let budget = Budget::new(10, 0, 1);
        let hold = Arc::new(budget.share(10).take(1).expect("there is one"));
        let file = Arc::new(tempfile::tempfile().expect("made"));
        let mut streamed = Streamed::default();
        for _ in 0..3 {
            streamed.add(&file, Some(hold.clone()));
        }
        drop(hold);
        let streams = [file.clone(), file];
        assert_eq!((streamed.held(), budget.level().0), (2 * STREAM, 1));
        drop(streams);
        assert_eq!((streamed.held(), budget.level().0), (0, 0));
    }
}
