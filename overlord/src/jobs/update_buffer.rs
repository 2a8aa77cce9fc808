//! What the parts of a live job say between their states and their ends, for those who follow it.
//!
//! A part that says something never waits for its followers: the oldest lines are dropped, and a follower who was
//! too slow is told how many it missed. What is kept is bounded in bytes of memory: for each job, and for all jobs
//! of the daemon together. Where nobody follows, nothing is kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use machine::lock;
use tokio::sync::Notify;
use wire::memory::Held as _;
use wire::message::link::JobUpdate;
use wire::message::operator::Update;
use wire::name::MinionName;

/// The bytes that all jobs keep for those who follow them. A cheap handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct FollowerRoom(Arc<AtomicUsize>);

impl FollowerRoom {
    /// Notes that so many more are kept.
    pub(super) fn take(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that so many are kept no longer.
    pub(super) fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How many one job may keep of one kind: fewer while all jobs together keep much.
    pub(super) fn share(&self) -> usize {
        if self.0.load(Ordering::Relaxed) > ALL { SHARE } else { OWN }
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one job's parts say.
pub(super) struct UpdateBuffer {
    ring: Mutex<Ring>,
    changed: Notify,
    room: FollowerRoom,
}

#[derive(Default)]
struct Ring {
    said: VecDeque<Said>,
    /// The position of the first, counted from the beginning of the job.
    first: u64,
    bytes: usize,
    followers: usize,
    /// How many lines were said before the next.
    lines: u64,
    /// Whose was what went last.
    last_gone: Option<MinionName>,
}

/// One thing that was said.
struct Said {
    update: Arc<Update>,
    bytes: usize,
    /// How many lines were said before it.
    lines_before: u64,
}

/// What a listener hears.
pub(super) enum NextUpdate {
    /// Something that was said.
    Said(Arc<Update>),
    /// So many lines were missed, on this minion and maybe others.
    Missed(MinionName, u64),
}

/// One who hears what is said from when it came.
pub(super) struct UpdateReader {
    updates: Arc<UpdateBuffer>,
    /// The position of what is heard next.
    at: u64,
    /// How many lines were said before that.
    lines: u64,
}

impl UpdateBuffer {
    pub(super) fn new(room: FollowerRoom) -> Arc<Self> {
        Arc::new(Self { ring: Mutex::default(), changed: Notify::new(), room })
    }

    /// Says something to all who listen.
    pub(super) fn say(&self, update: Update) {
        let mut ring = self.lock();
        let (bytes, lines) = (update.held() + size_of::<Said>(), lines(&update.update));
        let lines_before = ring.lines;
        ring.lines += lines;
        if ring.followers == 0 {
            ring.first += 1;
            return;
        }
        ring.bytes += bytes;
        self.room.take(bytes);
        ring.said.push_back(Said { update: Arc::new(update), bytes, lines_before });
        while self.is_too_much(&ring) {
            self.drop_first(&mut ring);
        }
        drop(ring);
        self.changed.notify_waiters();
    }

    /// Listens from now on.
    pub(super) fn listen(self: &Arc<Self>) -> UpdateReader {
        let mut ring = self.lock();
        ring.followers += 1;
        let (at, lines) = (ring.end(), ring.lines);
        drop(ring);
        UpdateReader { updates: self.clone(), at, lines }
    }

    fn is_too_much(&self, ring: &Ring) -> bool {
        ring.said.len() > MOST || ring.bytes > self.room.share()
    }

    fn drop_first(&self, ring: &mut Ring) {
        if let Some(gone) = ring.said.pop_front() {
            ring.bytes -= gone.bytes;
            ring.first += 1;
            ring.last_gone = Some(gone.update.minion.clone());
            self.room.give_back(gone.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        lock::hold(&self.ring)
    }
}

impl Ring {
    /// The position of what is said next.
    fn end(&self) -> u64 {
        self.first + self.said.len() as u64
    }
}

impl Drop for UpdateBuffer {
    fn drop(&mut self) {
        let bytes = self.lock().bytes;
        self.room.give_back(bytes);
    }
}

impl UpdateReader {
    /// How much was said that is not heard yet.
    pub(super) fn behind(&self) -> u64 {
        self.updates.lock().end() - self.at
    }

    /// The next thing, if it was said already.
    pub(super) fn try_next(&mut self) -> Option<NextUpdate> {
        let ring = self.updates.lock();
        if self.at < ring.first {
            self.at = ring.first;
            let lines_before = ring.said.front().map_or(ring.lines, |said| said.lines_before);
            let missed = lines_before - std::mem::replace(&mut self.lines, lines_before);
            if let (1.., Some(minion)) = (missed, &ring.last_gone) {
                return Some(NextUpdate::Missed(minion.clone(), missed));
            }
        }
        let said = ring.said.get(usize::try_from(self.at - ring.first).ok()?)?;
        self.at += 1;
        self.lines = said.lines_before + lines(&said.update.update);
        Some(NextUpdate::Said(said.update.clone()))
    }

    /// The next thing. Cancel safe.
    pub(super) async fn next(&mut self) -> NextUpdate {
        let updates = self.updates.clone();
        loop {
            // It hears of whatever is said after it was made, also before it is awaited.
            let changed = updates.changed.notified();
            if let Some(heard) = self.try_next() {
                return heard;
            }
            changed.await;
        }
    }
}

impl Drop for UpdateReader {
    fn drop(&mut self) {
        let mut ring = self.updates.lock();
        ring.followers -= 1;
        while ring.followers == 0 && !ring.said.is_empty() {
            self.updates.drop_first(&mut ring);
        }
    }
}

/// How many lines something counts for, for those who miss it.
fn lines(update: &JobUpdate) -> u64 {
    match update {
        JobUpdate::Log(_) | JobUpdate::Chunk(_) => 1,
        // Bounded, so that no minion makes the count run over.
        JobUpdate::Skipped(lines) => (*lines).min(u64::from(u32::MAX)),
        _ => 0,
    }
}

/// How much of one job is kept.
const MOST: usize = 1024;
/// The bytes that one job keeps.
const OWN: usize = 2 << 20;
/// The bytes that all jobs keep before each of them is left with its share.
const ALL: usize = 32 << 20;
/// The bytes that one job may always keep.
const SHARE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn chunk(text: &str) -> Update {
        Update { minion: "web1".parse().expect("a name"), update: JobUpdate::Chunk(text.to_owned()) }
    }

    fn heard(listener: &mut UpdateReader) -> String {
        match listener.next().now_or_never() {
            None => "nothing".to_owned(),
            Some(NextUpdate::Missed(minion, lines)) => format!("{minion} missed {lines}"),
            Some(NextUpdate::Said(update)) => match &update.update {
                JobUpdate::Chunk(text) => text.chars().take(9).collect(),
                other => format!("{other:?}"),
            },
        }
    }

    #[test]
    fn what_is_kept_for_slow_followers_is_bounded_in_bytes_and_they_hear_how_much_they_missed() {
        let (room, text) = (FollowerRoom::default(), "x".repeat(60 << 10));
        let updates = UpdateBuffer::new(room.clone());
        let (mut slow, mut slower) = (updates.listen(), updates.listen());
        for _ in 0..1_000 {
            updates.say(chunk(&text));
        }
        assert!(room.bytes() <= OWN);
        let kept = slow.behind() - (1_000 - updates.lock().said.len() as u64);
        assert_eq!(heard(&mut slow), format!("web1 missed {}", 1_000 - kept));
        assert_eq!(heard(&mut slow), "xxxxxxxxx");
        updates.say(chunk(&text));
        assert_eq!(heard(&mut slower), format!("web1 missed {}", 1_001 - kept));
    }

    #[test]
    fn all_jobs_together_keep_no_more_than_their_bound() {
        let (room, text) = (FollowerRoom::default(), "x".repeat(60 << 10));
        let jobs: Vec<_> = (0..200).map(|_| UpdateBuffer::new(room.clone())).collect();
        let listeners: Vec<_> = jobs.iter().map(UpdateBuffer::listen).collect();
        for _ in 0..50 {
            jobs.iter().for_each(|job| job.say(chunk(&text)));
        }
        assert!(room.bytes() <= ALL + jobs.len() * SHARE + OWN);
        drop(listeners);
        assert_eq!(room.bytes(), 0, "nothing is kept for nobody");
        jobs.iter().for_each(|job| job.say(chunk(&text)));
        assert_eq!(room.bytes(), 0);
    }

    #[test]
    fn what_a_minion_left_out_itself_counts_as_missed_too() {
        let updates = UpdateBuffer::new(FollowerRoom::default());
        let mut slow = updates.listen();
        updates.say(Update { update: JobUpdate::Skipped(41), ..chunk("") });
        updates.say(chunk("one"));
        (0..MOST).for_each(|_| updates.say(chunk("more")));
        assert_eq!(heard(&mut slow), "web1 missed 42");
        assert_eq!(heard(&mut slow), "more");
    }

    #[test]
    fn who_comes_later_hears_only_what_is_said_from_then_on() {
        let updates = UpdateBuffer::new(FollowerRoom::default());
        updates.say(chunk("early"));
        let _other = updates.listen();
        updates.say(chunk("later"));
        let mut listener = updates.listen();
        assert_eq!(heard(&mut listener), "nothing");
        updates.say(chunk("now"));
        assert_eq!((heard(&mut listener), heard(&mut listener)), ("now".to_owned(), "nothing".to_owned()));
    }
}
