//! What a job is called ([`id`]) and how far it is ([`state`]).

mod id;
mod state;

pub use self::id::{BadId, JobId, MinionJobId};
pub use self::state::{JobState, MinionState, OutcomeKind};
