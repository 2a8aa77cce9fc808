//! A job and its parts, as the ledger takes and gives them.

use serde::{Deserialize, Serialize};
use wire::message::call::Share;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::outcome::Report;
use wire::name::{MethodPath, MinionName, OperatorName};
use wire::value::arguments::Arguments;

/// A job as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// Who asked for it.
    pub operator: OperatorName,
    /// The target expression.
    pub target: String,
    /// The expression of those to leave out.
    pub exclude: Option<String>,
    /// The minions that matched at that moment; kept by name, each once.
    pub targets: Vec<MinionName>,
    /// What to run.
    pub method: MethodPath,
    /// With what.
    pub arguments: Arguments,
    /// How long each minion may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Until when it may be delivered to a minion that is not connected, in milliseconds since 1970.
    pub queue_until: Option<u64>,
    /// Whether effects are only recorded.
    pub dry_run: bool,
    /// Whether the job must survive a power cut from the moment it is accepted, here and on the minions.
    pub durable: bool,
    /// How many minions work on it at once.
    pub batch: Option<Share>,
    /// After how many failures no further minion starts it.
    pub max_failures: Option<Share>,
    /// The job that it runs again.
    pub rerun_of: Option<JobId>,
    /// For how long a minion that is out of touch keeps its place in the batch, in milliseconds; as long as
    /// everywhere where nothing is said.
    pub patience_ms: Option<u64>,
}

/// What an overlord knows of one minion's part of a job, but for its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The minion's own id of it, once it has one.
    pub minion_job: Option<MinionJobId>,
    /// Where it is; `None` until the minion has answered.
    pub state: Option<MinionState>,
    /// When that was recorded, in milliseconds since 1970.
    pub changed_at: u64,
}

/// A part that is to be given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GiveUp {
    /// Whose part.
    pub minion: MinionName,
    /// The outcome that it gets.
    pub report: Report,
    /// Whether its minion may have it, and may therefore say something of it later.
    pub sent: bool,
}
