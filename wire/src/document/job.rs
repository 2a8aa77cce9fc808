//! What an overlord says of its jobs: documents, lists and histories.

use serde::{Deserialize, Serialize};

use crate::message::call::{Progress, Share};
use crate::message::job::{JobId, JobState, MinionJobId, MinionState, OutcomeKind};
use crate::message::outcome::Report;
use crate::message::target::Target;
use crate::name::{MethodPath, MinionName, ModuleName, OperatorName};

/// Which jobs to list: those that fit everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFilter {
    /// Jobs that are in this state.
    pub state: Option<JobState>,
    /// Jobs of this operator.
    pub operator: Option<OperatorName>,
    /// Calls of this module.
    pub module: Option<ModuleName>,
    /// Calls of this method.
    pub method: Option<MethodPath>,
    /// Jobs that went to this minion.
    pub target: Option<MinionName>,
    /// Jobs that were made at or after this time, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Jobs that were made before this time, in milliseconds since 1970.
    pub before: Option<u64>,
    /// Jobs of which a part ended in one of these; all jobs where there is none.
    #[serde(with = "crate::message::version::since_four")]
    pub outcomes: Vec<OutcomeKind>,
    /// Only jobs of which a part ended otherwise than in `ok`.
    #[serde(with = "crate::message::version::since_four")]
    pub failed: bool,
}

/// That a minion is out of touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When its link was lost, or the overlord was started if that was later, in milliseconds since 1970.
    pub lost_at: u64,
    /// How long ago that was, in milliseconds, whatever became of the clock since.
    pub for_ms: u64,
    /// How much longer the call is kept for it, in milliseconds, where it was not sent yet.
    pub kept_ms: Option<u64>,
    /// Whether it ran the part when it was heard of last, and the call's own timeout has passed since.
    pub overdue: bool,
}

/// That a part was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenUp {
    /// By whom.
    pub operator: OperatorName,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What the minion said of it afterwards, once it has.
    pub later: Option<Later>,
}

/// What a minion said of its part after that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// When it was heard, in milliseconds since 1970.
    pub at: u64,
    /// How the part ended there.
    pub report: Report,
}

/// Everything that an overlord knows of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobDocument {
    /// Its id.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// What was called.
    pub method: MethodPath,
    /// Who called it.
    pub operator: OperatorName,
    /// What it was aimed at.
    pub target: Target,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// When its last outcome was in, in milliseconds since 1970.
    pub ended_at: Option<u64>,
    /// One part for each targeted minion, by name.
    pub parts: Vec<Part>,
    /// How it was asked for; an older overlord does not say it.
    #[serde(with = "crate::message::version::since_four")]
    pub asked: Option<Asked>,
}

impl JobDocument {
    /// How many parts ended in each outcome, in the order of first appearance.
    pub fn counts(&self) -> Vec<(OutcomeKind, usize)> {
        counts(self.parts.iter().filter_map(|part| part.state?.outcome()))
    }
}

/// How often each outcome occurs, in the order of first appearance.
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

/// How a job was asked for, besides what and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The arguments as JSON text, as [`crate::document::redaction`] shows them; `None` where their record is damaged.
    pub arguments: Option<String>,
    /// Whether effects are only recorded.
    pub dry_run: bool,
    /// Whether it must survive a power cut from the moment it is accepted.
    pub durable: bool,
    /// How long each minion may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Until when it is kept for minions that are not connected, in milliseconds since 1970.
    pub queue_until: Option<u64>,
    /// How many minions have it at once.
    pub batch: Option<Share>,
    /// After how many outcomes that are not `ok` no further minion gets it.
    pub max_failures: Option<Share>,
    /// For how long a minion that is out of touch keeps its place in a batch, in milliseconds.
    pub patience_ms: Option<u64>,
    /// The job that it runs again.
    pub rerun_of: Option<JobId>,
}

/// One minion's part of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which minion.
    pub minion: MinionName,
    /// Its own id of the job, once it has one.
    pub minion_job: Option<MinionJobId>,
    /// Where it is; `None` where the minion has not answered yet.
    pub state: Option<MinionState>,
    /// How far it says it is.
    pub progress: Option<Progress>,
    /// How it ended.
    pub report: Option<Report>,
    /// That its minion is out of touch, while the part is not over.
    #[serde(with = "crate::message::version::since_three")]
    pub absence: Option<Absence>,
    /// That it was given up.
    #[serde(with = "crate::message::version::since_three")]
    pub given_up: Option<GivenUp>,
}

/// One line about a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its id.
    pub job: JobId,
    /// Where it is.
    pub state: JobState,
    /// What was called.
    pub method: MethodPath,
    /// Who called it.
    pub operator: OperatorName,
    /// What it was aimed at.
    pub target: String,
    /// How many minions that were.
    pub targets: usize,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// When its last outcome was in, in milliseconds since 1970.
    pub ended_at: Option<u64>,
    /// What was left out of its target.
    #[serde(with = "crate::message::version::since_four")]
    pub exclude: Option<String>,
    /// Whether effects are only recorded.
    #[serde(with = "crate::message::version::since_four")]
    pub dry_run: bool,
    /// How often each outcome occurred; `None` of an older overlord.
    #[serde(with = "crate::message::version::since_four")]
    pub counts: Option<Vec<(OutcomeKind, usize)>>,
}

/// A job's recorded transitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The job.
    pub job: JobId,
    /// Its targets, by name.
    pub targets: Vec<MinionName>,
    /// What was recorded, in order.
    pub transitions: Vec<Transition>,
    /// The parts that were given up, by name.
    #[serde(with = "crate::message::version::since_three")]
    pub given_up: Vec<(MinionName, GivenUp)>,
}

/// One change of a job that an overlord recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Its place in the order; the clock has no say in it.
    pub seq: u32,
    /// When by the overlord's clock, in milliseconds since 1970.
    pub at: u64,
    /// Where the job is from here on.
    pub job_state: JobState,
    /// The part that changed, where one did.
    pub part: Option<(MinionName, MinionState)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::version::Version;

    #[test]
    fn older_versions_say_a_job_without_how_it_was_asked_for() {
        let document = JobDocument {
            job: JobId::from_bytes([1; 16]),
            state: JobState::Running,
            method: "test.ping".parse().expect("a method"),
            operator: "ann".parse().expect("a name"),
            target: Target::of("*"),
            accepted_at: 5,
            ended_at: None,
            parts: Vec::new(),
            asked: Some(Asked { dry_run: true, ..Asked::default() }),
        };
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
