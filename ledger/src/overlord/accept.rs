//! Taking on a job.

use wire::message::job::JobId;
use wire::message::operator::Transition;
use wire::name::MinionName;

use super::ledger::OverlordLedger;
use super::part::record_transition;
use super::records::{Head, JobRecord, StoredPatience};
use super::tally::Tally;
use crate::changed::Changed;
use crate::draft::Draft;
use crate::durability::{Durability, Purpose};
use crate::error::LedgerError;
use crate::key;
use crate::read::Read;
use crate::space::Space;

impl OverlordLedger {
    /// Records a job with its targets, its place in all indexes and its first transition, all or nothing.
    ///
    /// An id that is there already changes nothing.
    pub async fn accept(
        &self,
        job: JobRecord,
        durability: Durability,
    ) -> Result<Changed<Transition>, LedgerError> {
        self.engine.write(Purpose::Begin, durability, move |draft| accept(draft, job)).await
    }
}

fn accept(draft: &Draft<'_>, job: JobRecord) -> Result<Changed<Transition>, LedgerError> {
    let (id, at) = (job.id, job.accepted_at);
    if draft.has(Space::Jobs, &key::of_job(id, &[]))? {
        return Ok(Changed::No);
    }
    let patience = job.patience_ms.map(StoredPatience);
    let (head, arguments, targets) = Head::split(job);
    let mut tally = Tally::new(at, head.targets);
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &arguments));
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &targets));
    tally.add_bytes(draft.put_record(key::of_job(id, &[]), &head));
    if let Some(patience) = patience {
        tally.add_bytes(draft.put_record(key::of_job(id, &[]), &patience));
    }
    for (space, name) in names(&head, &targets.0) {
        draft.mark(space, key::by_name(name, id));
    }
    let job_state = tally.state();
    let transition = record_transition(draft, id, &mut tally, at, job_state, None);
    tally.put(draft, id, at);
    Ok(Changed::Yes(transition))
}

/// The names that a job is listed under, each with its index.
pub(super) fn names<'a>(head: &'a Head, targets: &'a [MinionName]) -> impl Iterator<Item = (Space, &'a str)> {
    let by_target = targets.iter().map(|minion| (Space::ByTarget, minion.as_str()));
    by_target
        .chain([(Space::ByOperator, head.operator.as_str()), (Space::ByModule, head.method.module.as_str())])
}

/// Whether the job was aimed at this minion.
pub(super) fn is_target(source: &impl Read, job: JobId, minion: &str) -> Result<bool, LedgerError> {
    source.has(Space::ByTarget, &key::by_name(minion, job))
}
