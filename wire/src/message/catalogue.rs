//! What an operator and an overlord say to each other of modules that are pushed, kept and assigned. All of it
//! travels inside [`OperatorRequest::Module`](crate::message::operator::OperatorRequest::Module) and
//! [`OperatorReply::Module`](crate::message::operator::OperatorReply::Module).
//!
//! Where the overlord has not all bytes of a file yet it says so by [`ModuleReply::Send`], and the operator writes
//! the bytes behind its request, as they are, from there to the end.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::document::job::Absence;
use crate::message::module::ModuleState;
use crate::message::target::{Lenience, Target};
use crate::name::{MinionName, ModuleName, OperatorName};

/// The largest file of a module that an overlord keeps, in bytes: minions take none that is larger.
pub const MAX_FILE: u64 = 64 << 20;

/// What an operator asks to be done with the modules of an overlord and its minions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModuleRequest {
    /// Keep this file. Answered by `Send` where bytes are missing, then by `Kept`.
    Add(Offer),
    /// Keep this file, and put it into service on the minions that match. Answered like `Add`, then by
    /// `Began`, by `Step`s and one `Ended` for each minion, and by `Over`.
    Push {
        /// The file.
        offer: Offer,
        /// The minions that it goes to.
        target: Target,
        /// What holds for all of these minions.
        options: PushOptions,
    },
    /// Take a module out of service. Answered by `Began`, one `Ended` for each minion, and `Over`.
    Remove {
        /// The minions that lose it.
        target: Target,
        /// The module.
        name: ModuleName,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
    },
    /// Go back to the version that was in service before. Answered like `Remove`.
    Rollback {
        /// The minions that go back.
        target: Target,
        /// The module.
        name: ModuleName,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
    },
    /// Which versions are kept, all of them or those under one name? Answered by `Catalogue`.
    Catalogue(Option<ModuleName>),
    /// Let every minion that matches, now or later, have this version in service. Answered by `Assigned`.
    Assign {
        /// The target expression.
        expression: String,
        /// The module.
        name: ModuleName,
        /// The version, of those that are kept: as its metadata spells it, or a beginning of its digest.
        version: String,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
        /// What is let pass where the expression is not wholly understood now.
        #[serde(with = "crate::message::version::since_three")]
        lenience: Lenience,
    },
    /// Take an assignment back, which leaves what minions have in service as it is until an older one that matches
    /// brings its version at their next connection. Answered by `Unassigned`.
    Unassign {
        /// The target expression, as it was assigned.
        expression: String,
        /// The module.
        name: ModuleName,
    },
    /// Which assignments are there? Answered by `Assignments`.
    Assignments,
    /// Call off the push of this module that is under way, whoever began it. Answered by `Cancelled`.
    CancelPush(ModuleName),
    /// Take this module from a change that does not come to an end, whoever began that. Answered by `Released`.
    Release(ModuleName),
}

/// A module's file that an operator has and offers to an overlord.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The name that the module is to have.
    pub name: ModuleName,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// The length of the file in bytes, no more than [`MAX_FILE`].
    pub size: u64,
    /// Its detached signature as text, no larger than [`MAX_SIGNATURE`](crate::signing::MAX_SIGNATURE).
    pub signature: Option<String>,
}

/// What holds for a push on all minions that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushOptions {
    /// Where the version goes into service if some minions do not take it.
    pub unless_all: UnlessAll,
    /// Whether the operator knows that the version is older than what is in service.
    pub downgrade: bool,
    /// Whether the operator knows that the target is wide.
    pub confirmed: bool,
}

/// Where a version goes into service if some minions do not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnlessAll {
    /// Nowhere.
    Nowhere,
    /// On those minions that have taken it.
    Partial,
}

/// What an overlord answers to a [`ModuleRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModuleReply {
    /// The overlord lacks the bytes of the file from this offset on.
    Send {
        /// The offset of the first one.
        from: u64,
    },
    /// The file is in the catalogue.
    Kept(Box<KeptModule>),
    /// The change goes to these minions.
    Began(Vec<MinionName>),
    /// How far a minion is. A later step of the same minion replaces an earlier one.
    Step {
        /// Which minion.
        minion: MinionName,
        /// How far.
        step: RolloutStep,
    },
    /// What became of the change on a minion.
    Ended(Box<ModuleResult>),
    /// Something that the operator should know, as one line for people.
    Note(String),
    /// The change has ended on all minions. Nothing follows.
    Over,
    /// The versions that are kept: by name, the newest first.
    Catalogue(Vec<KeptModule>),
    /// The assignment is recorded.
    Assigned {
        /// What it says.
        assignment: Box<Assignment>,
        /// The minions that match now.
        minions: Vec<MinionName>,
        /// Those of these minions that are connected, which get the version at once.
        connected: Vec<MinionName>,
    },
    /// The assignment is taken back.
    Unassigned {
        /// What it said.
        assignment: Box<Assignment>,
        /// The older ones that hold in its place for minions that are enrolled now, the newest first.
        instead: Vec<Assignment>,
    },
    /// All assignments: by name, the newest first, which is the one that holds where several match.
    Assignments(Vec<AssignmentStatus>),
    /// This push is called off. What becomes of it on each minion is said to the operator who follows it.
    Cancelled(Box<OngoingChange>),
    /// The module was taken from this change.
    Released(Box<OngoingChange>),
    /// The minions that are out of touch now, of those on which the change has not ended. Replaces what was said
    /// before; not said to peers of before version 3.
    OutOfTouch {
        /// These minions, by name, with since when.
        minions: Vec<(MinionName, Absence)>,
        /// Whether the change waits for these minions alone: on all others it has ended, or they are ready and
        /// wait.
        hold_up: bool,
    },
}

/// A change of a module that is, or was, under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OngoingChange {
    /// Which module.
    pub name: ModuleName,
    /// The operator who changes it.
    pub operator: OperatorName,
    /// What happens to it, as in "it is being": `pushed`, `brought`, `removed`, `rolled back`.
    pub doing: String,
    /// When the change began, in milliseconds since 1970.
    pub since: u64,
}

/// A version of a module in an overlord's catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptModule {
    /// Its name.
    pub name: ModuleName,
    /// SHA-256 of its file.
    pub digest: Digest,
    /// The version in the component's metadata, if it has one.
    pub version: Option<String>,
    /// The length of its file in bytes.
    pub size: u64,
    /// Its detached signature as text.
    pub signature: Option<String>,
    /// The operator who brought it last.
    pub pushed_by: OperatorName,
    /// When that was, in milliseconds since 1970.
    pub pushed_at: u64,
}

/// How far a minion is with a version that it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStep {
    /// The minion was sent so many bytes of the file.
    Bytes(u64),
    /// The version is in this state on the minion.
    State(ModuleState),
    /// The minion's connection broke, and its return is waited for.
    Awaited,
}

/// What became of a change of a module on one minion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleResult {
    /// Which minion.
    pub minion: MinionName,
    /// What became of the change.
    pub became: Became,
    /// The version in the metadata of what was pushed or is in service now.
    pub version: Option<String>,
    /// The digest of the version that was in service before; `None` where none was, or the minion did not say.
    pub before: Option<Digest>,
    /// The digest of the version that is in service now, as far as that is known.
    pub now: Option<Digest>,
    /// Why the change failed, or what else is to be known of it: one line.
    pub reason: Option<String>,
}

/// What became of a change of a module on one minion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Became {
    /// The version is in service.
    Active,
    /// The module is out of service.
    Removed,
    /// The minion was ready to put the version into service, and did not, because other minions were not ready.
    Staged,
    /// The version was not sent to the minion, because other minions could not have it.
    NotSent,
    /// The minion is not connected.
    NotConnected,
    /// The minion refused.
    Failed,
    /// The minion was lost before it had answered, and may have made the change.
    Unknown,
}

impl Became {
    /// The word for it in JSON and logs, as `not-sent`.
    pub fn as_str(self) -> &'static str {
        match self {
            Became::Active => "active",
            Became::Removed => "removed",
            Became::Staged => "staged",
            Became::NotSent => "not-sent",
            Became::NotConnected => "not-connected",
            Became::Failed => "failed",
            Became::Unknown => "unknown",
        }
    }

    /// Whether it is what the operator wanted: the version is in service, or the module is out of it.
    pub fn is_well(self) -> bool {
        matches!(self, Became::Active | Became::Removed)
    }
}

/// The version of a module that the minions of an expression are to have in service, now and whenever they
/// connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The target expression, as it was given.
    pub expression: String,
    /// Which module.
    pub name: ModuleName,
    /// SHA-256 of the version's file.
    pub digest: Digest,
    /// The version in its metadata, if it has one.
    pub version: Option<String>,
    /// The operator who assigned it.
    pub assigned_by: OperatorName,
    /// When that was, in milliseconds since 1970.
    pub assigned_at: u64,
    /// Its place in the order of assignments: of several of a module that match a minion, the highest holds.
    pub place: u64,
}

/// An assignment, and how far the minions are with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentStatus {
    /// What it says.
    pub assignment: Assignment,
    /// How many enrolled minions match, and have no newer assignment of the module.
    pub minions: usize,
    /// How many of them have the version in service, as they last said.
    pub active: usize,
    /// The minions that did not take it, each with why.
    pub failures: Vec<(MinionName, String)>,
    /// Why it holds for nobody: its expression cannot be resolved any more. `None` where it can.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_wanted_counts_as_well() {
        let all = [
            Became::Active,
            Became::Removed,
            Became::Staged,
            Became::NotSent,
            Became::NotConnected,
            Became::Failed,
            Became::Unknown,
        ];
        let well: Vec<&str> = all.into_iter().filter(|one| one.is_well()).map(Became::as_str).collect();
        assert_eq!(well, ["active", "removed"]);
        let words = ["active", "removed", "staged", "not-sent", "not-connected", "failed", "unknown"];
        assert_eq!(all.map(Became::as_str), words);
    }
}
