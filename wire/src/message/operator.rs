//! What an operator's program and an overlord say to each other.
//!
//! An operator opens one bidirectional stream for each request: it sends one [`OperatorRequest`] and reads
//! [`OperatorReply`]s until the stream ends.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
pub use crate::document::job::{
    Absence, Asked, GivenUp, History, JobDocument, JobFilter, JobSummary, Later, Part, Transition, counts,
};
use crate::message::call::Share;
use crate::message::catalogue::{ModuleReply, ModuleRequest};
use crate::message::inventory::Inventory;
use crate::message::job::JobId;
use crate::message::link::JobUpdate;
pub use crate::message::target::{Assume, Lenience, Target, TargetWarning};
use crate::name::{MethodPath, MinionName, ModuleName};
use crate::value::arguments::Arguments;
use crate::value::signature::OneMethod;

/// The application protocols of an operator's connection, the newest version first: see [`crate::message::version`].
pub const ALPNS: &[&[u8]] = &[b"operator/4", b"operator/3", b"operator/2", b"operator/1"];

/// The largest message on an operator's connection, in bytes: a document may hold many outcomes.
pub const MAX_MESSAGE: usize = 256 << 20;

/// For how long a minion that is out of touch is waited for where nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A call as an operator hands it in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Where to run it.
    pub target: Target,
    /// What to run.
    pub method: MethodPath,
    /// With what.
    pub arguments: Arguments,
    /// How long each minion may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether effects are only to be recorded.
    pub dry_run: bool,
    /// Whether the job must be on disk, here and on the minions, before anyone says that it is accepted.
    pub durable: bool,
    /// Whether the operator knows that the target is wide.
    pub confirmed: bool,
    /// How long to keep it for minions that are not connected, in milliseconds.
    pub queue_ms: Option<u64>,
    /// How many minions may have it at once.
    pub batch: Option<Share>,
    /// After how many outcomes that are not `ok` no further minion gets it.
    pub max_failures: Option<Share>,
    /// For how long a minion that is out of touch keeps its place in a batch, in milliseconds; [`PATIENCE`] where
    /// nothing is said.
    #[serde(with = "crate::message::version::since_three")]
    pub patience_ms: Option<u64>,
}

/// How much an operator wants to hear of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Follow {
    /// Its id, once it is accepted.
    No,
    /// Outcomes as they come in, and the document at the end.
    Outcomes,
    /// States, progress and logs as well.
    Everything,
}

/// On which minions a job is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rerun {
    /// On all that it was aimed at.
    All,
    /// On those whose outcome is not `ok`.
    Failed,
}

/// What an operator asks of an overlord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperatorRequest {
    /// Accept this call. Answered by `Accepted`, then as [`Follow`] says.
    Call {
        /// The call.
        call: Box<Call>,
        /// What to hear of it.
        follow: Follow,
    },
    /// What does this method take? Answered by `Method`.
    Method {
        /// Where it would run.
        target: Target,
        /// Which method.
        method: MethodPath,
    },
    /// Which minions answer? Answered by `Pings`.
    Ping(Target),
    /// Which minions match? Answered by `Minions`.
    Targets(Target),
    /// All enrolled minions. Answered by `Minions`.
    Minions,
    /// Make a token for a minion of this name. Answered by `Invited`.
    Invite {
        /// The name that the token is good for.
        name: MinionName,
        /// How long it is good, in milliseconds.
        ttl_ms: u64,
    },
    /// The modules of the minions that match. Answered by `Modules`.
    Modules {
        /// Which minions.
        target: Target,
        /// Only the module of this name.
        name: Option<ModuleName>,
    },
    /// The newest jobs that fit. Answered by `Jobs`.
    Jobs {
        /// Which jobs.
        filter: JobFilter,
        /// How many at most.
        limit: usize,
    },
    /// A job, by its id or a unique beginning of it. Answered by `Job`.
    Job(String),
    /// A job's recorded transitions. Answered by `History`.
    History(String),
    /// Attach to a job: what is known now, then what comes, as `Follow` says, then `Job`.
    Attach {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// What to hear of it.
        follow: Follow,
    },
    /// Stop a job. Answered by `Cancelling`.
    Cancel {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// Only on those of its minions that match.
        target: Option<Target>,
    },
    /// Make a new job of an old one, with the same call. Answered as `Call`.
    Rerun {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// On which of its minions.
        on: Rerun,
        /// Whether the operator knows that it goes to many minions.
        confirmed: bool,
        /// What to hear of the new job.
        follow: Follow,
        /// As [`Call::patience_ms`]; as that of the old job where nothing is said.
        #[serde(with = "crate::message::version::since_three")]
        patience_ms: Option<u64>,
    },
    /// Forget jobs that ended longer ago than this, in milliseconds. Answered by `Purged`.
    Purge {
        /// How long an end is kept.
        keep_ms: u64,
    },
    /// How is the overlord? Answered by `Status`.
    Status,
    /// The facts of the minions that match. Answered by `Facts`.
    Facts(Target),
    /// Change what is kept, in service or assigned. Answered by `Module`s.
    Module(Box<ModuleRequest>),
    /// Wait no longer for what is not over of a job. Answered by `GivingUp`.
    GiveUp {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// On those of its minions that match, in touch or not; on all that are out of touch where nothing is said.
        target: Option<Target>,
    },
}

/// What an overlord answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperatorReply {
    /// The request is refused. Nothing follows.
    Refused(Refusal),
    /// The call is a job now.
    Accepted {
        /// Its id.
        job: JobId,
        /// The minions that it goes to.
        targets: Vec<MinionName>,
    },
    /// Something happened on a minion.
    Update(Box<Update>),
    /// A method, as the minions that match have it; several where they differ.
    Method(Vec<OneMethod>),
    /// A job's document.
    Job(Box<JobDocument>),
    /// Jobs, newest first.
    Jobs(Vec<JobSummary>),
    /// A job's transitions, in the order in which they were recorded.
    History(Box<History>),
    /// Minions, by name.
    Minions(Vec<MinionStatus>),
    /// The token that was asked for.
    Invited(String),
    /// What each minion answered, by name.
    Pings(Vec<Ping>),
    /// Each minion's modules, by name.
    Modules(Vec<(MinionName, Inventory)>),
    /// The job stops.
    Cancelling(Cancelling),
    /// How many jobs were forgotten.
    Purged(usize),
    /// How the overlord is.
    Status(Box<OverlordStatus>),
    /// Each minion's facts, by name: a JSON object, empty where it has said none. Then when each was heard, in the
    /// same order; an older overlord does not say it.
    Facts(Vec<(MinionName, String)>, #[serde(with = "crate::message::version::since_three")] Vec<FactsHeard>),
    /// What is said of a change of modules.
    Module(Box<ModuleReply>),
    /// The minions that are out of touch now, of those whose part of the job that is followed is not over. Replaces
    /// what was said before; not said to peers of before version 3.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// Parts of the job were given up.
    GivingUp(GivingUp),
    /// What the operator should know of how the target was understood. The answer follows.
    Warned(Vec<TargetWarning>),
}

/// The parts of a job that were given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivingUp {
    /// The job's full id.
    pub job: JobId,
    /// Those whose part is `lost` now.
    pub lost: Vec<MinionName>,
    /// Those that it had not been sent to and never will be: there it is `undelivered`.
    pub never_sent: Vec<MinionName>,
}

/// How old the facts of a minion are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsHeard {
    /// When they were heard, in milliseconds since 1970; `None` where none ever were.
    pub at: Option<u64>,
    /// Whether the minion is connected, and would say it if they were others now.
    pub connected: bool,
}

/// How a job stops, on the minions where it was not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelling {
    /// The job's full id.
    pub job: JobId,
    /// Those that were told to stop it; how it ends there comes later.
    pub told: Vec<MinionName>,
    /// Those that it had not come to and never will: there it is over.
    pub never_started: Vec<MinionName>,
    /// Those that do not answer now, and are told when they are back.
    pub later: Vec<MinionName>,
    /// Those of them that are out of touch.
    #[serde(with = "crate::message::version::since_three")]
    pub out_of_touch: Vec<(MinionName, Absence)>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was wrong, as something a program can match on.
    pub kind: RefusalKind,
    /// One line for people: the thing, and the next step.
    pub message: String,
}

impl Refusal {
    /// A refusal of `kind`.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// What was wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalKind {
    /// The request itself: a bad expression, unknown method, wrong arguments.
    BadRequest,
    /// The target expression matches no enrolled minion.
    NoMatch,
    /// No such job, minion or module.
    NotFound,
    /// The target is wide and the operator did not confirm it.
    NeedsConfirmation,
    /// The operator may not do this.
    Denied,
    /// The overlord could not do it: its disk is full, it is stopping.
    Unavailable,
    /// Somebody else is at it.
    Busy,
}

impl RefusalKind {
    /// The word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalKind::BadRequest => "usage",
            RefusalKind::NoMatch => "no-match",
            RefusalKind::NotFound => "not-found",
            RefusalKind::NeedsConfirmation => "needs-confirmation",
            RefusalKind::Denied => "denied",
            RefusalKind::Unavailable => "unavailable",
            RefusalKind::Busy => "busy",
        }
    }
}

/// Something that happened on a minion while a job ran there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Where.
    pub minion: MinionName,
    /// What.
    pub update: JobUpdate,
}

/// One line about a minion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionStatus {
    /// Its name.
    pub name: MinionName,
    /// Whether it is connected at this moment.
    pub connected: bool,
    /// Where it connects from, while it does.
    pub address: Option<String>,
    /// The version of its software, once it has said so.
    pub version: Option<String>,
    /// Digest of its public key.
    pub key: Digest,
    /// When it enrolled, in milliseconds since 1970.
    pub enrolled_at: u64,
    /// When it was last heard of, in milliseconds since 1970.
    pub last_seen: Option<u64>,
    /// How many modules it has in service.
    pub modules: usize,
    /// What an operator should know of it and may have to mend.
    #[serde(with = "crate::message::version::since_three")]
    pub troubles: Vec<Trouble>,
}

/// What keeps a minion, or someone who says that it is this minion, from its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Another one with its key wants its link while it is there.
    SecondMinion {
        /// Where the other one dialled from last.
        address: String,
        /// When that was, in milliseconds since 1970.
        seen_at: u64,
    },
    /// It dialled with a certificate whose time is not now by the overlord's clock.
    Certificate {
        /// The first second of that, since 1970.
        valid_from: i64,
        /// The last second, since 1970.
        valid_until: i64,
        /// When it dialled last, in milliseconds since 1970.
        seen_at: u64,
    },
}

/// What one minion answered to a ping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Which minion.
    pub minion: MinionName,
    /// The time there and back in microseconds, or why there was no answer.
    pub answer: Result<u64, String>,
}

/// How an overlord is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlordStatus {
    /// The version of its software.
    pub version: String,
    /// The UDP address that it listens on.
    pub address: String,
    /// Since when it has been up, in milliseconds since 1970.
    pub started_at: u64,
    /// How many minions are enrolled.
    pub minions: usize,
    /// How many of them are connected.
    pub connected: usize,
    /// How many jobs are not over.
    pub live_jobs: usize,
    /// Bytes that its ledger takes on disk.
    pub ledger_bytes: u64,
    /// How full that disk is.
    #[serde(with = "crate::message::version::since_three")]
    pub disk: Option<DiskStatus>,
}

/// How full the disk of an overlord's ledger is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// The ledger's folder.
    pub path: String,
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Whether that is enough for new jobs.
    pub takes_work: bool,
}
