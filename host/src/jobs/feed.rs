//! What is known of a live job, and the followers who are told of it.
//!
//! The job's side never waits: of its state and its progress only the last counts, and log lines and chunks go
//! through a ring that drops its oldest. A follower that was too slow is told how many it missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use machine::lock;
use wire::memory::Held as _;
use wire::message::call::{LogLine, Progress};
use wire::message::job::{MinionJobId, MinionState};
use wire::message::link::JobUpdate;
use wire::message::outcome::Report;

/// The news of one job, which its task writes and any number of followers read.
pub(crate) struct Feed {
    news: Mutex<News>,
    changed: watch::Sender<()>,
}

/// One reader of a feed, from its beginning to its end.
///
/// Every follower gets log lines and chunks from the first on, so the position of each in what it gets
/// ([`JobUpdate::Skipped`] counts for as many as it says) is the same for all.
pub(crate) struct Follower {
    feed: Arc<Feed>,
    changed: watch::Receiver<()>,
    seen: Seen,
}

/// Everything that a follower who begins now can still be told.
#[derive(Default)]
struct News {
    minion_job: Option<MinionJobId>,
    state: Option<MinionState>,
    /// Whether the state is not told by itself yet, but only with what else there is to tell.
    is_held_back: bool,
    progress: Option<Progress>,
    /// How often `progress` was replaced.
    progress_version: u64,
    ring: VecDeque<Line>,
    /// How many lines have left the ring.
    dropped: u64,
    /// How many bytes of memory the lines in the ring take.
    bytes: usize,
    end: Option<End>,
}

/// A log line or a chunk.
struct Line {
    update: JobUpdate,
    bytes: usize,
}

/// How a feed ends.
enum End {
    Finished(Arc<Report>),
    Unknown,
    /// The task that wrote the feed is gone, so that nothing more can be said here.
    Abandoned,
}

/// How much a follower was told already.
#[derive(Default)]
struct Seen {
    state: Option<MinionState>,
    progress_version: u64,
    lines: u64,
    end: bool,
}

/// The most lines that the ring holds.
const RING_LINES: usize = 1024;
/// The most bytes of memory that the ring holds, unless it holds one line alone.
const RING_BYTES: usize = 1 << 20;

impl Feed {
    /// The feed of a job of which nothing is known yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { news: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// The feed of a job that ended before.
    pub(crate) fn of_finished(minion_job: MinionJobId, report: Report) -> Arc<Self> {
        let feed = Self::new();
        feed.finished(Some(minion_job), Arc::new(report));
        feed
    }

    /// The feed of a job that the minion has no record of.
    pub(crate) fn of_unknown() -> Arc<Self> {
        let feed = Self::new();
        feed.publish(|news| news.end = Some(End::Unknown));
        feed
    }

    /// Publishes that the minion has recorded the job in this state.
    pub(crate) fn state(&self, minion_job: MinionJobId, state: MinionState) {
        self.publish(|news| {
            news.minion_job = Some(minion_job);
            news.state = MinionState::advance(news.state, state).or(news.state);
        });
    }

    /// Publishes that the minion has recorded the job as running, without waking anybody for that: followers are told with
    /// whatever comes next, or by [`announce`](Self::announce).
    pub(crate) fn runs(&self, minion_job: MinionJobId) {
        let mut news = self.news();
        news.minion_job = Some(minion_job);
        let runs = MinionState::advance(news.state, MinionState::Running);
        (news.is_held_back, news.state) = (runs.is_some(), runs.or(news.state));
    }

    /// Tells the state that was held back, unless it was told with something else.
    pub(crate) fn announce(&self) {
        let was_held_back = std::mem::take(&mut self.news().is_held_back);
        if was_held_back {
            self.changed.send_replace(());
        }
    }

    /// Publishes how far the job says that it is, in place of what it said before.
    pub(crate) fn progress(&self, mut progress: Progress) {
        progress.cut();
        self.publish(|news| {
            news.is_held_back = false;
            news.progress = Some(progress);
            news.progress_version += 1;
        });
    }

    /// Publishes a line that the job logged.
    pub(crate) fn log(&self, line: LogLine) {
        self.line(JobUpdate::Log(line));
    }

    /// Publishes a part of its result that the job gave out.
    pub(crate) fn chunk(&self, chunk: String) {
        self.line(JobUpdate::Chunk(chunk));
    }

    /// Publishes a line or a chunk, cut to what an overlord takes, so that the ring holds no more than that.
    fn line(&self, mut update: JobUpdate) {
        update.cut();
        let bytes = update.held();
        self.publish(|news| news.push(Line { update, bytes }));
    }

    /// Publishes that the job is over. Nothing follows.
    pub(crate) fn finished(&self, minion_job: Option<MinionJobId>, report: Arc<Report>) {
        self.publish(|news| {
            news.minion_job = minion_job;
            news.end = Some(End::Finished(report));
        });
    }

    /// Ends the feed without an outcome; does nothing where the outcome was published.
    pub(crate) fn abandon(&self) {
        self.publish(|news| {
            news.end.get_or_insert(End::Abandoned);
        });
    }

    /// A new follower, who is told everything from the beginning on that the feed still has.
    pub(crate) fn follow(self: &Arc<Self>) -> Follower {
        Follower { feed: self.clone(), changed: self.changed.subscribe(), seen: Seen::default() }
    }

    fn publish(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news());
        self.changed.send_replace(());
    }

    fn news(&self) -> MutexGuard<'_, News> {
        lock::hold(&self.news)
    }
}

impl Follower {
    /// Waits for the next update. Returns `None` after the last one, or where nothing more can be said here.
    ///
    /// Cancel safe: an update is either returned or still to come.
    pub(crate) async fn next(&mut self) -> Option<JobUpdate> {
        loop {
            if let Some(update) = self.ready() {
                return Some(update);
            }
            // The channel cannot be closed: the feed that the follower holds owns its sender.
            if self.is_over() || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    /// The next update, if it has happened already; `None` where it has not, without waiting.
    pub(crate) fn ready(&mut self) -> Option<JobUpdate> {
        self.feed.news().after(&mut self.seen)
    }

    /// Whether the follower was told the end.
    fn is_over(&self) -> bool {
        self.seen.end || matches!(self.feed.news().end, Some(End::Abandoned))
    }
}

impl News {
    fn push(&mut self, line: Line) {
        self.is_held_back = false;
        self.bytes += line.bytes;
        self.ring.push_back(line);
        while self.ring.len() > RING_LINES || (self.bytes > RING_BYTES && self.ring.len() > 1) {
            if let Some(oldest) = self.ring.pop_front() {
                self.bytes -= oldest.bytes;
                self.dropped += 1;
            }
        }
    }

    /// The first update that a follower who has `seen` so much was not told, which then counts as seen.
    fn after(&self, seen: &mut Seen) -> Option<JobUpdate> {
        if seen.end {
            return None;
        }
        // A state that is over is of no use to anybody who was not told it in time, but for one that was never told.
        let is_told = match &self.end {
            None => !self.is_held_back,
            Some(End::Finished(_)) => self.is_held_back,
            Some(End::Unknown | End::Abandoned) => false,
        };
        if let (true, Some(minion_job), Some(state)) = (is_told, self.minion_job, self.state)
            && seen.state != Some(state)
        {
            seen.state = Some(state);
            return Some(JobUpdate::State { minion_job, state });
        }
        if seen.lines < self.dropped {
            let skipped = self.dropped - seen.lines;
            seen.lines = self.dropped;
            return Some(JobUpdate::Skipped(skipped));
        }
        if let Some(line) = self.ring.get((seen.lines - self.dropped) as usize) {
            seen.lines += 1;
            return Some(line.update.clone());
        }
        if let Some(progress) = &self.progress
            && seen.progress_version < self.progress_version
        {
            seen.progress_version = self.progress_version;
            return Some(JobUpdate::Progress(progress.clone()));
        }
        let last = match self.end.as_ref()? {
            End::Finished(report) => {
                JobUpdate::Finished { minion_job: self.minion_job, report: Box::new(Report::clone(report)) }
            }
            End::Unknown => JobUpdate::Unknown,
            End::Abandoned => return None,
        };
        seen.end = true;
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use wire::message::call::LogLevel;
    use wire::message::outcome::Outcome;

    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine { level: LogLevel::Info, message: text.to_owned(), fields: Vec::new() }
    }

    fn done(done: u64) -> Progress {
        Progress { done, total: 10, note: String::new() }
    }

    fn report() -> Arc<Report> {
        Arc::new(Report::without_run(Outcome::Ok(None), 1))
    }

    async fn all(mut follower: Follower) -> Vec<JobUpdate> {
        let mut updates = Vec::new();
        while let Some(update) = follower.next().await {
            updates.push(update);
        }
        updates
    }

    #[tokio::test]
    async fn every_follower_gets_everything_whenever_it_comes() {
        let (feed, job) = (Feed::new(), MinionJobId::new());
        let early = tokio::spawn(all(feed.follow()));
        feed.state(job, MinionState::Queued);
        feed.state(job, MinionState::Running);
        feed.log(line("one"));
        feed.chunk("two".into());
        feed.progress(done(3));
        feed.finished(Some(job), report());

        let late = all(feed.follow()).await;
        let finished =
            JobUpdate::Finished { minion_job: Some(job), report: Box::new(Report::clone(&report())) };
        let told = [
            JobUpdate::Log(line("one")),
            JobUpdate::Chunk("two".into()),
            JobUpdate::Progress(done(3)),
            finished,
        ];
        assert_eq!(late, told);
        let early = early.await.expect("no panic");
        assert_eq!(early[early.len() - 4..], told);
    }

    #[test]
    fn of_state_and_progress_only_the_last_counts() {
        let (feed, job) = (Feed::new(), MinionJobId::new());
        let mut follower = feed.follow();
        feed.state(job, MinionState::Running);
        feed.state(job, MinionState::Queued);
        (0..100).for_each(|n| feed.progress(done(n)));
        let running = JobUpdate::State { minion_job: job, state: MinionState::Running };
        assert_eq!(follower.ready(), Some(running));
        assert_eq!(follower.ready(), Some(JobUpdate::Progress(done(99))));
        assert_eq!(follower.ready(), None);
    }

    #[tokio::test]
    async fn that_a_job_runs_is_told_with_what_comes_next_or_once_it_is_announced() {
        let job = MinionJobId::new();
        let running = JobUpdate::State { minion_job: job, state: MinionState::Running };
        let quick = Feed::new();
        let mut follower = quick.follow();
        quick.runs(job);
        assert_eq!(follower.ready(), None);
        quick.finished(Some(job), report());
        let told = all(follower).await;
        assert!(matches!(&told[..], [state, JobUpdate::Finished { .. }] if *state == running), "{told:?}");
        quick.announce();
        assert_eq!(all(quick.follow()).await.len(), 1, "it is over");

        let (slow, talks) = (Feed::new(), Feed::new());
        let (mut one, mut other) = (slow.follow(), talks.follow());
        slow.runs(job);
        talks.runs(job);
        slow.announce();
        talks.log(line("one"));
        assert_eq!(one.next().await, Some(running.clone()));
        assert_eq!(other.next().await, Some(running));
        assert_eq!(other.next().await, Some(JobUpdate::Log(line("one"))));
        assert_eq!((one.ready(), other.ready()), (None, None));
    }

    #[test]
    fn a_slow_follower_is_told_how_many_lines_it_missed() {
        let feed = Feed::new();
        let (mut slow, mut quick) = (feed.follow(), feed.follow());
        feed.log(line("first"));
        assert_eq!(quick.ready(), Some(JobUpdate::Log(line("first"))));
        for n in 0..RING_LINES + 9 {
            feed.log(line(&n.to_string()));
        }
        assert_eq!(slow.ready(), Some(JobUpdate::Skipped(10)));
        assert_eq!(quick.ready(), Some(JobUpdate::Skipped(9)));
        assert_eq!(slow.ready(), Some(JobUpdate::Log(line("9"))));
        assert_eq!(std::iter::from_fn(|| slow.ready()).count(), RING_LINES - 1);
    }

    #[test]
    fn the_ring_is_bounded_in_bytes_and_always_holds_the_last_line() {
        let feed = Feed::new();
        let large = "x".repeat(RING_BYTES);
        for _ in 0..3 {
            feed.chunk(large.clone());
        }
        feed.log(line("last"));
        let mut follower = feed.follow();
        assert_eq!(follower.ready(), Some(JobUpdate::Skipped(3)));
        assert_eq!(follower.ready(), Some(JobUpdate::Log(line("last"))));
        feed.chunk(large.repeat(2));
        let Some(JobUpdate::Chunk(cut)) = follower.ready() else { panic!("it is gone") };
        assert!(cut.len() <= RING_BYTES && cut.ends_with(" bytes left out)"));
    }

    #[test]
    fn what_is_empty_counts_as_the_memory_that_it_takes() {
        let feed = Feed::new();
        let fields = vec![(String::new(), String::new()); 100_000];
        (0..100).for_each(|_| feed.log(LogLine { fields: fields.clone(), ..line("empty") }));
        let held: usize = feed.news().ring.iter().map(|line| line.update.held()).sum();
        assert!(held <= RING_BYTES, "{held} bytes");
    }

    #[tokio::test]
    async fn an_abandoned_feed_ends_without_an_outcome() {
        let feed = Feed::new();
        feed.log(line("one"));
        let waiting = tokio::spawn(all(feed.follow()));
        feed.abandon();
        assert_eq!(waiting.await.expect("no panic"), [JobUpdate::Log(line("one"))]);
        feed.finished(None, report());
        feed.abandon();
        assert!(matches!(all(feed.follow()).await.last(), Some(JobUpdate::Finished { .. })));
    }
}
