//! What an operator and an overlord say to each other of modules that are pushed, kept and assigned.
//!
//! Where the overlord has not all bytes of a file yet it says so by [`ModuleReply::Send`], and the operator
//! writes the bytes behind its request, as they are, from there to the end.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::document::job::Absence;
use crate::message::module::ModuleState;
use crate::message::target::{Lenience, Target};
use crate::name::{MinionName, ModuleName, OperatorName};

/// The largest file of a module that an overlord keeps, in bytes: minions take none that is larger.
pub const MAX_FILE: u64 = 64 << 20;

/// What an operator asks of an overlord's modules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModuleRequest {
    /// Keep this file. Answered by `Send` where bytes are missing, then by `Kept`.
    Add(Offer),
    /// Keep this file, and put it into service on the minions that match. Answered like `Add`, then by
    /// `Began`, by `Step`s and one `Ended` for each minion, and by `Over`.
    Push {
        /// The file.
        offer: Offer,
        /// Where to.
        target: Target,
        /// What holds for all of them.
        options: PushOptions,
    },
    /// Take a module out of service. Answered by `Began`, one `Ended` for each minion, and `Over`.
    Remove {
        /// Where.
        target: Target,
        /// Which module.
        name: ModuleName,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
    },
    /// Go back to the version that was in service before. Answered like `Remove`.
    Rollback {
        /// Where.
        target: Target,
        /// Which module.
        name: ModuleName,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
    },
    /// What is kept, all of it or under one name. Answered by `Catalogue`.
    Catalogue(Option<ModuleName>),
    /// Let every minion that matches, now or later, have this version in service. Answered by `Assigned`.
    Assign {
        /// The target expression.
        expression: String,
        /// Which module.
        name: ModuleName,
        /// Which of the versions that are kept: its version, or a beginning of its digest.
        version: String,
        /// Whether the operator knows that the target is wide.
        confirmed: bool,
        /// What is let pass of those that match now.
        #[serde(with = "crate::message::version::since_three")]
        lenience: Lenience,
    },
    /// Take an assignment back, which leaves what minions have in service as it is until an older one that matches
    /// brings its version at their next connection. Answered by `Unassigned`.
    Unassign {
        /// The target expression, as it was assigned.
        expression: String,
        /// Which module.
        name: ModuleName,
    },
    /// All assignments. Answered by `Assignments`.
    Assignments,
    /// Call off the push of this module that is under way, by whomever. Answered by `Cancelled`.
    CancelPush(ModuleName),
    /// Take this module from whoever changes it and does not come to an end. Answered by `Released`.
    Release(ModuleName),
}

/// A module's file that an operator has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Under which name.
    pub name: ModuleName,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// How many bytes it has, no more than [`MAX_FILE`].
    pub size: u64,
    /// Its detached signature as text, no larger than [`MAX_SIGNATURE`](crate::signing::MAX_SIGNATURE).
    pub signature: Option<String>,
}

/// What holds for a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushOptions {
    /// Where it goes into service if some minions do not take it.
    pub unless_all: UnlessAll,
    /// Whether the operator knows that it is older than what is in service.
    pub downgrade: bool,
    /// Whether the operator knows that the target is wide.
    pub confirmed: bool,
}

/// Where a version goes into service if some minions do not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnlessAll {
    /// Nowhere.
    Nowhere,
    /// On those that have taken it.
    Partial,
}

/// What an overlord answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModuleReply {
    /// The bytes from this offset on are missing.
    Send {
        /// The offset of the first one.
        from: u64,
    },
    /// The file is in the catalogue.
    Kept(Box<KeptModule>),
    /// It goes to these minions.
    Began(Vec<MinionName>),
    /// How far a minion is. Later ones replace earlier ones.
    Step {
        /// Which minion.
        minion: MinionName,
        /// How far.
        step: Step,
    },
    /// What became of it on a minion.
    Ended(Box<ModuleResult>),
    /// Something that the operator should know.
    Note(String),
    /// All minions have ended. Nothing follows.
    Over,
    /// What is kept: by name, the newest first.
    Catalogue(Vec<KeptModule>),
    /// The assignment is recorded.
    Assigned {
        /// What it says.
        assignment: Box<Assignment>,
        /// The minions that match now.
        minions: Vec<MinionName>,
        /// Those of them that are connected, which get it at once.
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
    /// This push is called off; what becomes of it on each minion, its followers hear.
    Cancelled(Box<Claimed>),
    /// The module was taken from this change of it.
    Released(Box<Claimed>),
    /// Who is out of touch now, of those that have not ended. Replaces what was said before; not said to peers of before
    /// version 3.
    OutOfTouch {
        /// The minions.
        minions: Vec<(MinionName, Absence)>,
        /// Whether nothing goes on without them: all others have ended, or are ready and wait for them.
        hold_up: bool,
    },
}

/// A change of a module that is, or was, under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Which module.
    pub name: ModuleName,
    /// Who changes it.
    pub operator: OperatorName,
    /// What happens to it, as in "it is being": `pushed`, `brought`, `removed`, `rolled back`.
    pub doing: String,
    /// Since when, in milliseconds since 1970.
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
    /// How many bytes its file has.
    pub size: u64,
    /// Its detached signature as text.
    pub signature: Option<String>,
    /// Who brought it last.
    pub pushed_by: OperatorName,
    /// When, in milliseconds since 1970.
    pub pushed_at: u64,
}

/// How far a minion is with a version that it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// It was sent so many bytes of its file.
    Bytes(u64),
    /// The version is in this state there.
    State(ModuleState),
    /// Its connection broke, and its return is waited for.
    Awaited,
}

/// What became of a change of a module on one minion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleResult {
    /// Which minion.
    pub minion: MinionName,
    /// What became of it.
    pub became: Became,
    /// The version in the metadata of what was pushed or is in service now.
    pub version: Option<String>,
    /// What was in service before.
    pub before: Option<Digest>,
    /// What is in service now, as far as that is known.
    pub now: Option<Digest>,
    /// Why it did not go well, or what is to be known of it: one line.
    pub reason: Option<String>,
}

/// What became of a change of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Became {
    /// It is in service.
    Active,
    /// The module is out of service.
    Removed,
    /// The minion was ready, and others were not.
    Staged,
    /// It was not sent, because others could not have it.
    NotSent,
    /// The minion is not connected.
    NotConnected,
    /// The minion refused.
    Failed,
    /// The minion was lost before it had answered, and may have done it.
    Unknown,
}

impl Became {
    /// The word for it in JSON and logs.
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

    /// Whether it is what the operator wanted.
    pub fn is_well(self) -> bool {
        matches!(self, Became::Active | Became::Removed)
    }
}

/// The version of a module that the minions of an expression are to have in service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The target expression.
    pub expression: String,
    /// Which module.
    pub name: ModuleName,
    /// SHA-256 of the version's file.
    pub digest: Digest,
    /// The version in its metadata, if it has one.
    pub version: Option<String>,
    /// Who assigned it.
    pub assigned_by: OperatorName,
    /// When, in milliseconds since 1970.
    pub assigned_at: u64,
    /// Its place in the order of assignments: of several that match, the highest holds.
    pub place: u64,
}

/// An assignment, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentStatus {
    /// What it says.
    pub assignment: Assignment,
    /// How many minions match, and have no newer assignment of the module.
    pub minions: usize,
    /// How many of them have the version in service, as they last said.
    pub active: usize,
    /// The minions that did not take it, and why.
    pub failures: Vec<(MinionName, String)>,
    /// Why it means nobody: its expression cannot be followed any more.
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
    }
}
