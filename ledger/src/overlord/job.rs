//! A job and its parts, as the ledger takes and gives them.

use serde::{Deserialize, Serialize};
use wire::message::call::Share;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::outcome::Report;
use wire::name::{MethodPath, MinionName, OperatorName};
use wire::signing::mandate::SignedMandate;
use wire::value::arguments::Arguments;

/// A job as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// The job's id.
    pub id: JobId,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// The operator who asked for it.
    pub operator: OperatorName,
    /// The target expression.
    pub target: String,
    /// The expression whose matches are left out.
    pub exclude: Option<String>,
    /// The minions that matched when it was accepted; kept by name, each once.
    pub targets: Vec<MinionName>,
    /// The method to run.
    pub method: MethodPath,
    /// The arguments, in the form in which they were given.
    pub arguments: Arguments,
    /// How long it may run on each minion, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Until when it may be delivered to a minion that is not connected, in milliseconds since 1970.
    pub queue_until: Option<u64>,
    /// Whether effects are only recorded, and none happens.
    pub dry_run: bool,
    /// Whether the job must survive a power cut from the moment it is accepted, here and on the minions.
    pub durable: bool,
    /// How many minions may run it at once.
    pub batch: Option<Share>,
    /// The number of outcomes other than `ok` after which no further minion gets it.
    pub max_failures: Option<Share>,
    /// The job that it runs again.
    pub rerun_of: Option<JobId>,
    /// For how long a minion that is out of touch keeps its place in the batch, in milliseconds; the usual time
    /// where nothing is said.
    pub patience_ms: Option<u64>,
    /// What the operator has signed of it.
    pub mandate: Option<Box<SignedMandate>>,
}

/// What an overlord knows of one minion's part of a job, without its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The minion's own id of the job; `None` before the minion has recorded it.
    pub minion_job: Option<MinionJobId>,
    /// The state of the part; `None` until the minion has answered.
    pub state: Option<MinionState>,
    /// When that state was recorded, in milliseconds since 1970.
    pub changed_at: u64,
}

/// What a minion said of its part before it said how that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartMoved {
    /// The minion's own id of the job.
    pub minion_job: MinionJobId,
    /// The state that the part was in: queued or running.
    pub state: MinionState,
    /// When that was heard, in milliseconds since 1970.
    pub at: u64,
}

/// A part that is to be given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GiveUp {
    /// The minion whose part it is.
    pub minion: MinionName,
    /// The outcome that the part gets.
    pub report: Report,
    /// Whether the minion may have the job, and may therefore say something of it later.
    pub sent: bool,
}
