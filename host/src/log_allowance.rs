//! How much one job, or an overlord by what it is denied, may cause to be written on this host, however hard it tries.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use machine::lock;

/// The room that one job has in a log. What comes after that is counted and left out.
#[derive(Debug)]
pub(crate) struct Allowance(Mutex<Room>);

#[derive(Debug)]
struct Room {
    entries: u64,
    bytes: u64,
    left_out: u64,
}

impl Allowance {
    /// In the audit log: 1,000 entries, and 256 KiB.
    pub(crate) fn of_audit() -> Self {
        Self::of(1000, 256 << 10)
    }

    /// In the daemon's own log, which is for people: 100 lines, and 64 KiB.
    pub(crate) fn of_log() -> Self {
        Self::of(100, 64 << 10)
    }

    fn of(entries: u64, bytes: u64) -> Self {
        Self(Mutex::new(Room { entries, bytes, left_out: 0 }))
    }

    /// Takes the room for one entry of so many bytes, or counts it as left out.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let (mut room, bytes) = (self.room(), bytes as u64);
        if room.entries == 0 || bytes > room.bytes {
            room.left_out += 1;
            // What is full stays full: a short entry must not get in behind one that did not.
            room.entries = 0;
            return false;
        }
        room.entries -= 1;
        room.bytes -= bytes;
        true
    }

    /// How many entries were left out since this was last asked.
    pub(crate) fn left_out(&self) -> u64 {
        std::mem::take(&mut self.room().left_out)
    }

    /// Locks the room.
    fn room(&self) -> MutexGuard<'_, Room> {
        lock::hold(&self.0)
    }
}

/// The room for entries of one kind in each minute. What comes beyond it is counted and left out.
#[derive(Debug, Default)]
pub(crate) struct Minutely(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    began: Option<Instant>,
    entries: u64,
    left_out: u64,
}

impl Minutely {
    /// Takes the room for one entry at this time, or counts it as left out. With it comes how many were left out in a
    /// minute that is over, once.
    pub(crate) fn take(&self, now: Instant) -> (bool, u64) {
        let mut minute = lock::hold(&self.0);
        let mut before = 0;
        if minute.began.is_none_or(|began| now.saturating_duration_since(began) >= MINUTE) {
            before = minute.left_out;
            *minute = Minute { began: Some(now), ..Minute::default() };
        }
        let has_room = minute.entries < A_MINUTE;
        match has_room {
            true => minute.entries += 1,
            false => minute.left_out += 1,
        }
        (has_room, before)
    }

    /// How many entries were left out of which nobody was told yet.
    pub(crate) fn left_out(&self) -> u64 {
        std::mem::take(&mut lock::hold(&self.0).left_out)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// How many entries have room in a minute.
const A_MINUTE: u64 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_has_room_and_says_once_what_the_last_one_had_not() {
        let (room, begin) = (Minutely::default(), Instant::now());
        let taken = (0..A_MINUTE + 5).filter(|_| room.take(begin) == (true, 0)).count() as u64;
        assert_eq!(taken, A_MINUTE);
        let later = begin + MINUTE;
        assert_eq!([room.take(later), room.take(later)], [(true, 5), (true, 0)]);
        assert_eq!(room.left_out(), 0);
    }

    #[test]
    fn entries_and_bytes_run_out_and_the_rest_is_counted_once() {
        for (room, size, fit) in [(Allowance::of(3, 1000), 1, 3), (Allowance::of(1000, 10), 4, 2)] {
            let taken = (0..10).filter(|_| room.take(size)).count();
            assert_eq!(taken, fit);
            assert_eq!((room.left_out(), room.left_out()), (10 - fit as u64, 0));
            assert!(!room.take(1), "full stays full");
        }
    }
}
