//! The jobs of one index, newest first, with a quick way past those that do not fit.

use wire::message::job::JobId;

use crate::key::{self, Span};
use crate::keyspace::Keyspace;
use crate::read::Read;
use crate::storage::Scan;

/// How many keys are passed one by one before it is quicker to look the place up.
const STEPS: usize = 8;

/// A place in an index whose keys end with a job, moving from newer jobs to older ones.
pub(super) struct Cursor<'a, R> {
    source: &'a R,
    space: Keyspace,
    prefix: Vec<u8>,
    /// The first key that is of interest.
    start: Vec<u8>,
    rows: Scan<'a>,
    /// The job that the cursor stands at; `None` behind the last.
    here: Option<JobId>,
}

impl<'a, R: Read> Cursor<'a, R> {
    /// A cursor at the newest job of the keys that begin with `prefix`, among those from `oldest` to `newest`.
    pub(super) fn new(source: &'a R, space: Keyspace, prefix: Vec<u8>, oldest: JobId, newest: JobId) -> Self {
        let start = [prefix.as_slice(), &oldest.to_bytes()].concat();
        let rows = rows(source, space, &prefix, &start, newest);
        let mut cursor = Self { source, space, prefix, start, rows, here: None };
        cursor.step();
        cursor
    }

    /// Moves to the newest job that is not newer than `job`, and returns it.
    pub(super) fn at_most(&mut self, job: JobId) -> Option<JobId> {
        for _ in 0..STEPS {
            if self.here? <= job {
                return self.here;
            }
            self.step();
        }
        self.rows = rows(self.source, self.space, &self.prefix, &self.start, job);
        self.step();
        self.here
    }

    fn step(&mut self) {
        self.here = self.rows.by_ref().rev().find_map(|(key, _)| key::last_job(&key));
    }
}

/// The keys from `start` to that of `newest`.
fn rows<'a>(source: &'a impl Read, space: Keyspace, prefix: &[u8], start: &[u8], newest: JobId) -> Scan<'a> {
    let last = [prefix, newest.to_bytes().as_slice()].concat();
    source.scan(space, Span::from_to(start.to_vec(), last))
}
