//! Giving parts of a job up: nobody waits for them any more, and what their minions say later is recorded beside that.

use std::sync::Arc;

use ledger::{GiveUp, LedgerError};
use machine::clock::now_ms;
use machine::failpoint::{Point, reach};
use wire::message::job::JobId;
use wire::message::operator::{GivingUp, Refusal, RefusalKind};
use wire::message::outcome::{FailureKind, Outcome, Report};
use wire::name::{MinionName, OperatorName};

use super::live_job::{After, LiveJob};
use super::part::Delivery;
use super::{Jobs, durability};
use crate::refusals::{cannot_record, unavailable};

impl Jobs {
    /// Gives up the parts that are not over of these minions, or of all that are out of touch where nobody is named.
    pub(crate) async fn give_up(
        &self,
        id: JobId,
        only: Option<&[MinionName]>,
        operator: &OperatorName,
    ) -> Result<GivingUp, Refusal> {
        let refused = |message| Err(Refusal::new(RefusalKind::BadRequest, message));
        let job = self.still_live(id).await?;
        let open = job.open_parts();
        let is_meant = |minion: &&MinionName| match only {
            Some(only) => only.contains(minion),
            None => job.absence(minion).is_some(),
        };
        let minions: Vec<MinionName> = open.iter().filter(is_meant).cloned().collect();
        if minions.is_empty() {
            return refused(nothing_to_give_up(id, &open, only));
        }
        let (jobs, operator) = (self.clone(), operator.clone());
        // A task of its own: an operator who leaves halfway leaves no part that is recorded and goes on.
        let given_up =
            self.0.tasks.spawn_whole(async move { jobs.give_up_parts(job, minions, &operator).await });
        given_up.await.unwrap_or_else(|error| Err(cannot_record("that the job is given up", &error)))
    }

    async fn give_up_parts(
        &self,
        job: Arc<LiveJob>,
        minions: Vec<MinionName>,
        operator: &OperatorName,
    ) -> Result<GivingUp, Refusal> {
        let id = job.record.id;
        let parts: Vec<GiveUp> = minions
            .into_iter()
            .map(|minion| {
                let sent = !job.withhold(&minion);
                GiveUp { report: report(sent, &minion, operator), minion, sent }
            })
            .collect();
        let durability = durability(job.record.durable);
        reach(Point::GiveUpBefore);
        let written = self.ledger().give_up(id, parts.clone(), operator.clone(), now_ms(), durability).await;
        let given_up = match written {
            Ok(given_up) => given_up,
            Err(error) => {
                parts.iter().for_each(|part| job.release(&part.minion));
                return Err(unavailable(error));
            }
        };
        reach(Point::GiveUpAfter);
        tracing::info!(job = %id, %operator, minions = given_up.len(), "given up");
        let mut answer = GivingUp { job: id, lost: Vec::new(), never_sent: Vec::new() };
        // A part that is not among them had its outcome before it was given up.
        for part in parts.into_iter().filter(|part| given_up.contains(&part.minion)) {
            let outcome = part.report.outcome.kind();
            job.give_up(&part.minion);
            job.withdraw(&part.minion);
            let report = Some(Arc::new(part.report));
            if job.ended(&part.minion, None, outcome, report) == After::IsOver {
                self.over(&job);
            }
            let names = if part.sent { &mut answer.lost } else { &mut answer.never_sent };
            names.push(part.minion);
        }
        Ok(answer)
    }

    /// Goes on asking for what minions say of parts that were given up before.
    pub(super) async fn resume_given_up(
        &self,
        given_up: Vec<(MinionName, JobId)>,
    ) -> Result<(), LedgerError> {
        for (minion, id) in given_up {
            let job = match self.0.live.find(id) {
                Some(job) => job,
                None => {
                    let Some(record) = self.ledger().job(id).await? else { continue };
                    self.0.live.unlisted(record, self.ledger().parts(id).await?)
                }
            };
            job.give_up_again(&minion);
            if self.ledger().cancelled(id).await?.contains(&minion) {
                job.stop(&minion).want();
            }
            self.spawn_part(job, minion, Delivery::MaybeSent);
        }
        Ok(())
    }
}

/// The outcome of a part that is given up.
fn report(sent: bool, minion: &MinionName, operator: &OperatorName) -> Report {
    let outcome = if sent {
        Outcome::failed(
            FailureKind::Lost,
            format!("given up by {operator}: what became of it on \"{minion}\" is not known"),
        )
    } else {
        Outcome::failed(
            FailureKind::Undelivered,
            format!("never delivered to \"{minion}\": given up by {operator}"),
        )
    };
    Report::without_run(outcome, now_ms())
}

/// Why no part is given up, and what can be done.
fn nothing_to_give_up(id: JobId, open: &[MinionName], only: Option<&[MinionName]>) -> String {
    if only.is_some() {
        return format!("job {id} has no part there that is not over: see `overlord job show {id}`");
    }
    let names: Vec<&str> = open.iter().take(NAMES).map(MinionName::as_str).collect();
    let more = open.len().saturating_sub(NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "no minion of job {id} is out of touch: it waits for {}{more}; stop it there with `overlord job cancel {id}`, or \
         give it up all the same with --target",
        names.join(", ")
    )
}

/// How many minions are named.
const NAMES: usize = 5;
