//! What an overlord and a minion say to each other on the minion's connection.
//!
//! The overlord opens one bidirectional stream for each request: it sends one [`MinionRequest`] and reads replies
//! until the stream ends. The minion opens streams of its own for [`Notice`]s.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::message::call::{LogLine, Progress, Start};
use crate::message::instance::Instance;
use crate::message::inventory::Inventory;
use crate::message::job::{JobId, MinionJobId, MinionState};
use crate::message::module::{Module, ModuleState};
use crate::message::outcome::Report;
use crate::name::{MinionName, ModuleName, OperatorName};
use crate::signing::mandate::SignedMandate;

/// The application protocols of a minion's connection, the newest version first: see [`crate::message::version`].
pub const ALPNS: &[&[u8]] =
    &[b"minion/7", b"minion/6", b"minion/5", b"minion/4", b"minion/3", b"minion/2", b"minion/1"];

/// The largest message on a minion's connection, in bytes.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The largest facts that an overlord takes, in bytes.
pub const MAX_FACTS: usize = 64 << 10;

/// What an overlord asks of a minion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MinionRequest {
    /// Is the minion there? Answered by one [`Pong`].
    Ping,
    /// Run this, unless the job is known already, and report on it. Answered by [`JobUpdate`]s. Behind it is what the
    /// operator has signed, which older overlords do not say.
    Start(Box<Start>, #[serde(with = "crate::message::version::since_six")] Carried),
    /// Report on this job without starting anything. Answered by [`JobUpdate`]s.
    Follow(JobId),
    /// Like [`MinionRequest::Follow`], and where the minion has no record of the job, it must also never
    /// start it afterwards: a [`MinionRequest::Start`] that comes late is answered [`JobUpdate::Unknown`]
    /// too. An overlord that got that answer may say that the job was not delivered.
    Settle(JobId),
    /// Stop this job. Its end is reported to the overlord's streams that follow it. Answered by one [`Cancelled`].
    /// Where the minion has no record of the job, it must also never start it afterwards, as with
    /// [`MinionRequest::Settle`].
    Cancel(JobId),
    /// Change the modules, on behalf of an operator, whom the minion's access list may refuse. Answered as the
    /// [`ModuleCommand`] says.
    Modules {
        /// The operator who asked for the change.
        operator: OperatorName,
        /// The change.
        command: ModuleCommand,
        /// What the operator has signed; older overlords do not say it.
        #[serde(with = "crate::message::version::since_six")]
        mandate: Carried,
    },
    /// The overlord goes by other authorities than those that the minion's certificate was made with: ask for another with
    /// [`Notice::Move`], in so many milliseconds. Answered by [`Acknowledged`]. Minions that do not know this end the stream,
    /// and go on as they are.
    Move {
        /// In how many milliseconds to ask.
        in_ms: u64,
    },
}

/// What an operator has signed of what is asked for, where it has.
pub type Carried = Option<Box<SignedMandate>>;

/// What an overlord asks a minion to do with its modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleCommand {
    /// Take this version of a module and make it ready, without putting it into service: answered by
    /// [`Staging`]s. After a [`Staging::Send`] the overlord writes the bytes of the file, as they are, from
    /// there to the end, and ends its side of the stream.
    Stage(Box<Stage>),
    /// Put a version that is staged or kept into service; answered by one [`ModuleAnswer`].
    Activate {
        /// The module.
        name: ModuleName,
        /// SHA-256 of the version's file.
        digest: Digest,
    },
    /// Forget a version that was staged and is not to be put into service; answered by one [`ModuleAnswer`].
    Discard {
        /// The module.
        name: ModuleName,
        /// SHA-256 of the version's file.
        digest: Digest,
    },
    /// Go back to the version that was in service before; answered by one [`ModuleAnswer`].
    Rollback(ModuleName),
    /// Take a module out of service; answered by one [`ModuleAnswer`].
    Remove(ModuleName),
}

impl ModuleCommand {
    /// The module that the command is about.
    pub fn module(&self) -> &ModuleName {
        match self {
            ModuleCommand::Stage(stage) => &stage.name,
            ModuleCommand::Activate { name, .. } | ModuleCommand::Discard { name, .. } => name,
            ModuleCommand::Rollback(name) | ModuleCommand::Remove(name) => name,
        }
    }

    /// The word for the command in logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            ModuleCommand::Stage(_) => "stage",
            ModuleCommand::Activate { .. } => "activate",
            ModuleCommand::Discard { .. } => "discard",
            ModuleCommand::Rollback(_) => "rollback",
            ModuleCommand::Remove(_) => "remove",
        }
    }
}

/// A version of a module that a minion is to make ready, without putting it into service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The module's name.
    pub name: ModuleName,
    /// SHA-256 of its file.
    pub digest: Digest,
    /// The length of the file in bytes.
    pub size: u64,
    /// Its detached signature as text, no larger than [`MAX_SIGNATURE`](crate::signing::MAX_SIGNATURE).
    pub signature: Option<String>,
    /// Whether the operator knows that the version is older than what was in service.
    pub downgrade: bool,
}

/// How a minion takes a version of a module, in the order in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Staging {
    /// The minion has the bytes before this offset already, and needs the rest. Not said where it has them all.
    Send {
        /// The offset of the first byte that it needs.
        from: u64,
    },
    /// The version is in this state now: received, verified or compiling.
    State(ModuleState),
    /// The version is ready to be put into service. The last message.
    Staged(Box<Module>),
    /// The minion does not take the version: the reason as one line that reads on from the minion's name. The last
    /// message.
    Refused(String),
}

/// A minion's answer to a change of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleAnswer {
    /// The change is made.
    Done {
        /// The digest of the version that was in service before; `None` where none was.
        before: Option<Digest>,
        /// The digest of the version that is in service now; `None` where none is.
        now: Option<Digest>,
        /// The version that is in service now, as its metadata spells it.
        version: Option<String>,
    },
    /// Nothing has changed: the reason as one line that reads on from the minion's name.
    Refused(String),
}

/// The answer to [`MinionRequest::Ping`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong;

/// The answer to [`MinionRequest::Cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cancelled {
    /// The job was told to stop.
    Asked,
    /// The job was over already.
    AlreadyOver,
    /// The minion has no record of the job, and never starts it from now on.
    Unknown,
}

/// One thing that happened to a job, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobUpdate {
    /// The minion has recorded the job in this state (never finished: see [`JobUpdate::Finished`]).
    State {
        /// The minion's own id of the job.
        minion_job: MinionJobId,
        /// The state, queued or running.
        state: MinionState,
    },
    /// The job says how far it is. A later report replaces an earlier one.
    Progress(Progress),
    /// The job logged a line.
    Log(LogLine),
    /// A piece of text that the job gives out before its end, at most [`MAX_CHUNK`](super::caps::MAX_CHUNK) bytes.
    Chunk(String),
    /// So many log lines or chunks were left out here because the reader was slower than the job.
    Skipped(u64),
    /// The job is over. The last update. The overlord answers with an [`Acknowledged`] on the same stream once it
    /// has the outcome in its own ledger.
    Finished {
        /// The minion's own id of the job, where it got one.
        minion_job: Option<MinionJobId>,
        /// How the job ended.
        report: Box<Report>,
    },
    /// The minion has no record of the job. The last update.
    Unknown,
}

/// The overlord has the outcome on disk, so the minion may forget it once it is old enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged;

/// What a minion tells an overlord without being asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// The first notice on a new connection. Answered by [`Welcome`].
    Hello(Hello),
    /// The modules are now these. Answered by [`Acknowledged`].
    Modules(Inventory),
    /// The facts are now these, in the form of [`Hello::facts`]. Answered by [`Acknowledged`].
    Facts(String),
    /// Make the next certificate, for the key of this signing request in DER. Answered by
    /// [`Renewal`](super::renewal::Renewal). Not said to overlords of before version 5.
    Renew(Vec<u8>),
    /// The first and only notice on a connection that has no other purpose than to show that the minion has the
    /// certificate that it was given last. Answered by [`Acknowledged`], and from then on the former key is not good
    /// any more. Not said to overlords of before version 5.
    Proof,
    /// Like [`Notice::Renew`], for the certificate that an overlord has asked for with [`MinionRequest::Move`]: it may be of an
    /// authority that is not trusted yet, and comes with what vouches for that.
    Move(Vec<u8>),
}

/// How a minion introduces itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the minion's software.
    pub version: String,
    /// The modules that it can run.
    pub modules: Inventory,
    /// Finished jobs whose outcome was never acknowledged, oldest first, at most
    /// [`MAX_JOBS`](super::caps::MAX_JOBS).
    pub unacknowledged: Vec<JobId>,
    /// What the minion knows of its host: one JSON object as text, at most [`MAX_FACTS`] bytes.
    pub facts: String,
    /// Which of several minions with the same key this is; older minions do not say it.
    #[serde(with = "crate::message::version::since_three")]
    pub instance: Option<Instance>,
}

/// How an overlord greets a minion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The name under which the overlord knows it.
    pub name: MinionName,
    /// The version of the overlord's software.
    pub version: String,
    /// Those of the unacknowledged jobs whose outcome the overlord has, or of which it knows nothing: the minion
    /// need not keep their outcomes for the overlord any longer.
    pub settled: Vec<JobId>,
    /// In how many milliseconds the minion is to ask for its next certificate; `None` where the overlord is older and
    /// makes none.
    #[serde(with = "crate::message::version::since_five")]
    pub renew_in_ms: Option<u64>,
    /// The pause in milliseconds between two signs of life that the overlord wants of the minion; `None` where the overlord is
    /// older and leaves that to it.
    #[serde(with = "crate::message::version::since_seven")]
    pub heartbeat_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_module_says_which_one_and_what_it_is() {
        let name: ModuleName = "disk".parse().expect("a name");
        let digest = Digest::of(b"");
        let stage = Stage { name: name.clone(), digest, size: 1, signature: None, downgrade: false };
        for (command, word) in [
            (ModuleCommand::Stage(Box::new(stage)), "stage"),
            (ModuleCommand::Activate { name: name.clone(), digest }, "activate"),
            (ModuleCommand::Discard { name: name.clone(), digest }, "discard"),
            (ModuleCommand::Rollback(name.clone()), "rollback"),
            (ModuleCommand::Remove(name.clone()), "remove"),
        ] {
            assert_eq!((command.module(), command.as_str()), (&name, word));
        }
    }
}
