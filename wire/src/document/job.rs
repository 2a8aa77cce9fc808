//! What an overlord says of its jobs: documents, lists and histories.

use serde::{Deserialize, Serialize};

use crate::message::call::{Progress, Share};
use crate::message::job::{JobId, JobState, MinionJobId, MinionState, OutcomeKind};
use crate::message::outcome::Report;
use crate::message::target::Target;
use crate::name::{MethodPath, MinionName, ModuleName, OperatorName};
use crate::signing::PublicKey;

/// Which jobs to list: those that fit everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this operator.
    pub operator: Option<OperatorName>,
    /// Only calls of this module.
    pub module: Option<ModuleName>,
    /// Only calls of this method.
    pub method: Option<MethodPath>,
    /// Only jobs that went to this minion.
    pub target: Option<MinionName>,
    /// Only jobs that were accepted at or after this time, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Only jobs that were accepted before this time, in milliseconds since 1970.
    pub before: Option<u64>,
    /// Only jobs of which a part ended in one of these outcomes; all jobs where the list is empty.
    #[serde(with = "crate::message::version::since_four")]
    pub outcomes: Vec<OutcomeKind>,
    /// Only jobs of which a part ended in another outcome than `ok`.
    #[serde(with = "crate::message::version::since_four")]
    pub failed: bool,
}

/// Since when a minion is out of touch, and what that means for its part of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When its link was lost, or the overlord was started if that was later, in milliseconds since 1970.
    pub lost_at: u64,
    /// How long ago that was, in milliseconds, however the clock was set since.
    pub for_ms: u64,
    /// How much longer the call is kept for the minion, in milliseconds; `None` where it was sent already.
    pub kept_ms: Option<u64>,
    /// Whether the minion ran the part when it was heard of last, and the call's own timeout has passed since.
    pub overdue: bool,
}

/// Who gave up a part of a job, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenUp {
    /// The operator who gave it up.
    pub operator: OperatorName,
    /// When that was, in milliseconds since 1970.
    pub at: u64,
    /// What the minion said of the part afterwards; `None` while it said nothing.
    pub later: Option<Later>,
}

/// What a minion said of its part after an operator had given that up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// When the overlord heard it, in milliseconds since 1970.
    pub at: u64,
    /// How the part ended there.
    pub report: Report,
}

/// Everything that an overlord knows of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDocument {
    /// The job's id.
    pub job: JobId,
    /// The job's state.
    pub state: JobState,
    /// The method that was called.
    pub method: MethodPath,
    /// The operator who called it.
    pub operator: OperatorName,
    /// The target that it was aimed at.
    pub target: Target,
    /// When the overlord accepted it, in milliseconds since 1970.
    pub accepted_at: u64,
    /// When its last outcome was recorded, in milliseconds since 1970; `None` while one is missing.
    pub ended_at: Option<u64>,
    /// One part for each targeted minion, by name.
    pub parts: Vec<Part>,
    /// How the job was asked for; an older overlord does not say it.
    #[serde(with = "crate::message::version::since_four")]
    pub asked: Option<Asked>,
}

impl JobDocument {
    /// How many parts ended in each outcome, in the order in which the outcomes first appear.
    pub fn counts(&self) -> Vec<(OutcomeKind, usize)> {
        counts(self.parts.iter().filter_map(|part| part.state?.outcome()))
    }
}

/// How often each outcome occurs, in the order in which the outcomes first appear.
pub fn counts(outcomes: impl IntoIterator<Item = OutcomeKind>) -> Vec<(OutcomeKind, usize)> {
    let mut counts: Vec<(OutcomeKind, usize)> = Vec::new();
    for outcome in outcomes {
        match counts.iter_mut().find(|(kind, _)| *kind == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome, 1)),
        }
    }
    counts
}

/// How a job was asked for, besides its method and its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The arguments as JSON text, without secrets, as [`crate::document::redaction`] shows them; `None` where
    /// their record is damaged.
    pub arguments: Option<String>,
    /// Whether effects are only recorded, and none happens.
    pub dry_run: bool,
    /// Whether the job must survive a power cut from the moment it is accepted.
    pub durable: bool,
    /// How long it may run on each minion, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Until when it is kept for minions that are not connected, in milliseconds since 1970.
    pub queue_until: Option<u64>,
    /// How many minions may run it at once.
    pub batch: Option<Share>,
    /// The number of outcomes other than `ok` after which no further minion gets it.
    pub max_failures: Option<Share>,
    /// For how long a minion that is out of touch keeps its place in a batch, in milliseconds.
    pub patience_ms: Option<u64>,
    /// The job that this one runs again.
    pub rerun_of: Option<JobId>,
    /// The key with which its operator has signed it; `None` where it is not signed.
    #[serde(with = "crate::message::version::since_six")]
    pub signer: Option<PublicKey>,
}

/// One minion's part of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The minion.
    pub minion: MinionName,
    /// The minion's own id of the job; `None` before the minion has recorded it.
    pub minion_job: Option<MinionJobId>,
    /// The state of the part; `None` where the minion has not answered yet.
    pub state: Option<MinionState>,
    /// How far the minion last said that it is.
    pub progress: Option<Progress>,
    /// How the part ended; `None` while it is not over.
    pub report: Option<Report>,
    /// Since when the minion is out of touch; `None` where it is in touch, or the part is over.
    #[serde(with = "crate::message::version::since_three")]
    pub absence: Option<Absence>,
    /// Who gave the part up; `None` where nobody did.
    #[serde(with = "crate::message::version::since_three")]
    pub given_up: Option<GivenUp>,
}

/// One line about a job, as lists of jobs have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSummary {
    /// The job's id.
    pub job: JobId,
    /// The job's state.
    pub state: JobState,
    /// The method that was called.
    pub method: MethodPath,
    /// The operator who called it.
    pub operator: OperatorName,
    /// The target expression that it was aimed at.
    pub target: String,
    /// How many minions it was aimed at.
    pub targets: usize,
    /// When the overlord accepted it, in milliseconds since 1970.
    pub accepted_at: u64,
    /// When its last outcome was recorded, in milliseconds since 1970; `None` while one is missing.
    pub ended_at: Option<u64>,
    /// The expression whose matches were left out of the target.
    #[serde(with = "crate::message::version::since_four")]
    pub exclude: Option<String>,
    /// Whether effects are only recorded, and none happens.
    #[serde(with = "crate::message::version::since_four")]
    pub dry_run: bool,
    /// How often each outcome occurred; an older overlord does not say it.
    #[serde(with = "crate::message::version::since_four")]
    pub counts: Option<Vec<(OutcomeKind, usize)>>,
}

/// The transitions of a job that an overlord recorded: see [`History::flaw`] for the rules that they obey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The job's id.
    pub job: JobId,
    /// The minions that the job was aimed at, by name.
    pub targets: Vec<MinionName>,
    /// The transitions, in the order in which they were recorded.
    pub transitions: Vec<Transition>,
    /// The parts that were given up, by name.
    #[serde(with = "crate::message::version::since_three")]
    pub given_up: Vec<(MinionName, GivenUp)>,
}

/// One change of a job that an overlord recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The number of the transition, which alone gives the order: the clock has no say in it.
    pub seq: u32,
    /// When it was recorded by the overlord's clock, in milliseconds since 1970.
    pub at: u64,
    /// The state of the job from here on.
    pub job_state: JobState,
    /// The part that changed, with its new state; `None` where only the job did.
    pub part: Option<(MinionName, MinionState)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::version::Version;

    fn document() -> JobDocument {
        JobDocument {
            job: JobId::from_bytes([1; 16]),
            state: JobState::Running,
            method: "test.ping".parse().expect("a method"),
            operator: "ann".parse().expect("a name"),
            target: Target::of("*"),
            accepted_at: 5,
            ended_at: None,
            parts: Vec::new(),
            asked: Some(Asked { dry_run: true, ..Asked::default() }),
        }
    }

    #[test]
    fn outcomes_are_counted_in_the_order_in_which_they_first_appear() {
        use MinionState::{Finished, Queued};
        use OutcomeKind::{Error, Lost, Ok};
        let part = |state: Option<MinionState>| Part {
            minion: "web".parse().expect("a name"),
            minion_job: None,
            state,
            progress: None,
            report: None,
            absence: None,
            given_up: None,
        };
        let states = [Some(Finished(Lost)), None, Some(Finished(Ok)), Some(Queued), Some(Finished(Lost))];
        let states = states.into_iter().chain([Some(Finished(Error)), Some(Finished(Lost))]);
        let document = JobDocument { parts: states.map(part).collect(), ..document() };
        assert_eq!(document.counts(), [(Lost, 3), (Ok, 1), (Error, 1)]);
        assert_eq!(counts([Ok, Ok]), [(Ok, 2)]);
        assert_eq!(counts([]), []);
    }

    #[test]
    fn older_versions_say_a_job_without_how_it_was_asked_for() {
        let document = document();
        let said = |version: Version| {
            let bytes = version.speak(|| postcard::to_stdvec(&document)).expect("encodes");
            let read: JobDocument = version.speak(|| postcard::from_bytes(&bytes)).expect("decodes");
            (bytes, read)
        };
        let (two, read) = said(Version::Two);
        assert_eq!(read, JobDocument { asked: None, ..document.clone() });
        let expected = [&[1; 16][..], b"\x00\x09test.ping\x03ann\x01*\x00\x05\x00\x00"].concat();
        assert_eq!(two, expected);
        let (three, read) = said(Version::Three);
        assert_eq!(read, JobDocument { asked: None, ..document.clone() });
        // The target says since then what is let pass.
        assert_eq!(three.len(), two.len() + 2);
        assert_eq!(said(Version::Four).1, document);
    }

    #[test]
    fn older_versions_say_a_line_without_counts_and_a_filter_without_outcomes() {
        let line = JobSummary {
            job: JobId::from_bytes([1; 16]),
            state: JobState::Running,
            method: "test.ping".parse().expect("a method"),
            operator: "ann".parse().expect("a name"),
            target: "*".into(),
            targets: 2,
            accepted_at: 5,
            ended_at: None,
            exclude: None,
            dry_run: false,
            counts: None,
        };
        let bytes = Version::Three.speak(|| postcard::to_stdvec(&line)).expect("encodes");
        assert_eq!(bytes, [&[1; 16][..], b"\x00\x09test.ping\x03ann\x01*\x02\x05\x00"].concat());
        assert_eq!(Version::Three.speak(|| postcard::from_bytes(&bytes)), Ok(line));
        let filter = JobFilter { failed: true, outcomes: vec![OutcomeKind::Lost], ..JobFilter::default() };
        let bytes = Version::Three.speak(|| postcard::to_stdvec(&filter)).expect("encodes");
        assert_eq!(bytes, [0; 7]);
        let bytes = postcard::to_stdvec(&filter).expect("encodes");
        assert_eq!(postcard::from_bytes(&bytes), Ok(filter));
    }
}
