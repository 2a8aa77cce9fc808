//! A job that is not over: what is known of its parts at this moment, and who wants to hear of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use wire::call::Progress;
use wire::job::{MinionJobId, MinionState, OutcomeKind};
use wire::link::JobUpdate;
use wire::name::MinionName;
use wire::operator::Update;

use ledger::{JobRecord, PartRecord};

use super::chatter::{Chatter, Listener, Overheard, Talk};
use super::stop::Stop;

/// A job with at least one part that is not over.
pub(crate) struct LiveJob {
    pub(crate) record: JobRecord,
    board: Mutex<Board>,
    /// Changes with every end of a part.
    version: watch::Sender<u64>,
    /// States, progress and logs; a reader that is too slow misses some, never an end.
    chatter: Arc<Chatter>,
    /// How many more minions may have it at this moment, where the call says so.
    window: Option<Semaphore>,
}

/// What is known of the parts.
struct Board {
    parts: BTreeMap<MinionName, PartOnBoard>,
    /// The minions whose outcome is in the ledger, in the order in which they ended.
    ended: Vec<MinionName>,
}

#[derive(Debug)]
struct PartOnBoard {
    minion_job: Option<MinionJobId>,
    state: Option<MinionState>,
    progress: Option<Progress>,
    stop: Stop,
}

impl PartOnBoard {
    fn new(part: PartRecord) -> Self {
        let PartRecord { minion_job, state, .. } = part;
        let part = Self { minion_job, state, progress: None, stop: Stop::new() };
        if part.is_over() {
            part.stop.over();
        }
        part
    }

    fn is_over(&self) -> bool {
        self.state.is_some_and(|state| state.outcome().is_some())
    }
}

/// Whether a job goes on after one of its parts has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Other parts are not over.
    GoesOn,
    /// That was the last one.
    IsOver,
}

impl LiveJob {
    /// A job of which the ledger knows this much.
    pub(crate) fn new(record: JobRecord, parts: Vec<(MinionName, PartRecord)>, talk: Talk) -> Arc<Self> {
        let over = |part: &PartRecord| part.state.is_some_and(|state| state.outcome().is_some());
        let ended = parts.iter().filter(|(_, part)| over(part)).map(|(name, _)| name.clone()).collect();
        let mut board = Board { parts: BTreeMap::new(), ended };
        for name in &record.targets {
            board.parts.insert(name.clone(), PartOnBoard::new(PartRecord::default()));
        }
        for (name, part) in parts {
            board.parts.insert(name, PartOnBoard::new(part));
        }
        let window = record.batch.map(|batch| Semaphore::new(batch.of(record.targets.len()).max(1)));
        Arc::new(Self {
            window,
            record,
            board: Mutex::new(board),
            version: watch::Sender::new(0),
            chatter: Chatter::new(talk),
        })
    }

    /// Waits until one more minion may have the job. `None` where too many outcomes were not `ok`, and no
    /// further minion gets it.
    pub(crate) async fn turn(&self, minion: &MinionName) -> Option<Option<SemaphorePermit<'_>>> {
        let Some(window) = &self.window else { return (!self.has_failed()).then_some(None) };
        if self.part(minion).is_some() {
            // It is there already, and counts as long as it is.
            return Some(window.try_acquire().ok());
        }
        // Never closed.
        let turn = window.acquire().await.ok();
        (!self.has_failed()).then_some(turn)
    }

    /// Whether as many outcomes were not `ok` as the call allows.
    fn has_failed(&self) -> bool {
        let Some(limit) = self.record.max_failures else { return false };
        let board = self.lock();
        let failed = |part: &&PartOnBoard| {
            part.state.and_then(MinionState::outcome).is_some_and(|outcome| outcome != OutcomeKind::Ok)
        };
        board.parts.values().filter(failed).count() >= limit.of(self.record.targets.len()).max(1)
    }

    /// Notes that the ledger has a part in this state, queued or running.
    pub(crate) fn moved(&self, minion: &MinionName, id: MinionJobId, state: MinionState) {
        if let Some(part) = self.lock().parts.get_mut(minion) {
            part.minion_job = Some(id);
            part.state = MinionState::advance(part.state, state).or(part.state);
        }
        self.tell(minion, JobUpdate::State { minion_job: id, state });
    }

    /// Notes that the ledger has a part's outcome.
    pub(crate) fn ended(&self, minion: &MinionName, id: Option<MinionJobId>, outcome: OutcomeKind) -> After {
        let after = {
            let mut board = self.lock();
            let next = MinionState::Finished(outcome);
            let part = board.parts.get_mut(minion);
            let moved = part.and_then(|part| {
                part.minion_job = part.minion_job.or(id);
                let next = MinionState::advance(part.state, next)?;
                part.state.replace(next);
                part.stop.over();
                Some(())
            });
            if moved.is_some() {
                board.ended.push(minion.clone());
            }
            if board.is_over() { After::IsOver } else { After::GoesOn }
        };
        self.version.send_modify(|version| *version += 1);
        after
    }

    /// Passes something on to those who want everything; keeps the latest progress for those who ask.
    pub(crate) fn tell(&self, minion: &MinionName, update: JobUpdate) {
        if let JobUpdate::Progress(progress) = &update
            && let Some(part) = self.lock().parts.get_mut(minion)
        {
            part.progress = Some(progress.clone());
        }
        self.chatter.say(Update { minion: minion.clone(), update });
    }

    /// Where a part is.
    pub(crate) fn part(&self, minion: &MinionName) -> Option<MinionState> {
        self.lock().parts.get(minion)?.state
    }

    /// The minion's own id of its part, once it is known.
    pub(crate) fn minion_job(&self, minion: &MinionName) -> Option<MinionJobId> {
        self.lock().parts.get(minion)?.minion_job
    }

    /// How far a part says it is.
    pub(crate) fn progress(&self, minion: &MinionName) -> Option<Progress> {
        self.lock().parts.get(minion)?.progress.clone()
    }

    /// The wish that a part stops; one that nobody will ever have where there is no such part.
    pub(super) fn stop(&self, minion: &MinionName) -> Stop {
        self.lock().parts.get(minion).map_or_else(Stop::new, |part| part.stop.clone())
    }

    /// The minions whose part is not over.
    pub(crate) fn open_parts(&self) -> Vec<MinionName> {
        let board = self.lock();
        board.parts.iter().filter(|(_, part)| !part.is_over()).map(|(name, _)| name.clone()).collect()
    }

    /// Follows the job from its beginning.
    pub(crate) fn follow(self: &Arc<Self>) -> Follower {
        Follower {
            chatter: self.chatter.listen(),
            version: self.version.subscribe(),
            job: self.clone(),
            seen: 0,
            before_end: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        // No code under this lock can panic halfway through a change.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn is_over(&self) -> bool {
        self.ended.len() == self.parts.len()
    }
}

/// One reader of a live job: every end of a part exactly once, and before it what was said until then, as far
/// as the reader can keep up.
pub(crate) struct Follower {
    job: Arc<LiveJob>,
    version: watch::Receiver<u64>,
    chatter: Listener,
    seen: usize,
    /// How much of what was said before an end is still to be heard before it.
    before_end: Option<u64>,
}

/// What a follower hears.
pub(crate) enum Heard {
    /// A part is over; its outcome is in the ledger.
    Ended(MinionName),
    /// A state, progress, a log line.
    Chatter(Arc<Update>),
    /// The job is over. Nothing follows.
    Over,
}

impl Follower {
    /// The job that is followed.
    pub(crate) fn job(&self) -> &Arc<LiveJob> {
        &self.job
    }

    /// The next thing. Cancel safe.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            self.version.mark_unchanged();
            let end = self.end();
            if let Some(end) = end {
                // As much as there is now and no more, or a talkative minion could put ends off for ever.
                let before_end = self.before_end.get_or_insert_with(|| self.chatter.behind());
                if *before_end > 0 {
                    *before_end -= 1;
                    if let Some(heard) = self.chatter.try_next() {
                        return heard.into();
                    }
                    self.before_end = Some(0);
                    continue;
                }
                self.before_end = None;
                self.seen += 1;
                return end;
            }
            tokio::select! {
                biased;
                // The sender lives as long as `self.job`.
                _ = self.version.changed() => {}
                heard = self.chatter.next() => return heard.into(),
            }
        }
    }

    /// The next end, of a part or of the job, if it has come already.
    fn end(&self) -> Option<Heard> {
        let board = self.job.lock();
        match board.ended.get(self.seen) {
            Some(minion) => Some(Heard::Ended(minion.clone())),
            None => board.is_over().then_some(Heard::Over),
        }
    }
}

impl From<Overheard> for Heard {
    fn from(heard: Overheard) -> Self {
        match heard {
            Overheard::Said(update) => Heard::Chatter(update),
            Overheard::Missed(minion, lines) => {
                Heard::Chatter(Arc::new(Update { minion, update: JobUpdate::Skipped(lines) }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::call::Arguments;
    use wire::job::JobId;

    use super::*;

    fn live(minions: &[&str]) -> Arc<LiveJob> {
        let record = JobRecord {
            id: JobId::new(),
            accepted_at: 0,
            operator: "ann".parse().expect("a name"),
            target: "*".into(),
            exclude: None,
            targets: minions.iter().map(|minion| name(minion)).collect(),
            method: "test.count".parse().expect("a method"),
            arguments: Arguments::Words(Vec::new()),
            timeout_ms: None,
            queue_until: None,
            dry_run: false,
            durable: false,
            batch: None,
            max_failures: None,
            rerun_of: None,
        };
        LiveJob::new(record, Vec::new(), Talk::default())
    }

    fn name(minion: &str) -> MinionName {
        minion.parse().expect("a name")
    }

    async fn hear(follower: &mut Follower) -> String {
        match follower.next().await {
            Heard::Ended(minion) => format!("{minion} ended"),
            Heard::Chatter(said) => match &said.update {
                JobUpdate::Chunk(text) => format!("{}: {text}", said.minion),
                JobUpdate::Skipped(lines) => format!("{} left out {lines}", said.minion),
                other => format!("{other:?}"),
            },
            Heard::Over => "over".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_a_minion_said_is_heard_before_its_end_and_ends_are_heard_once_by_everyone() {
        let job = live(&["web1", "web2"]);
        let mut early = job.follow();
        job.tell(&name("web1"), JobUpdate::Chunk("one".into()));
        job.ended(&name("web1"), None, OutcomeKind::Ok);
        // A second report of the same end, as after a reconnection.
        job.ended(&name("web1"), None, OutcomeKind::Ok);
        job.tell(&name("web2"), JobUpdate::Chunk("two".into()));
        let mut late = job.follow();
        assert_eq!(hear(&mut early).await, "web1: one");
        assert_eq!(hear(&mut early).await, "web2: two");
        assert_eq!(hear(&mut early).await, "web1 ended");
        assert_eq!(hear(&mut late).await, "web1 ended");
        job.tell(&name("web2"), JobUpdate::Chunk("three".into()));
        assert_eq!(job.ended(&name("web2"), None, OutcomeKind::Ok), After::IsOver);
        for follower in [&mut early, &mut late] {
            for heard in ["web2: three", "web2 ended", "over"] {
                assert_eq!(hear(follower).await, heard);
            }
        }
        let mut after = job.follow();
        for heard in ["web1 ended", "web2 ended", "over"] {
            assert_eq!(hear(&mut after).await, heard);
        }
    }

    #[tokio::test]
    async fn a_reader_that_cannot_keep_up_misses_talk_and_no_end() {
        let job = live(&["web1"]);
        let mut slow = job.follow();
        for number in 0..3_000 {
            job.tell(&name("web1"), JobUpdate::Chunk(number.to_string()));
        }
        job.ended(&name("web1"), None, OutcomeKind::Ok);
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last| last != "over") {
            heard.push(hear(&mut slow).await);
        }
        assert_eq!(heard.iter().filter(|heard| *heard == "web1 ended").count(), 1);
        let (first, talk) = (heard[0].clone(), heard.len() - 3);
        assert_eq!(first, format!("web1 left out {}", 3_000 - talk));
        assert!((500..=1_024).contains(&talk), "{talk} heard");
    }
}
