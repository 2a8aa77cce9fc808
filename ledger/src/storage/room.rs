//! How much room there is on the disk, looked at before batches.
//!
//! The database takes no further write after one has failed, so a ledger refuses in time instead: new work first,
//! then everything that is not needed to make room.

use std::path::Path;
use std::time::{Duration, Instant};

use machine::disk_space::DiskSpace;

use crate::write::Purpose;

/// How many bytes are kept free at most for carrying on what was begun; on a small disk, a share of it is.
const RESERVE: u64 = 16 << 20;
const SHARE: u64 = 20;

/// How many bytes more than the reserve are plenty: nobody fills them between two looks that are so far apart.
const PLENTY: u64 = 256 << 20;
const FRESH: Duration = Duration::from_millis(50);

/// How full the disk of a ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// How many bytes this process may still write there.
    pub free_bytes: u64,
    /// Whether that is enough for new jobs: the last of the room is kept for jobs that have begun.
    pub takes_work: bool,
}

/// How much room the disk of a ledger has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    free: u64,
    reserve: u64,
}

impl Room {
    /// The room at this moment. A disk that does not tell counts as having enough: the write itself will show.
    pub(crate) fn on_disk_of(path: &Path) -> Self {
        match DiskSpace::of(path) {
            Ok(DiskSpace { free, size }) => Self::of(free, size),
            Err(_) => Self { free: u64::MAX, reserve: 0 },
        }
    }

    /// The room on a disk of `size` bytes, of which so many are free.
    fn of(free: u64, size: u64) -> Self {
        Self { free, reserve: RESERVE.min(size / SHARE) }
    }

    /// What a user may know of the room.
    pub(crate) fn disk(self) -> Disk {
        Disk { free_bytes: self.free, takes_work: self.suffices(Purpose::Begin) }
    }

    /// Whether a write may go ahead.
    pub(crate) fn suffices(self, purpose: Purpose) -> bool {
        let needed = match purpose {
            Purpose::Begin => self.reserve,
            Purpose::Proceed => self.reserve / 8,
            Purpose::Free => self.reserve / 64,
        };
        self.free >= needed
    }

    /// Whether there is so much that it need not be looked at before each batch.
    fn is_plenty(self) -> bool {
        self.free >= self.reserve.saturating_add(PLENTY)
    }
}

/// The room on the disk of a ledger, which is looked at before each batch where it may matter, and from time to time where
/// there is plenty.
#[derive(Debug, Default)]
pub(crate) struct RoomGauge {
    last: Option<(Instant, Room)>,
}

impl RoomGauge {
    /// The room on the disk of this path.
    pub(crate) fn look(&mut self, path: &Path) -> Room {
        if let Some((at, room)) = self.last
            && room.is_plenty()
            && at.elapsed() < FRESH
        {
            return room;
        }
        let room = Room::on_disk_of(path);
        self.last = Some((Instant::now(), room));
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_work_is_refused_before_the_end_of_old_work_and_that_before_a_purge() {
        let reserve = 6400;
        let allowed = |free| {
            let room = Room { free, reserve };
            [Purpose::Begin, Purpose::Proceed, Purpose::Free].map(|purpose| room.suffices(purpose))
        };
        assert_eq!(allowed(6400), [true, true, true]);
        assert_eq!(allowed(6399), [false, true, true]);
        assert_eq!(allowed(799), [false, false, true]);
        assert_eq!(allowed(99), [false, false, false]);
    }

    #[test]
    fn a_disk_keeps_sixteen_mebibytes_for_what_has_begun_and_a_small_one_a_twentieth() {
        for (size, reserve) in [(1 << 40, 16_777_216), (335_544_320, 16_777_216), (20_000, 1000)] {
            for (free_bytes, takes_work) in [(reserve, true), (reserve - 1, false)] {
                assert_eq!(Room::of(free_bytes, size).disk(), Disk { free_bytes, takes_work }, "of {size}");
            }
        }
        let folder = crate::scratch::folder();
        assert!(Room::on_disk_of(folder.path()).reserve > 0, "a disk of no size");
    }

    #[test]
    fn only_where_there_is_plenty_of_room_it_is_not_looked_at_each_time() {
        let folder = crate::scratch::folder();
        let reserve = 1 << 20;
        for (free, is_kept) in [(reserve + PLENTY, true), (reserve + PLENTY - 1, false), (0, false)] {
            let known = Room { free, reserve };
            let mut gauge = RoomGauge { last: Some((Instant::now(), known)) };
            assert_eq!(gauge.look(folder.path()).free == free, is_kept, "{free} bytes");
            let long_ago = Instant::now().checked_sub(FRESH).expect("the host is up for longer");
            let mut gauge = RoomGauge { last: Some((long_ago, known)) };
            assert_ne!(gauge.look(folder.path()).free, free, "of long ago");
        }
    }
}
