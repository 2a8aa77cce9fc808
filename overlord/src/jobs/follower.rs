//! One reader of a live job.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wire::message::link::JobUpdate;
use wire::message::operator::{Absence, Update};
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::live_job::{After, LiveJob};
use super::update_buffer::{NextUpdate, UpdateReader};

/// One reader of a live job: every end of a part exactly once, and before it what was said until then, as far
/// as the reader can keep up.
pub(crate) struct Follower {
    job: Arc<LiveJob>,
    updates: UpdateReader,
    seen: usize,
    /// How much of what was said before an end is still to be heard before it.
    before_end: Option<u64>,
    /// The last change of who is out of touch that it heard of, and when that was.
    absences: u64,
    told_at: Option<Instant>,
}

/// What a follower hears.
pub(crate) enum Heard {
    /// A part is over; its outcome is in the ledger, and in the report where that is at hand.
    Ended(MinionName, Option<Arc<Report>>),
    /// A state, progress, a log line.
    Chatter(Arc<Update>),
    /// These are out of touch now, of those whose part is not over.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// The job is over. Nothing follows.
    Over,
}

impl Follower {
    /// A reader of this job that begins at the beginning.
    pub(super) fn of(job: Arc<LiveJob>) -> Self {
        let updates = job.follow();
        Self { job, updates, seen: 0, before_end: None, absences: 0, told_at: None }
    }

    /// The job that is followed.
    pub(crate) fn job(&self) -> &Arc<LiveJob> {
        &self.job
    }

    /// The next thing. Cancel safe.
    pub(crate) async fn next(&mut self) -> Heard {
        let job = self.job.clone();
        loop {
            // It hears of whatever comes after it was made, also before it is awaited.
            let changed = job.changed();
            let end = self.end();
            if let Some(end) = end {
                // As much as there is now and no more, or a talkative minion could put ends off for ever.
                let before_end = self.before_end.get_or_insert_with(|| self.updates.behind());
                if *before_end > 0 {
                    *before_end -= 1;
                    if let Some(heard) = self.updates.try_next() {
                        return heard.into();
                    }
                    self.before_end = Some(0);
                    continue;
                }
                self.before_end = None;
                return self.hear(end);
            }
            let due = self.absences_due();
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return self.out_of_touch(),
                heard = self.updates.next() => return heard.into(),
            }
        }
    }

    fn hear(&mut self, end: NextEnd) -> Heard {
        match end {
            NextEnd::OfPart(minion) => {
                let report = self.job.report_of_end(self.seen);
                self.seen += 1;
                Heard::Ended(minion, report)
            }
            NextEnd::OfJob => Heard::Over,
        }
    }

    /// When to say who is out of touch, where that has changed: what changes close together is said together.
    fn absences_due(&self) -> Option<Instant> {
        let changed = self.job.absences_version() != self.absences;
        changed.then(|| self.told_at.map_or_else(Instant::now, |told| told + PACE))
    }

    fn out_of_touch(&mut self) -> Heard {
        self.absences = self.job.absences_version();
        self.told_at = Some(Instant::now());
        Heard::OutOfTouch(self.job.absences())
    }

    /// The next end, of a part or of the job, if it has come already.
    fn end(&self) -> Option<NextEnd> {
        match self.job.nth_end(self.seen) {
            Ok(minion) => Some(NextEnd::OfPart(minion)),
            Err(After::IsOver) => Some(NextEnd::OfJob),
            Err(After::GoesOn) => None,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.job.unfollow();
    }
}

/// What has come to its end.
enum NextEnd {
    OfPart(MinionName),
    OfJob,
}

impl From<NextUpdate> for Heard {
    fn from(heard: NextUpdate) -> Self {
        match heard {
            NextUpdate::Said(update) => Heard::Chatter(update),
            NextUpdate::Missed(minion, lines) => {
                Heard::Chatter(Arc::new(Update { minion, update: JobUpdate::Skipped(lines) }))
            }
        }
    }
}

/// How long after it was said who is out of touch it is said again.
const PACE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use wire::message::job::{JobId, OutcomeKind};
    use wire::message::outcome::Outcome;

    use super::*;
    use crate::jobs::update_buffer::FollowerRoom;

    fn live(minions: &[&str]) -> Arc<LiveJob> {
        let record = ledger::scratch::job(JobId::new(), minions);
        LiveJob::new(record, Vec::new(), FollowerRoom::default())
    }

    fn name(minion: &str) -> MinionName {
        minion.parse().expect("a name")
    }

    async fn hear(follower: &mut Follower) -> String {
        match follower.next().await {
            Heard::Ended(minion, _) => format!("{minion} ended"),
            Heard::Chatter(said) => match &said.update {
                JobUpdate::Chunk(text) => format!("{}: {text}", said.minion),
                JobUpdate::Skipped(lines) => format!("{} left out {lines}", said.minion),
                other => format!("{other:?}"),
            },
            Heard::OutOfTouch(minions) => format!("{} out of touch", minions.len()),
            Heard::Over => "over".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_a_minion_said_is_heard_before_its_end_and_ends_are_heard_once_by_everyone() {
        let job = live(&["web1", "web2"]);
        let mut early = Follower::of(job.clone());
        job.tell(&name("web1"), JobUpdate::Chunk("one".into()));
        job.ended(&name("web1"), None, OutcomeKind::Ok, None);
        // A second report of the same end, as after a reconnection.
        job.ended(&name("web1"), None, OutcomeKind::Ok, None);
        job.tell(&name("web2"), JobUpdate::Chunk("two".into()));
        let mut late = Follower::of(job.clone());
        assert_eq!(hear(&mut early).await, "web1: one");
        assert_eq!(hear(&mut early).await, "web2: two");
        assert_eq!(hear(&mut early).await, "web1 ended");
        assert_eq!(hear(&mut late).await, "web1 ended");
        job.tell(&name("web2"), JobUpdate::Chunk("three".into()));
        assert_eq!(job.ended(&name("web2"), None, OutcomeKind::Ok, None), After::IsOver);
        for follower in [&mut early, &mut late] {
            for heard in ["web2: three", "web2 ended", "over"] {
                assert_eq!(hear(follower).await, heard);
            }
        }
        let mut after = Follower::of(job.clone());
        for heard in ["web1 ended", "web2 ended", "over"] {
            assert_eq!(hear(&mut after).await, heard);
        }
    }

    #[tokio::test]
    async fn whoever_follows_is_given_the_report_that_came_and_whoever_comes_later_is_not() {
        let job = live(&["web1", "web2"]);
        let mut early = Follower::of(job.clone());
        let report = Arc::new(Report::without_run(Outcome::Ok(None), 0));
        job.ended(&name("web1"), None, OutcomeKind::Ok, Some(report.clone()));
        assert!(matches!(early.next().await, Heard::Ended(_, Some(given)) if given == report));
        let mut late = Follower::of(job.clone());
        assert!(matches!(late.next().await, Heard::Ended(_, None)), "the ledger has it");
    }

    #[tokio::test]
    async fn a_reader_that_cannot_keep_up_misses_talk_and_no_end() {
        let job = live(&["web1"]);
        let mut slow = Follower::of(job.clone());
        for number in 0..3_000 {
            job.tell(&name("web1"), JobUpdate::Chunk(number.to_string()));
        }
        job.ended(&name("web1"), None, OutcomeKind::Ok, None);
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
