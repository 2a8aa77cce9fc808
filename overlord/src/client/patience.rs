//! How long an operator waits for a job, or a change of a module, whose minions do not all answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;
use wire::message::link::JobUpdate;
use wire::message::operator::{Absence, PATIENCE};
use wire::name::MinionName;

use super::JobEvent;

/// How long a job, or a change of a module, is waited for. It goes on when the waiting is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// How long a minion that is out of touch is waited for, from the moment when its link was lost. Where nothing
    /// is said it is 15 seconds, or as long as the overlord keeps the call for that minion if it was not sent yet.
    pub out_of_touch: Option<Duration>,
    /// How long is waited in all; without an end where nothing is said.
    pub in_all: Option<Duration>,
}

impl Patience {
    /// Until when a minion that is out of touch is waited for; `None` where the overlord will end its part.
    pub(super) fn until(&self, absence: &Absence, now: Instant) -> Option<Instant> {
        let patience = match (self.out_of_touch, absence.kept_ms) {
            (Some(patience), _) => patience,
            (None, Some(_)) => return None,
            (None, None) => PATIENCE,
        };
        let left = patience.saturating_sub(Duration::from_millis(absence.for_ms));
        now.checked_add(left)
    }

    /// Until when a wait that begins now lasts in all.
    pub(super) fn until_in_all(&self, now: Instant) -> Option<Instant> {
        self.in_all.and_then(|in_all| now.checked_add(in_all))
    }
}

/// Which of the two ends comes first.
pub(super) fn first(out_of_touch: Option<Instant>, in_all: Option<Instant>) -> Option<(Instant, WaitOver)> {
    let ends = [(out_of_touch, WaitOver::OutOfTouch), (in_all, WaitOver::InAll)];
    ends.into_iter().filter_map(|(at, why)| Some((at?, why))).min_by_key(|(at, _)| *at)
}

/// Why a job, or a change of a module, is not waited for any longer. The job or the change goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOver {
    /// All minions whose part is not over have been out of touch for longer than they are waited for.
    OutOfTouch,
    /// It took longer in all than the operator waits.
    InAll,
}

/// How long a job is waited for, and which minions it waits for.
pub(super) struct Awaited {
    patience: Patience,
    until: Option<Instant>,
    open: BTreeSet<MinionName>,
    /// Until when each minion that is out of touch is waited for; `None` where the overlord will end its part.
    away: BTreeMap<MinionName, Option<Instant>>,
}

impl Awaited {
    /// Waits, from `now` on, for the minions of `open`, whose parts are not over.
    pub(super) fn new(patience: Patience, open: BTreeSet<MinionName>, now: Instant) -> Self {
        let until = patience.until_in_all(now);
        Self { patience, until, open, away: BTreeMap::new() }
    }

    /// Takes note of an event that came at `now`.
    pub(super) fn hear(&mut self, event: &JobEvent, now: Instant) {
        match event {
            JobEvent::Accepted { targets, .. } => self.open = targets.iter().cloned().collect(),
            JobEvent::Update(update) => {
                if matches!(update.update, JobUpdate::Finished { .. }) {
                    self.open.remove(&update.minion);
                }
            }
            JobEvent::OutOfTouch(minions) => {
                let until = |(minion, absence): &(MinionName, Absence)| {
                    (minion.clone(), self.patience.until(absence, now))
                };
                self.away = minions.iter().map(until).collect();
            }
            JobEvent::Document(_) | JobEvent::WaitOver(_) => {}
        }
    }

    /// When the waiting ends, as far as is known now, and why.
    pub(super) fn end(&self) -> Option<(Instant, WaitOver)> {
        let each: Option<Vec<Instant>> =
            self.open.iter().map(|minion| self.away.get(minion).copied().flatten()).collect();
        let last = each.and_then(|each| each.into_iter().max());
        first(last, self.until)
    }
}

#[cfg(test)]
mod tests {
    use wire::message::job::JobId;
    use wire::message::operator::Update;
    use wire::message::outcome::{Outcome, Report};

    use super::*;

    fn name(name: &str) -> MinionName {
        name.parse().expect("a name")
    }

    /// Two minions that work on a job, and the moment at which everything here happens.
    struct Trial(Awaited, Instant);

    impl Trial {
        fn new(out_of_touch: Option<u64>, in_all: Option<u64>) -> Self {
            let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
            let patience = Patience { out_of_touch: seconds(out_of_touch), in_all: seconds(in_all) };
            let now = Instant::now();
            let mut trial = Self(Awaited::new(patience, BTreeSet::new(), now), now);
            trial.hear(&JobEvent::Accepted { job: JobId::new(), targets: vec![name("web1"), name("web2")] });
            trial
        }

        fn hear(&mut self, event: &JobEvent) {
            self.0.hear(event, self.1);
        }

        /// In how many seconds it ends, and why.
        fn end(&self) -> Option<(u64, WaitOver)> {
            self.0.end().map(|(at, why)| ((at - self.1).as_secs(), why))
        }
    }

    fn away(minions: &[(&str, u64, Option<u64>)]) -> JobEvent {
        let absence = |(minion, for_s, kept_s): &(&str, u64, Option<u64>)| {
            let kept_ms = kept_s.map(|kept| kept * 1000);
            (name(minion), Absence { lost_at: 0, for_ms: for_s * 1000, kept_ms, overdue: false })
        };
        JobEvent::OutOfTouch(minions.iter().map(absence).collect())
    }

    fn done(minion: &str) -> JobEvent {
        let report = Box::new(Report::without_run(Outcome::Ok(None), 0));
        let update = JobUpdate::Finished { minion_job: None, report };
        JobEvent::Update(Box::new(Update { minion: name(minion), update }))
    }

    #[test]
    fn those_out_of_touch_end_the_waiting_only_where_nobody_else_is_left() {
        let mut awaited = Trial::new(None, None);
        awaited.hear(&away(&[("web1", 5, None)]));
        assert_eq!(awaited.end(), None, "web2 still works on it");
        awaited.hear(&done("web2"));
        assert_eq!(awaited.end(), Some((10, WaitOver::OutOfTouch)));
        awaited.hear(&away(&[]));
        assert_eq!(awaited.end(), None, "it is back");
    }

    #[test]
    fn each_is_waited_for_from_when_it_was_lost() {
        let mut awaited = Trial::new(Some(60), None);
        awaited.hear(&away(&[("web1", 3600, None), ("web2", 50, None)]));
        assert_eq!(awaited.end(), Some((10, WaitOver::OutOfTouch)));
    }

    #[test]
    fn a_call_that_is_kept_is_waited_for_unless_somebody_says_for_how_long() {
        let kept = away(&[("web1", 50, Some(600)), ("web2", 50, Some(600))]);
        let mut patient = Trial::new(None, None);
        patient.hear(&kept);
        assert_eq!(patient.end(), None);
        let mut impatient = Trial::new(Some(55), None);
        impatient.hear(&kept);
        assert_eq!(impatient.end(), Some((5, WaitOver::OutOfTouch)));
    }

    #[test]
    fn the_whole_wait_is_bounded_whoever_is_waited_for() {
        let mut awaited = Trial::new(None, Some(8));
        assert_eq!(awaited.end(), Some((8, WaitOver::InAll)));
        awaited.hear(&away(&[("web1", 0, None), ("web2", 14, None)]));
        assert_eq!(awaited.end(), Some((8, WaitOver::InAll)));
        awaited.hear(&done("web1"));
        assert_eq!(awaited.end(), Some((1, WaitOver::OutOfTouch)));
    }
}
