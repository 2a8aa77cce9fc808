//! What an operator's program and an overlord say to each other.
//!
//! An operator opens one bidirectional stream for each request: it sends one [`OperatorRequest`] and reads
//! [`OperatorReply`]s until the stream ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
pub use crate::document::job::{
    Absence, Asked, GivenUp, History, JobDocument, JobFilter, JobSummary, Later, Part, Transition, counts,
};
use crate::message::audit::AuditQuery;
use crate::message::authority::{AuthorityReply, AuthorityRequest};
use crate::message::call::Share;
use crate::message::catalogue::{ModuleReply, ModuleRequest};
use crate::message::enrolment::{EnrolmentReply, EnrolmentRequest};
use crate::message::inventory::Inventory;
use crate::message::job::JobId;
use crate::message::link::{Carried, JobUpdate};
use crate::message::operators::{OperatorsReply, OperatorsRequest};
pub use crate::message::refusal::{Refusal, RefusalKind};
use crate::message::renewal::Credentials;
pub use crate::message::target::{Assume, Lenience, Target, TargetWarning};
use crate::name::{MethodPath, MinionName, ModuleName, OperatorName};
use crate::value::arguments::Arguments;
use crate::value::method::OneMethod;

/// The application protocols of an operator's connection, the newest version first: see [`crate::message::version`].
pub const ALPNS: &[&[u8]] = &[
    b"operator/7",
    b"operator/6",
    b"operator/5",
    b"operator/4",
    b"operator/3",
    b"operator/2",
    b"operator/1",
];

/// The largest message on an operator's connection, in bytes: a document may hold many outcomes.
pub const MAX_MESSAGE: usize = 256 << 20;

/// How long a minion that is out of touch is waited for where the operator does not say otherwise.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A call as an operator hands it in. The minions get a [`Start`](crate::message::call::Start) made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The minions that it goes to.
    pub target: Target,
    /// The method to run.
    pub method: MethodPath,
    /// The arguments, in the form in which they were given.
    pub arguments: Arguments,
    /// How long it may run on each minion, in milliseconds; the minion's own limit where nothing is said.
    pub timeout_ms: Option<u64>,
    /// Whether effects are only to be recorded, and none is to happen.
    pub dry_run: bool,
    /// Whether the job must be on disk, here and on the minions, before anyone says that it is accepted.
    pub durable: bool,
    /// Whether the operator knows that the target is wide: without that, the overlord asks for a confirmation.
    pub confirmed: bool,
    /// How long to keep it for minions that are not connected, in milliseconds. Where nothing is said it is not
    /// kept: their parts are `undelivered` at once.
    pub queue_ms: Option<u64>,
    /// How many minions may run it at once; all where nothing is said.
    pub batch: Option<Share>,
    /// The number of outcomes other than `ok` after which no further minion gets it.
    pub max_failures: Option<Share>,
    /// For how long a minion that is out of touch keeps its place in a batch, in milliseconds; [`PATIENCE`] where
    /// nothing is said.
    #[serde(with = "crate::message::version::since_three")]
    pub patience_ms: Option<u64>,
    /// Whether it goes to those of the minions alone on which the operator may call the method, instead of being refused
    /// where there are others.
    #[serde(with = "crate::message::version::since_five")]
    pub permitted: bool,
}

impl Call {
    /// A call without options: it runs at once, with the limits of each minion, on all of the target together, and is
    /// refused for a minion that is not connected.
    pub fn new(target: Target, method: MethodPath, arguments: Arguments) -> Self {
        Self {
            target,
            method,
            arguments,
            timeout_ms: None,
            dry_run: false,
            durable: false,
            confirmed: false,
            queue_ms: None,
            batch: None,
            max_failures: None,
            patience_ms: None,
            permitted: false,
        }
    }
}

/// How much an operator wants to hear of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Follow {
    /// The id of the job, once it is accepted, and nothing else.
    No,
    /// The outcomes as they come in, those that were there before among them, and the document at the end. Since version 7
    /// it leaves out the reports that were told.
    Outcomes,
    /// States, progress, log lines and chunks as well.
    Everything,
}

/// On which minions a job is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rerun {
    /// On all minions that it was aimed at.
    All,
    /// On those minions whose outcome is not `ok`.
    Failed,
}

/// What an operator asks of an overlord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperatorRequest {
    /// Accept this call. Answered by `Accepted`, then as [`Follow`] says.
    Call {
        /// The call.
        call: Box<Call>,
        /// What to hear of the job.
        follow: Follow,
        /// What the operator has signed of the call, for minions that want that.
        #[serde(with = "crate::message::version::since_six")]
        mandate: Carried,
    },
    /// What does this method take? Answered by `Method`.
    Method {
        /// The minions that it would run on.
        target: Target,
        /// The method.
        method: MethodPath,
    },
    /// Which minions answer? Answered by `Pings`.
    Ping(Target),
    /// Which minions match? Answered by `Minions`.
    Targets(Target),
    /// Which minions are enrolled? Answered by `Minions`.
    Minions,
    /// Make a token for a minion of this name. Answered by `Invited`.
    Invite {
        /// The name that the token is good for.
        name: MinionName,
        /// How long the token is good, in milliseconds; 0 is refused.
        ttl_ms: u64,
    },
    /// Which modules do the minions have that match? Answered by `Modules`.
    Modules {
        /// The minions.
        target: Target,
        /// Only the module of this name; all where nothing is said.
        name: Option<ModuleName>,
    },
    /// Which are the newest jobs that fit? Answered by `Jobs`.
    Jobs {
        /// What the jobs must fit.
        filter: JobFilter,
        /// The most jobs to list.
        limit: usize,
    },
    /// What is known of a job, by its id or a unique beginning of it? Answered by `Job`.
    Job(String),
    /// Which transitions of a job are recorded? By its id or a unique beginning of it. Answered by `History`.
    History(String),
    /// Attach to a job: what is known now, then what comes, as `Follow` says, then `Job`.
    Attach {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// What to hear of the job.
        follow: Follow,
    },
    /// Stop a job. Answered by `Cancelling`.
    Cancel {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// Only on those of its minions that match; on all where nothing is said.
        target: Option<Target>,
    },
    /// Make a new job of an old one, with the same call. Answered as `Call`.
    Rerun {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// The minions that it goes to, of those of the old job.
        on: Rerun,
        /// Whether the operator knows that it goes to many minions.
        confirmed: bool,
        /// What to hear of the new job.
        follow: Follow,
        /// As [`Call::patience_ms`] of the new job; that of the old job where nothing is said.
        #[serde(with = "crate::message::version::since_three")]
        patience_ms: Option<u64>,
        /// What the operator has signed of the new job, for minions that want that.
        #[serde(with = "crate::message::version::since_six")]
        mandate: Carried,
    },
    /// Forget jobs that ended longer ago than this. Answered by `Purged`.
    Purge {
        /// How long the record of a job is kept after its end, in milliseconds.
        keep_ms: u64,
    },
    /// How is the overlord? Answered by `Status`.
    Status,
    /// Which facts did the minions tell that match? Answered by `Facts`.
    Facts(Target),
    /// Change what is kept, in service or assigned, or ask for it. Answered by `Module`s.
    /// Behind it is what the operator has signed of the change, for minions that want that.
    Module(Box<ModuleRequest>, #[serde(with = "crate::message::version::since_six")] Carried),
    /// Wait no longer for those parts of a job that are not over. Answered by `GivingUp`.
    GiveUp {
        /// The job, by its id or a unique beginning of it.
        job: String,
        /// Give up the parts on these minions, in touch or not; on all that are out of touch where nothing is
        /// said.
        target: Option<Target>,
    },
    /// What was done and refused? Answered by `AuditEntries`, several where they are many, and where they are
    /// followed by further ones as entries are added, until the operator stops the stream. Since version 5.
    Audit {
        /// What the entries must fit.
        query: AuditQuery,
        /// Whether to go on with those that are added.
        follow: bool,
    },
    /// Who are the operators, and what may they do? Answered by `Operators`. Not known to overlords of before version 5.
    Operators(Box<OperatorsRequest>),
    /// Make the operator's next certificate, for the key of this signing request in DER. Answered by `Renewed`.
    Renew(Vec<u8>),
    /// Change who may become a minion or be one, or ask for it. Answered by `Enrolment`. Not known to overlords of before
    /// version 5.
    Enrolment(Box<EnrolmentRequest>),
    /// What was signed of a job, by its id or a unique beginning of it? Answered by `Mandate`. Not known to overlords of
    /// before version 6.
    Mandate(String),
    /// Move to another authority, or ask how that goes. Answered by `Authority`, or by `Renewed`.
    Authority(Box<AuthorityRequest>),
}

/// What an overlord answers to an [`OperatorRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OperatorReply {
    /// The request is refused. Nothing follows.
    Refused(Refusal),
    /// The call is accepted, and is a job now.
    Accepted {
        /// The id of the job.
        job: JobId,
        /// The minions that it goes to.
        targets: Vec<MinionName>,
    },
    /// Something happened on a minion.
    Update(Box<Update>),
    /// A method, as the minions that match have it; several where its signature differs between them.
    Method(Vec<OneMethod>),
    /// A job's document.
    Job(Box<JobDocument>),
    /// Jobs, newest first.
    Jobs(Vec<JobSummary>),
    /// A job's transitions, in the order in which they were recorded.
    History(Box<History>),
    /// Minions, by name.
    Minions(Vec<MinionStatus>),
    /// The token, as the line that the newcomer is given.
    Invited(String),
    /// What each minion answered, by name.
    Pings(Vec<Ping>),
    /// Each minion's modules, by name.
    Modules(Vec<(MinionName, Inventory)>),
    /// The job is being stopped.
    Cancelling(Cancelling),
    /// How many jobs were forgotten.
    Purged(usize),
    /// How the overlord is.
    Status(Box<OverlordStatus>),
    /// The facts of each minion, by name: a JSON object as text, empty where the minion has told none. Then when
    /// each was heard, in the same order; an older overlord does not say it.
    Facts(Vec<(MinionName, String)>, #[serde(with = "crate::message::version::since_three")] Vec<FactsHeard>),
    /// What is said of a [`ModuleRequest`].
    Module(Box<ModuleReply>),
    /// The minions that are out of touch now, of those whose part of the followed job is not over. Replaces what
    /// was said before; not said to peers of before version 3.
    OutOfTouch(Vec<(MinionName, Absence)>),
    /// Parts of the job were given up.
    GivingUp(GivingUp),
    /// What the operator should know of how the target was understood. The answer itself follows.
    Warned(Vec<TargetWarning>),
    /// Entries of the overlord's audit log, in the order in which they were added: each a line of JSON.
    AuditEntries(Vec<String>),
    /// What is said of an [`OperatorsRequest`].
    Operators(Box<OperatorsReply>),
    /// The operator's next certificate.
    Renewed(Box<Credentials>),
    /// What is said of an [`EnrolmentRequest`].
    Enrolment(Box<EnrolmentReply>),
    /// What was signed of a job, by whoever called it; `None` where nothing was.
    Mandate(Carried),
    /// What is said of an [`AuthorityRequest`].
    Authority(Box<AuthorityReply>),
}

/// The parts of a job that were given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivingUp {
    /// The job's full id.
    pub job: JobId,
    /// The minions whose part is `lost` now.
    pub lost: Vec<MinionName>,
    /// The minions that the job had not been sent to and never will be: their part is `undelivered`.
    pub never_sent: Vec<MinionName>,
}

/// How old the facts of a minion are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsHeard {
    /// When the facts were heard, in milliseconds since 1970; `None` where the minion never told any.
    pub at: Option<u64>,
    /// Whether the minion is connected, and so would have told it if the facts had changed since.
    pub connected: bool,
}

/// How a job is being stopped, on the minions where it was not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelling {
    /// The job's full id.
    pub job: JobId,
    /// The minions that were told to stop it. How it ends there is said later.
    pub told: Vec<MinionName>,
    /// The minions that the job had not come to and never will: their part is over.
    pub never_started: Vec<MinionName>,
    /// The minions that do not answer now, and are told when they are back.
    pub later: Vec<MinionName>,
    /// Those of `later` that are out of touch, with since when.
    #[serde(with = "crate::message::version::since_three")]
    pub out_of_touch: Vec<(MinionName, Absence)>,
}

/// Something that happened on a minion while a job ran there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// The minion that it happened on.
    pub minion: MinionName,
    /// What happened.
    pub update: JobUpdate,
}

/// One line about a minion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionStatus {
    /// The minion's name.
    pub name: MinionName,
    /// Whether it is connected at this moment.
    pub connected: bool,
    /// The address that it connects from; `None` while it is not connected.
    pub address: Option<String>,
    /// The version of its software; `None` before it said so.
    pub version: Option<String>,
    /// SHA-256 of its public key.
    pub key: Digest,
    /// When it enrolled, in milliseconds since 1970.
    pub enrolled_at: u64,
    /// When it was heard of last, in milliseconds since 1970; `None` where it never connected.
    pub last_seen: Option<u64>,
    /// How many modules it has in service.
    pub modules: usize,
    /// What keeps it from its link, which the operator may have to mend.
    #[serde(with = "crate::message::version::since_three")]
    pub troubles: Vec<Trouble>,
    /// Whether it may connect.
    #[serde(with = "crate::message::version::since_five")]
    pub standing: MinionStanding,
    /// The last second at which its newest certificate is good, since 1970; `None` where the overlord does not know.
    #[serde(with = "crate::message::version::since_five")]
    pub valid_until: Option<i64>,
    /// The first second of that certificate.
    #[serde(with = "crate::message::version::since_five")]
    pub valid_from: Option<i64>,
}

/// Whether a minion may connect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinionStanding {
    /// It may connect.
    #[default]
    Enrolled,
    /// Its certificates were revoked: it may not.
    Revoked {
        /// When that was, in milliseconds since 1970; `None` where it is not on record.
        at: Option<u64>,
        /// The operator who did it; `None` where it is not on record.
        by: Option<OperatorName>,
        /// Why, in the operator's words; empty where nothing was said.
        why: String,
    },
}

/// What keeps a minion, or someone who says that it is this minion, from its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Another minion with the same key dialled while the first one is linked.
    SecondMinion {
        /// The address that the other one dialled from last.
        address: String,
        /// When that was, in milliseconds since 1970.
        seen_at: u64,
    },
    /// The minion dialled with a certificate that is not good now by the overlord's clock.
    Certificate {
        /// The first second at which the certificate is good, since 1970.
        valid_from: i64,
        /// The last second at which the certificate is good, since 1970.
        valid_until: i64,
        /// When the minion dialled last, in milliseconds since 1970.
        seen_at: u64,
    },
}

/// What one minion answered to a ping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Which minion.
    pub minion: MinionName,
    /// The time there and back in microseconds, or why there was no answer, as one line for people.
    pub answer: Result<u64, String>,
}

/// How an overlord is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlordStatus {
    /// The version of its software.
    pub version: String,
    /// The UDP address that it listens on.
    pub address: String,
    /// When the daemon was started, in milliseconds since 1970.
    pub started_at: u64,
    /// How many minions are enrolled.
    pub minions: usize,
    /// How many of them are connected.
    pub connected: usize,
    /// How many jobs are not over.
    pub live_jobs: usize,
    /// The bytes that its ledger takes on disk.
    pub ledger_bytes: u64,
    /// How full the disk of the ledger is; `None` where that cannot be told, or of an older overlord.
    #[serde(with = "crate::message::version::since_three")]
    pub disk: Option<DiskStatus>,
}

/// How full the disk of an overlord's ledger is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// The ledger's folder.
    pub path: String,
    /// The bytes that may still be written.
    pub free_bytes: u64,
    /// Whether that is enough for the overlord to accept new jobs.
    pub takes_work: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_its_message_and_has_the_word_that_programs_know() {
        let refusal = Refusal::new(RefusalKind::NoMatch, "no minion matches");
        assert_eq!((refusal.to_string().as_str(), refusal.kind), ("no minion matches", RefusalKind::NoMatch));
        for (kind, word) in [
            (RefusalKind::BadRequest, "usage"),
            (RefusalKind::NoMatch, "no-match"),
            (RefusalKind::NotFound, "not-found"),
            (RefusalKind::NeedsConfirmation, "needs-confirmation"),
            (RefusalKind::Denied, "denied"),
            (RefusalKind::Unavailable, "unavailable"),
            (RefusalKind::Busy, "busy"),
        ] {
            assert_eq!(kind.as_str(), word);
        }
    }
}
