//! What a job says while it runs, passed on to its feed, to the audit log and to the minion's own log.

use std::sync::Arc;

use wire::message::call::{LogLine, Progress, Start};
use wire::message::job::JobId;
use wire::name::{MethodPath, OperatorName};

use crate::audit::Audit;
use crate::jobs::feed::Feed;
use crate::log_allowance::Allowance;
use crate::sandbox::{Denial, JobEvents};

/// Hears one job, and passes on what it says.
pub(super) struct Events {
    job: JobId,
    method: MethodPath,
    operator: OperatorName,
    feed: Arc<Feed>,
    audit: Arc<Audit>,
    /// How much the job may still cause to be written into the audit log.
    audited: Allowance,
    /// How much the job may still cause to be written into the minion's own log.
    logged: Allowance,
}

impl Events {
    pub(super) fn new(start: &Start, feed: Arc<Feed>, audit: Arc<Audit>) -> Self {
        let (method, operator) = (start.method.clone(), start.operator.clone());
        let (audited, logged) = (Allowance::of_audit(), Allowance::of_log());
        Self { job: start.job, method, operator, feed, audit, audited, logged }
    }

    /// Says how much was left out since this was last called, if anything was.
    pub(super) fn close(&self) {
        match self.audited.left_out() {
            0 => {}
            entries => self.audit.left_out(self.job, entries),
        }
        match self.logged.left_out() {
            0 => {}
            lines => tracing::warn!(job = %self.job, lines, "left out what else a job tried"),
        }
    }
}

impl JobEvents for Events {
    fn progress(&self, progress: Progress) {
        self.feed.progress(progress);
    }

    fn log(&self, line: LogLine) {
        self.feed.log(line);
    }

    fn chunk(&self, chunk: String) {
        self.feed.chunk(chunk);
    }

    fn denied(&self, denial: Denial) {
        let denial = denial.shortened();
        if self.logged.take(denial.attempt.len()) {
            let Denial { capability, attempt } = &denial;
            let (job, method, operator) = (self.job, &self.method, &self.operator);
            tracing::warn!(%job, %method, %operator, capability, attempt, "a job tried what policy does not grant");
        }
        self.audit.capability(self.job, &self.operator, &self.method, &denial, &self.audited);
    }
}

impl Drop for Events {
    /// Says how much was left out, in whatever way the job ended.
    fn drop(&mut self) {
        self.close();
    }
}
