//! The states of a job and of its parts, and the one function that moves a state forward.
//!
//! Both sides use [`MinionState::advance`] for every change, so a report that comes late, twice or in
//! another order can never take a job back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How one minion's part of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The method returned a value.
    Ok,
    /// The method returned an error value.
    Error,
    /// The guest broke: a panic, a fault, an exit, a result over its limit.
    Trapped,
    /// The job's wall time or CPU time ran out.
    TimedOut,
    /// The job was asked to stop: the guest returned, or had not started and never will.
    Cancelled,
    /// The guest was stopped because it did not return when it was asked to.
    Killed,
    /// The minion would not start the job: unknown method, bad arguments, missing capability, busy.
    Rejected,
    /// The access policy forbids the call.
    Denied,
    /// The minion died or was restarted while the job ran.
    Interrupted,
    /// The job never reached the minion and provably did not start.
    Undelivered,
    /// The minion answers that it has no record of the job, or an operator gave the part up.
    Lost,
}

impl OutcomeKind {
    /// All kinds, from the best to the least known.
    pub const ALL: [OutcomeKind; 11] = [
        OutcomeKind::Ok,
        OutcomeKind::Error,
        OutcomeKind::Trapped,
        OutcomeKind::TimedOut,
        OutcomeKind::Cancelled,
        OutcomeKind::Killed,
        OutcomeKind::Rejected,
        OutcomeKind::Denied,
        OutcomeKind::Interrupted,
        OutcomeKind::Undelivered,
        OutcomeKind::Lost,
    ];

    /// The word for it in the command line, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            OutcomeKind::Ok => "ok",
            OutcomeKind::Error => "error",
            OutcomeKind::Trapped => "trapped",
            OutcomeKind::TimedOut => "timed-out",
            OutcomeKind::Cancelled => "cancelled",
            OutcomeKind::Killed => "killed",
            OutcomeKind::Rejected => "rejected",
            OutcomeKind::Denied => "denied",
            OutcomeKind::Interrupted => "interrupted",
            OutcomeKind::Undelivered => "undelivered",
            OutcomeKind::Lost => "lost",
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where one minion's part of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MinionState {
    /// The minion has accepted and recorded it; it waits for its turn.
    Queued,
    /// The minion has recorded it as running; the guest may have started.
    Running,
    /// It is over, with this outcome.
    Finished(OutcomeKind),
}

impl MinionState {
    /// What a report that says `next` makes of `current`, where `None` is a part that nobody reported yet.
    ///
    /// Returns the new state, or `None` where the report says nothing new: the same again, or something that the
    /// part has already left behind. The first outcome stands for ever.
    pub fn advance(current: Option<MinionState>, next: MinionState) -> Option<MinionState> {
        let rank = |state: MinionState| match state {
            MinionState::Queued => 1,
            MinionState::Running => 2,
            MinionState::Finished(_) => 3,
        };
        (rank(next) > current.map_or(0, rank)).then_some(next)
    }

    /// The outcome; `None` while the part is not over.
    pub fn outcome(self) -> Option<OutcomeKind> {
        match self {
            MinionState::Finished(outcome) => Some(outcome),
            MinionState::Queued | MinionState::Running => None,
        }
    }

    /// The word for it in the command line, JSON and logs; of a finished part that of its outcome.
    pub fn as_str(self) -> &'static str {
        match self {
            MinionState::Queued => "queued",
            MinionState::Running => "running",
            MinionState::Finished(_) => "finished",
        }
    }
}

impl fmt::Display for MinionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a whole overlord job is. `lost` is an answer about an unknown job and never a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// The job is accepted; not every targeted minion has a minion job or an outcome yet.
    Running,
    /// Every targeted minion has a minion job or an outcome; at least one has no outcome yet.
    Partial,
    /// Every targeted minion has an outcome, at least one of them `ok`, and the ledger has them all.
    Finished,
    /// Every targeted minion has an outcome, none of them `ok`, and the ledger has them all.
    RemoteError,
}

impl JobState {
    /// The state that follows from the parts of a job, one for each targeted minion; `None` is a part that nobody
    /// reported yet.
    pub fn of(parts: impl IntoIterator<Item = Option<MinionState>>) -> JobState {
        let (mut open, mut ok) = (false, false);
        for part in parts {
            match part {
                None => return JobState::Running,
                Some(MinionState::Finished(outcome)) => ok |= outcome == OutcomeKind::Ok,
                Some(MinionState::Queued | MinionState::Running) => open = true,
            }
        }
        match (open, ok) {
            (true, _) => JobState::Partial,
            (false, true) => JobState::Finished,
            (false, false) => JobState::RemoteError,
        }
    }

    /// Whether the job is finished, with or without an `ok`: nothing of it is still to come.
    pub fn is_over(self) -> bool {
        matches!(self, JobState::Finished | JobState::RemoteError)
    }

    /// The number that Func gave the state: 0 running, 1 finished, 3 partial, 4 remote error.
    pub fn code(self) -> u8 {
        match self {
            JobState::Running => 0,
            JobState::Finished => 1,
            JobState::Partial => 3,
            JobState::RemoteError => 4,
        }
    }

    /// The word for it in the command line, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Partial => "partial",
            JobState::Finished => "finished",
            JobState::RemoteError => "remote-error",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::job::JobId;

    const OUTCOMES: [OutcomeKind; 5] = [
        OutcomeKind::Ok,
        OutcomeKind::Error,
        OutcomeKind::Cancelled,
        OutcomeKind::Undelivered,
        OutcomeKind::Lost,
    ];

    fn events() -> Vec<MinionState> {
        let mut events = vec![MinionState::Queued, MinionState::Running];
        events.extend(OUTCOMES.map(MinionState::Finished));
        events
    }

    fn rank(state: JobState) -> u8 {
        match state {
            JobState::Running => 0,
            JobState::Partial => 1,
            JobState::Finished | JobState::RemoteError => 2,
        }
    }

    fn apply(parts: &mut [Option<MinionState>], minion: usize, event: MinionState) {
        if let Some(next) = MinionState::advance(parts[minion], event) {
            parts[minion] = Some(next);
        }
    }

    proptest! {
        /// Reports in any order, doubled and late: no part and no job ever goes back, and the first
        /// outcome of each minion is the one that stays.
        #[test]
        fn no_order_of_reports_takes_a_job_back(
            reports in prop::collection::vec((0..5usize, 0..events().len()), 0..60),
        ) {
            let mut parts = vec![None; 5];
            let mut first = [None; 5];
            let mut before = JobState::of(parts.iter().copied());
            for (minion, event) in reports {
                let event = events()[event];
                apply(&mut parts, minion, event);
                first[minion] = first[minion].or(event.outcome());
                prop_assert_eq!(parts[minion].and_then(MinionState::outcome), first[minion]);
                let now = JobState::of(parts.iter().copied());
                prop_assert!(rank(now) >= rank(before), "{:?} after {:?}", now, before);
                prop_assert!(!before.is_over() || now == before);
                before = now;
            }
        }
    }

    /// Every sequence of up to eight reports about two minions, against the words of the design's table.
    #[test]
    fn two_minions_and_eight_events_always_give_the_state_of_the_table() {
        fn walk(parts: [Option<MinionState>; 2], left: usize, seen: &mut std::collections::HashSet<String>) {
            if !seen.insert(format!("{parts:?}{left}")) {
                return;
            }
            let state = JobState::of(parts);
            let known = parts.iter().flatten().count();
            let done: Vec<OutcomeKind> = parts.iter().flatten().filter_map(|part| part.outcome()).collect();
            let expected = match (known, done.len(), done.contains(&OutcomeKind::Ok)) {
                (0 | 1, _, _) => JobState::Running,
                (2, 2, true) => JobState::Finished,
                (2, 2, false) => JobState::RemoteError,
                _ => JobState::Partial,
            };
            assert_eq!(state, expected, "for {parts:?}");
            if left > 0 {
                for minion in 0..2 {
                    for event in events() {
                        let mut next = parts;
                        apply(&mut next, minion, event);
                        walk(next, left - 1, seen);
                    }
                }
            }
        }
        walk([None, None], 8, &mut std::collections::HashSet::new());
    }

    #[test]
    fn a_part_may_be_cancelled_at_any_time_and_never_starts_afterwards() {
        let cancelled = MinionState::Finished(OutcomeKind::Cancelled);
        for before in [None, Some(MinionState::Queued), Some(MinionState::Running)] {
            assert_eq!(MinionState::advance(before, cancelled), Some(cancelled));
        }
        for late in events() {
            assert_eq!(MinionState::advance(Some(cancelled), late), None, "{late:?}");
        }
    }

    #[test]
    fn every_state_and_outcome_has_the_word_and_the_code_that_programs_know() {
        let outcomes = [
            "ok",
            "error",
            "trapped",
            "timed-out",
            "cancelled",
            "killed",
            "rejected",
            "denied",
            "interrupted",
            "undelivered",
            "lost",
        ];
        assert_eq!(OutcomeKind::ALL.map(OutcomeKind::as_str), outcomes);
        assert_eq!(OutcomeKind::ALL.map(|kind| kind.to_string()), outcomes);
        let states = [
            (JobState::Running, "running", 0),
            (JobState::Finished, "finished", 1),
            (JobState::Partial, "partial", 3),
            (JobState::RemoteError, "remote-error", 4),
        ];
        for (state, word, code) in states {
            assert_eq!((state.as_str(), state.to_string().as_str(), state.code()), (word, word, code));
        }
        let parts = [
            (MinionState::Queued, "queued"),
            (MinionState::Running, "running"),
            (MinionState::Finished(OutcomeKind::Lost), "finished"),
        ];
        for (state, word) in parts {
            assert_eq!((state.as_str(), format!("{state:>9}")), (word, format!("{word:>9}")));
        }
        let id = JobId::from_bytes([1; 16]);
        assert_eq!(format!("{id:<28}|"), format!("{id}  |"));
    }
}
