//! Mending journals before the database reads them.
//!
//! The database refuses a folder, or forgets everything after it, for one wrong byte in a journal. Here the
//! wrong part alone is taken out and kept in a folder of its own; where only the contents of a batch differ
//! from its checksum, the batch stays, and the record that is wrong shows itself by its own checksum.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use machine::file;
use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::batch::{Batch, TRAILER};
use super::stale_indexes;

/// Where parts of journals go that could not be read.
const DAMAGED: &str = "damaged";

/// How much of a journal is read at once.
const CHUNK: u64 = 256 << 10;

/// Mends all journals of the folder, which nobody else may have open.
pub(super) fn mend(folder: &Path) -> io::Result<()> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            journals.push(path);
        }
    }
    journals.iter().try_for_each(|path| mend_journal(folder, path))
}

fn mend_journal(folder: &Path, path: &Path) -> io::Result<()> {
    let journal = contents(path)?;
    let found = Findings::of(&journal);
    if found.is_sound() {
        return Ok(());
    }
    for place in &found.damaged {
        let kept = keep(folder, path, &journal, place)?;
        tracing::warn!(
            journal = %path.display(),
            offset = place.start,
            bytes = place.len(),
            kept = %kept.display(),
            "set a damaged part of a journal aside",
        );
    }
    stale_indexes::mark(folder)?;
    let mode = fs::metadata(path)?.permissions().mode();
    file::replace(path, &found.made_sound(&journal), mode)
}

/// A journal without the empty space at its end.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut journal, mut end) = (File::open(path)?, Vec::new(), 0);
    loop {
        let before = journal.len();
        Read::by_ref(&mut file).take(CHUNK).read_to_end(&mut journal)?;
        if journal[before..].iter().any(|byte| *byte != 0) {
            end = journal.len();
        } else if before == journal.len() || is_empty_from(&mut file, before as u64)? {
            journal.truncate(end);
            return Ok(journal);
        }
    }
}

/// Whether nothing was ever written to a file from `offset` on.
fn is_empty_from(file: &mut File, offset: u64) -> io::Result<bool> {
    let position = file.stream_position()?;
    // A file system that cannot tell is read to the end.
    let empty =
        lseek(&*file, i64::try_from(offset).unwrap_or(i64::MAX), Whence::SeekData) == Err(Errno::ENXIO);
    file.seek(SeekFrom::Start(position))?;
    Ok(empty)
}

fn keep(folder: &Path, path: &Path, journal: &[u8], place: &Range<usize>) -> io::Result<PathBuf> {
    let damaged = folder.join(DAMAGED);
    fs::create_dir_all(&damaged)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let kept = damaged.join(format!("{name}-{}", place.start));
    fs::write(&kept, &journal[place.clone()])?;
    Ok(kept)
}

/// What a journal consists of.
struct Findings {
    batches: Vec<Batch>,
    damaged: Vec<Range<usize>>,
}

impl Findings {
    /// Reads a journal from front to back; after something that is no batch it goes on behind the next
    /// trailer that one follows.
    fn of(journal: &[u8]) -> Self {
        let mut found = Self { batches: Vec::new(), damaged: Vec::new() };
        let mut at = 0;
        while at < journal.len() {
            let batch = Batch::at(journal, at).or_else(|| {
                let next = next_batch(journal, at);
                found.damaged.extend(damage(journal, at, next.as_ref()));
                next
            });
            let Some(batch) = batch else { break };
            at = batch.place.end;
            found.batches.push(batch);
        }
        found
    }

    fn is_sound(&self) -> bool {
        self.damaged.is_empty()
            && self.batches.iter().all(|batch| batch.sound_head && batch.sound_items)
            && self.batches.is_sorted_by(|a, b| a.number < b.number)
    }

    /// The journal of what is left, numbered upwards again where a number was wrong.
    ///
    /// All other numbers stay as they are: the database compares them with those of records that it has in tables.
    fn made_sound(&self, journal: &[u8]) -> Vec<u8> {
        let right = longest_rise(&self.batches);
        // Those before the first number that is right are numbered up to it.
        let first =
            right.first().map_or(0, |index| self.batches[*index].number.saturating_sub(*index as u64));
        let (mut bytes, mut lowest, mut right) = (Vec::new(), first, right.into_iter().peekable());
        for (index, batch) in self.batches.iter().enumerate() {
            let number = match right.next_if_eq(&index) {
                Some(_) => batch.number.max(lowest),
                None => lowest,
            };
            bytes.extend(batch.made_sound(journal, number));
            lowest = number.saturating_add(1);
        }
        bytes
    }
}

/// The places of as many batches as have numbers that rise from each to the next; all others have wrong ones.
fn longest_rise(batches: &[Batch]) -> Vec<usize> {
    // For each length, the last place of a rise that long with the lowest number, and for each place the one before it.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::new());
    for (place, batch) in batches.iter().enumerate() {
        let length = ends.partition_point(|end| batches[*end].number < batch.number);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    let mut rise: Vec<usize> = std::iter::successors(ends.last().copied(), |place| before[*place]).collect();
    rise.reverse();
    rise
}

/// The first sound batch that begins behind a trailer at or after `from`.
fn next_batch(journal: &[u8], from: usize) -> Option<Batch> {
    let trailers = journal.get(from..)?.windows(TRAILER.len()).enumerate();
    trailers
        .filter(|(_, bytes)| *bytes == TRAILER)
        .filter_map(|(offset, _)| Batch::at(journal, from + offset + TRAILER.len()))
        .find(|batch| batch.sound_items)
}

/// The damage between `from` and the next batch. Bytes behind the last batch are no damage if they have no
/// trailer: a batch was being written when the daemon ended, and nobody was told that it was.
fn damage(journal: &[u8], from: usize, next: Option<&Batch>) -> Option<Range<usize>> {
    match next {
        Some(batch) => Some(from..batch.place.start),
        None => {
            let rest = &journal[from..];
            let complete = rest.windows(TRAILER.len()).any(|bytes| bytes == TRAILER);
            complete.then(|| from..from + rest.len())
        }
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

    use super::*;

    fn open(folder: &Path) -> (Database, [Keyspace; 2]) {
        let database = Database::builder(folder).journal_compression(CompressionType::None).open().unwrap();
        let keyspaces =
            ["first", "second"].map(|name| database.keyspace(name, KeyspaceCreateOptions::default).unwrap());
        (database, keyspaces)
    }

    /// A journal as the database writes it, with every kind of entry that it knows, in seven batches.
    fn written_by_the_database(folder: &Path) {
        let (database, [first, second]) = open(folder);
        let commit = |entries: &dyn Fn(&mut fjall::OwnedWriteBatch)| {
            let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
            entries(&mut batch);
            batch.commit().unwrap();
        };
        commit(&|batch| batch.insert(&second, "gone", "before the clearing"));
        second.clear().unwrap();
        commit(&|batch| {
            batch.insert(&first, "one", "1");
            batch.insert(&second, "two", vec![2; 10_000]);
        });
        commit(&|batch| batch.insert(&first, "passing", ""));
        commit(&|batch| batch.remove(&first, "passing"));
        commit(&|batch| batch.remove_weak(&first, "never there"));
        commit(&|batch| batch.insert(&second, "three", "3"));
    }

    /// The keys of both keyspaces, as the database finds them.
    fn found_by_the_database(folder: &Path) -> Vec<String> {
        let (_database, keyspaces) = open(folder);
        let keys = keyspaces.iter().flat_map(|keyspace| keyspace.iter().map(|row| row.key().unwrap()));
        keys.map(|key| String::from_utf8_lossy(&key).into_owned()).collect()
    }

    fn journal_of(folder: &Path) -> PathBuf {
        folder.join("0.jnl")
    }

    #[test]
    fn a_journal_of_the_database_is_understood_and_left_as_it_is() {
        let folder = crate::scratch::folder();
        written_by_the_database(folder.path());
        let before = contents(&journal_of(folder.path())).unwrap();
        let found = Findings::of(&before);
        assert!(found.is_sound(), "damaged: {:?}", found.damaged);
        let counts: Vec<u32> = found.batches.iter().map(|batch| batch.count).collect();
        assert_eq!(counts, [1, 1, 2, 1, 1, 1, 1]);
        let end = found.batches.last().unwrap().place.end;
        assert!(found.made_sound(&before) == before[..end], "it is not written as the database writes it");

        mend(folder.path()).unwrap();
        assert!(contents(&journal_of(folder.path())).unwrap() == before, "it was rewritten");
        assert_eq!(found_by_the_database(folder.path()), ["one", "three", "two"]);
    }

    #[test]
    fn empty_space_is_no_end_where_something_follows_it() {
        let folder = crate::scratch::folder();
        let (database, [first, _]) = open(folder.path());
        for (key, length) in [("zeros", 3 * CHUNK as usize), ("last", 1)] {
            let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(&first, key, vec![0; length]);
            batch.commit().unwrap();
        }
        drop((database, first));
        let journal = contents(&journal_of(folder.path())).unwrap();
        let found = Findings::of(&journal);
        assert!(found.is_sound(), "damaged: {:?}", found.damaged);
        assert_eq!(found.batches.len(), 2);
    }

    #[test]
    fn batches_are_numbered_upwards_and_only_those_that_are_not_are_changed() {
        let folder = crate::scratch::folder();
        written_by_the_database(folder.path());
        let bytes = contents(&journal_of(folder.path())).unwrap();
        let numbers_of =
            |found: &Findings| found.batches.iter().map(|batch| batch.number).collect::<Vec<_>>();
        for (written, mended) in [
            ([10, 20, 30, 40, 50, 60, 70], [10, 20, 30, 40, 50, 60, 70]),
            ([10, 11, 12, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            // Too low, the same as before, the same as behind, and too high.
            ([10, 11, 3, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 11, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 13, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 99, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            // The first and the last have one neighbour.
            ([99, 11, 12, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([99, 98, 12, 13, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 12, 13, 14, 15, 15], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 12, 13, 14, 15, u64::MAX], [10, 11, 12, 13, 14, 15, u64::MAX]),
            // Two wrong ones, and one that leaves no room between its neighbours.
            ([10, 99, 12, 3, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
            ([10, 11, 3, 12, 14, 15, 16], [10, 11, 12, 13, 14, 15, 16]),
        ] {
            let mut journal = bytes.clone();
            for (batch, number) in Findings::of(&bytes).batches.iter().zip(written) {
                journal[batch.place.start + 5..][..8].copy_from_slice(&u64::to_le_bytes(number));
            }
            let found = Findings::of(&journal);
            assert_eq!(found.is_sound(), written == mended, "{written:?}");
            let again = Findings::of(&found.made_sound(&journal));
            assert!(again.is_sound(), "{written:?}");
            assert_eq!(numbers_of(&again), mended, "{written:?}");
        }
    }

    #[test]
    fn the_database_reads_all_but_the_damaged_batch_of_a_journal_that_was_mended() {
        let whole = crate::scratch::folder();
        written_by_the_database(whole.path());
        let bytes = contents(&journal_of(whole.path())).unwrap();
        let batches = Findings::of(&bytes).batches;
        // In the batch of "one" and "two": its head, of which all follows from the rest.
        let all = ["one", "three", "two"].as_slice();
        let (damaged, head) = (&batches[2].place, super::super::batch::HEAD);
        let (start, item) = (damaged.start, damaged.start + head);
        let mut cases = vec![(start, all), (start + 1, all), (start + 5, all)];
        // The tag of its first item, its kind, its compression, and its length.
        cases.extend([item, item + 1, item + 2, item + 13].map(|place| (place, ["three"].as_slice())));
        // The value of that item, whose record shows by itself that it is wrong, and the checksum.
        cases.extend([item + 24, damaged.end - 5].map(|place| (place, all)));
        // Its trailer, and the tag of an item in the last batch.
        cases.extend([(damaged.end - 1, ["three"].as_slice())]);
        cases.extend([(batches[6].place.start + head, ["one", "two"].as_slice())]);
        for (place, left) in cases {
            let folder = crate::scratch::folder();
            written_by_the_database(folder.path());
            let mut journal = fs::read(journal_of(folder.path())).unwrap();
            journal[place] ^= 0x41;
            fs::write(journal_of(folder.path()), &journal).unwrap();
            mend(folder.path()).unwrap();
            assert_eq!(found_by_the_database(folder.path()), left, "byte {place}");
            // What was taken out is kept as it was.
            let taken = batches.iter().find(|batch| batch.place.contains(&place)).unwrap().place.clone();
            let kept = fs::read(folder.path().join(format!("damaged/0-{}", taken.start)));
            assert_eq!(kept.is_ok(), left != all, "byte {place}");
            assert!(kept.is_ok_and(|kept| kept.starts_with(&journal[taken])) || left == all, "byte {place}");
        }
    }
}
