//! The ledger of an overlord: its jobs, the minions that it knows, and the modules that it keeps.
//!
//! [`OverlordLedger`] is the list of all that can be asked; the other files here are what it takes and gives. How it is
//! done with the database that this process has to itself is in `operations/`.

mod certificate;
mod enrolment;
mod job;
mod ledger;
mod minion;
mod operations;
mod operator;

pub(crate) use operations::{Modules, reindex};

pub use certificate::{Certificates, Holding, Issued, SeenKey};
pub use enrolment::{
    Answer, GlobInvite, Invitations, Invite, InviteError, Invited, Made, Revocation, WaitingHost,
};
pub use job::{GiveUp, JobRecord, PartMoved, PartRecord};
pub use ledger::{OverlordLedger, Storage};
pub use minion::{Attempt, HeardFacts, MinionRecord, Standing, Tenure};
pub use operator::{OperatorInvite, OperatorInviteError, OperatorRecord, Renewed};
