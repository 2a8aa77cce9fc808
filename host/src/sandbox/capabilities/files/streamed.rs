//! The files that a guest has streams of by way of WASI 0.3, and how much those take.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Weak};

use crate::sandbox::limits::budget::Hold;

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
