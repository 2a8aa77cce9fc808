//! What a job says while it runs, passed on to its feed and to the audit log.

use std::sync::Arc;

use wire::call::{LogLine, Progress, Start};
use wire::job::JobId;
use wire::name::{MethodPath, OperatorName};

use crate::audit::Audit;
use crate::jobs::feed::Feed;
use crate::sandbox::{Denial, JobEvents};

/// Hears one job.
pub(super) struct Events {
    job: JobId,
    method: MethodPath,
    operator: OperatorName,
    feed: Arc<Feed>,
    audit: Arc<Audit>,
}

impl Events {
    pub(super) fn new(start: &Start, feed: Arc<Feed>, audit: Arc<Audit>) -> Self {
        let (method, operator) = (start.method.clone(), start.operator.clone());
        Self { job: start.job, method, operator, feed, audit }
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
        tracing::warn!(
            "{} of {} (job {}) tried what policy does not grant: {} {}",
            self.method,
            self.operator,
            self.job,
            denial.capability,
            denial.attempt
        );
        self.audit.capability(self.job, &self.operator, &self.method, &denial);
    }
}
