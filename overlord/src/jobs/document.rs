//! What the ledger and the live jobs say of a job, put together for an operator.

use std::collections::HashSet;

use ledger::PartRecord;
use wire::document::redaction;
use wire::message::job::{JobId, MinionJobId, MinionState};
use wire::message::operator::{History, JobDocument, JobFilter, JobSummary, Refusal, RefusalKind};
use wire::name::MinionName;
use wire::value::arguments::Arguments;
use wire::value::method::OneMethod;

use super::Jobs;
use crate::refusals::unavailable;

impl Jobs {
    /// Some of the jobs whose ids begin like this.
    pub(crate) async fn beginning_with(&self, prefix: &str) -> Result<Vec<JobId>, Refusal> {
        if prefix.is_empty() {
            let message = "no job has an empty id: see `overlord job list`";
            return Err(Refusal::new(RefusalKind::BadRequest, message));
        }
        self.ledger().by_prefix(prefix).await.map_err(unavailable)
    }

    /// Everything that is known of a job.
    pub(crate) async fn document(&self, id: JobId) -> Result<JobDocument, Refusal> {
        self.document_without(id, &HashSet::new()).await
    }

    /// Everything that is known of a job, without the reports of minions that are `told` of already.
    pub(crate) async fn document_without(
        &self,
        id: JobId,
        told: &HashSet<MinionName>,
    ) -> Result<JobDocument, Refusal> {
        let found = self.ledger().document_without(id, told, MAX_DOCUMENT).await.map_err(unavailable)?;
        let (mut document, left_out) = found.ok_or_else(|| lost(id))?;
        if left_out > 0 {
            let message = format!(
                "the outcomes of job {id} take more than {MAX_DOCUMENT} bytes of memory, {left_out} of them did not fit: \
                 call it on fewer minions, and take outcomes as they come with --jsonl"
            );
            return Err(Refusal::new(RefusalKind::BadRequest, message));
        }
        self.show_arguments(&mut document).await?;
        if let Some(live) = self.live(id).await.map_err(unavailable)? {
            // How far a part is changes too often for the ledger.
            for part in &mut document.parts {
                part.progress = live.progress(&part.minion);
                part.absence = live.absence(&part.minion);
            }
        }
        Ok(document)
    }

    /// Puts the arguments into a document, without what the method says is secret.
    async fn show_arguments(&self, document: &mut JobDocument) -> Result<(), Refusal> {
        let Some(asked) = &mut document.asked else { return Ok(()) };
        let arguments = self.ledger().arguments(document.job).await.map_err(unavailable)?;
        asked.arguments = arguments.map(|arguments| {
            if matches!(&arguments, Arguments::Values(values) if values.is_empty()) {
                return "{}".to_owned();
            }
            let minions: Vec<MinionName> = document.parts.iter().map(|part| part.minion.clone()).collect();
            // Where nobody has the method any more, nobody knows which of them it calls secret.
            let methods = self.registry().methods(&minions, &document.method).unwrap_or_default();
            let methods: Vec<_> = methods.iter().map(OneMethod::signature).collect();
            let module = &document.method.module;
            redaction::within_known(&methods, module, &arguments, MAX_ARGUMENTS).to_string()
        });
        Ok(())
    }

    /// The minions whose parts are over, by name, each with its own id of that; none where the job is unknown.
    pub(crate) async fn ended(&self, id: JobId) -> Result<Vec<(MinionName, Option<MinionJobId>)>, Refusal> {
        let parts = self.ledger().parts(id).await.map_err(unavailable)?;
        let is_over = |part: &PartRecord| part.state.and_then(MinionState::outcome).is_some();
        let over = parts.into_iter().filter(|(_, part)| is_over(part));
        Ok(over.map(|(minion, part)| (minion, part.minion_job)).collect())
    }

    /// A job's recorded transitions.
    pub(crate) async fn history(&self, id: JobId) -> Result<History, Refusal> {
        self.ledger().history(id).await.map_err(unavailable)?.ok_or_else(|| lost(id))
    }

    /// The newest jobs that fit.
    pub(crate) async fn list(&self, filter: &JobFilter, limit: usize) -> Result<Vec<JobSummary>, Refusal> {
        self.ledger().list(filter, limit.min(LIST_LIMIT)).await.map_err(unavailable)
    }
}

/// The only one of the jobs that were found by a beginning of an id.
pub(crate) fn only(prefix: &str, found: &[JobId]) -> Result<JobId, Refusal> {
    match found {
        [] => Err(lost(prefix)),
        [id] => Ok(*id),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let message = format!("\"{prefix}\" is the beginning of several jobs: {}", ids.join(", "));
            Err(Refusal::new(RefusalKind::BadRequest, message))
        }
    }
}

fn lost(job: impl std::fmt::Display) -> Refusal {
    let message = format!("no such job: \"{job}\" is unknown, or was purged; see `overlord job list`");
    Refusal::new(RefusalKind::NotFound, message)
}

/// How much memory the outcomes of one job may take in an answer.
const MAX_DOCUMENT: usize = 128 << 20;

/// How many bytes of a job's arguments an answer has at most.
const MAX_ARGUMENTS: usize = 64 << 10;

/// The longest list of jobs that is put into one answer.
pub(crate) const LIST_LIMIT: usize = 10_000;
