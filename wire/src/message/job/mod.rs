//! What a job is called ([`JobId`]) and how far it is ([`JobState`]).

mod id;
mod state;

pub use self::id::{BadId, JobId, MinionJobId};
pub use self::state::{JobState, MinionState, OutcomeKind};
