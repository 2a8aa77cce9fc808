//! From a call to an accepted job.

use ledger::JobRecord;
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::message::call::Share;
use wire::message::job::{JobId, MinionState, OutcomeKind};
use wire::message::link::Carried;
use wire::message::operator::{Call, Part, Refusal, RefusalKind, Rerun};
use wire::name::{MinionName, OperatorName};
use wire::value::arguments::Arguments;
use wire::value::arguments::bind;
use wire::value::method::OneMethod;

use super::{Follower, Jobs, durability};
use crate::mandates;
use crate::refusals::{cannot_record, unavailable};
use crate::targets::check_width;

/// How a job is run again.
pub(crate) struct Again {
    /// On which of its minions.
    pub(crate) on: Rerun,
    /// Whether the operator knows that it goes to many minions.
    pub(crate) confirmed: bool,
    /// For how long a minion that is out of touch keeps its place in the batch; as before where nothing is said.
    pub(crate) patience_ms: Option<u64>,
    /// What the operator has signed of the new job.
    pub(crate) mandate: Carried,
}

impl Jobs {
    /// Accepts a call to these minions, which its target means, if it passes everything that can be checked here.
    pub(crate) async fn accept(
        &self,
        call: Call,
        mandate: Carried,
        targets: Vec<MinionName>,
        operator: &OperatorName,
    ) -> Result<Follower, Refusal> {
        check_settings(&call)?;
        mandates::check_call(&mandate, &call, operator)?;
        let matches = format!("\"{}\" matches", call.target.expression);
        check_width(self.config().confirm_above, &matches, targets.len(), call.confirmed)?;
        let methods = self.registry().methods(&targets, &call.method)?;
        let bound = check_arguments(&call, &methods)?;
        // What was signed are the arguments as they were given.
        let arguments = if mandate.is_some() { call.arguments } else { bound };
        let now = now_ms();
        let record = JobRecord {
            id: self.0.ids.next(),
            accepted_at: now,
            operator: operator.clone(),
            target: call.target.expression,
            exclude: call.target.exclude,
            targets,
            method: call.method,
            arguments,
            timeout_ms: call.timeout_ms,
            queue_until: call.queue_ms.map(|queue| now.saturating_add(queue)),
            dry_run: call.dry_run,
            durable: call.durable,
            batch: call.batch,
            max_failures: call.max_failures,
            rerun_of: None,
            patience_ms: call.patience_ms,
            mandate,
        };
        self.begin(record, &methods).await
    }

    /// Makes a new job of an old one, with the same call; on all its minions, or on those that failed.
    pub(crate) async fn rerun(
        &self,
        id: JobId,
        Again { on, confirmed, patience_ms, mandate }: Again,
        operator: &OperatorName,
    ) -> Result<Follower, Refusal> {
        // Its outcomes are of no interest, only what they are.
        let old = self.ledger().document_up_to(id, 0).await.map_err(unavailable)?;
        let (old, _) =
            old.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("no such job: {id}")))?;
        let again = |part: &Part| match on {
            Rerun::All => true,
            Rerun::Failed => part.state.and_then(MinionState::outcome) != Some(OutcomeKind::Ok),
        };
        let targets: Vec<MinionName> = old.parts.into_iter().filter(again).map(|part| part.minion).collect();
        if !old.state.is_over() || targets.is_empty() {
            let why = if targets.is_empty() { "every outcome of it is ok" } else { "it is not over" };
            let message = format!("job {} is not run again: {why}", old.job);
            return Err(Refusal::new(RefusalKind::BadRequest, message));
        }
        let gone = || Refusal::new(RefusalKind::NotFound, format!("no such job: {}", old.job));
        let record = self.ledger().job(old.job).await.map_err(unavailable)?.ok_or_else(gone)?;
        mandates::check_rerun(&mandate, &record, operator)?;
        let again = format!("job {} again goes to", old.job);
        check_width(self.config().confirm_above, &again, targets.len(), confirmed)?;
        let now = now_ms();
        let queue = |until: u64| now.saturating_add(until.saturating_sub(record.accepted_at));
        // A method that the minions have lost since is no reason to refuse: they say so themselves.
        let methods = self.registry().methods(&targets, &record.method).unwrap_or_default();
        let record = JobRecord {
            id: self.0.ids.next(),
            accepted_at: now,
            operator: operator.clone(),
            targets,
            queue_until: record.queue_until.map(queue),
            rerun_of: Some(record.id),
            patience_ms: patience_ms.or(record.patience_ms),
            mandate,
            ..record
        };
        self.begin(record, &methods).await
    }

    /// Writes a job and its targets to the ledger, and only then sends anything. What cannot be written into the audit
    /// log is not done; that log leaves out the arguments that these methods mark as secret.
    async fn begin(&self, record: JobRecord, methods: &[OneMethod]) -> Result<Follower, Refusal> {
        self.audit().call(&record, methods).map_err(|error| cannot_record("the job", &error))?;
        let jobs = self.clone();
        // A task of its own: an operator who leaves halfway leaves no job in the ledger that nobody sends.
        let begun = self.0.tasks.spawn_whole(async move {
            let job = jobs.0.live.enter(record, Vec::new());
            let id = job.record.id;
            reach(Point::AcceptBefore);
            let written = jobs.ledger().accept(job.record.clone(), durability(job.record.durable)).await;
            if let Err(error) = written {
                jobs.0.live.leave(id);
                return Err(cannot_record("the job", &error));
            }
            reach(Point::AcceptAfter);
            // Before it is sent, so that nothing is said unheard.
            let follower = Follower::of(job.clone());
            jobs.dispatch(&job);
            Ok(follower)
        });
        begun.await.unwrap_or_else(|error| Err(cannot_record("the job", &error)))
    }
}

/// Refuses settings that would do nothing, or something else than they say.
fn check_settings(call: &Call) -> Result<(), Refusal> {
    let Call { batch, max_failures, timeout_ms, queue_ms, .. } = call;
    let none = |share: Option<Share>| share.is_some_and(Share::is_none);
    let message = match () {
        () if none(*batch) => "a batch of no minions reaches nobody: let it have one at least",
        () if none(*max_failures) => {
            "a limit of no failures reaches nobody: with one, the first failure is the last"
        }
        () if max_failures.is_some() && batch.is_none() => {
            "a limit of failures does nothing without a batch: say how many minions have the job at once"
        }
        () if *timeout_ms == Some(0) => {
            "a timeout of no time lets nothing run: let it be a millisecond at least"
        }
        () if *queue_ms == Some(0) => "a call that is kept for no time is not kept: leave that out",
        () => return Ok(()),
    };
    Err(Refusal::new(RefusalKind::BadRequest, message))
}

/// The arguments as they travel: as values where all targets have the method alike, as they were given where
/// minions must decide for themselves. Refuses what fits none of the signatures.
fn check_arguments(call: &Call, methods: &[OneMethod]) -> Result<Arguments, Refusal> {
    let module = &call.method.module;
    let refused = |message: String| Refusal::new(RefusalKind::BadRequest, message);
    let mut bound = Vec::new();
    let mut first_error = None;
    for method in methods {
        let method = method.signature();
        if let Some(reason) = &method.not_callable {
            let message = format!("{} cannot be called from outside: {reason}", call.method);
            first_error = first_error.or(Some(message));
            continue;
        }
        match bind(method, module, &call.arguments) {
            Ok(values) => bound.push(values),
            Err(error) => first_error = first_error.or(Some(error.to_string())),
        }
    }
    match (bound.pop(), first_error) {
        (Some(values), None) if methods.len() == 1 => Ok(Arguments::Values(values)),
        (None, Some(error)) => Err(refused(error)),
        _ => Ok(call.arguments.clone()),
    }
}
