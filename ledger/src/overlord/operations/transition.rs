//! The history of a job: its transitions, in the order in which they were recorded.

use wire::message::job::{JobId, JobState, MinionState};
use wire::message::operator::Transition;
use wire::name::MinionName;

use super::records::StoredTransition;
use super::tally::{self, Tally};
use crate::draft::Draft;
use crate::key::{self, Span};
use crate::read::Read;

/// Adds a transition in its place in the order.
pub(super) fn record(
    draft: &Draft<'_>,
    job: JobId,
    tally: &mut Tally,
    at: u64,
    job_state: JobState,
    part: Option<(MinionName, MinionState)>,
) -> Transition {
    let seq = tally.take_seq();
    let transition = StoredTransition { at, job_state, part };
    tally.add_bytes(draft.put_record(key::of_job(job, &seq.to_be_bytes()), &transition));
    transition.at_place(seq)
}

/// The job's transitions, in their order.
pub(crate) fn all(source: &impl Read, id: JobId) -> Vec<Transition> {
    let rows = source.records::<StoredTransition>(Span::prefix(&id.to_bytes()));
    rows.filter_map(|(key, transition)| Some(transition.at_place(tally::seq_of(&key)?))).collect()
}
