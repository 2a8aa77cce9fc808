//! `overlord job list`

use clap::Args;
use serde_json::{Value, json};
use wire::clock::now_ms;
use wire::job::JobState;
use wire::operator::JobSummary;

use super::super::columns::columns;
use super::super::output::print;
use super::super::{CliError, Exit, Format, FormatFlag};
use crate::client::Client;
use crate::report::moment::rfc3339;
use crate::report::text::since;

/// List jobs, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job list
  overlord job list --state partial --limit 100 --json")]
pub(in crate::cli) struct List {
    /// Only jobs in this state: running, partial, finished or remote-error
    #[arg(long, value_parser = state)]
    state: Option<JobState>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    format: FormatFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let jobs = client.jobs(self.limit, self.state).await?;
        match self.format.format() {
            Format::Json => print(json!({ "jobs": jobs.iter().map(document).collect::<Vec<Value>>() }))?,
            Format::Text => {
                let heading = ["JOB", "STATE", "METHOD", "TARGET", "MINIONS", "AGE", "BY"];
                let now = now_ms();
                print(columns(&heading, jobs.iter().map(|job| row(job, now))))?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn document(job: &JobSummary) -> Value {
    json!({
        "job": job.job,
        "state": job.state,
        "code": job.state.code(),
        "method": job.method,
        "operator": job.operator,
        "target": job.target,
        "targets": job.targets,
        "accepted_at": rfc3339(job.accepted_at),
        "ended_at": job.ended_at.map(rfc3339),
    })
}

fn row(job: &JobSummary, now: u64) -> Vec<String> {
    vec![
        job.job.to_string(),
        job.state.to_string(),
        job.method.to_string(),
        job.target.clone(),
        job.targets.to_string(),
        since(job.accepted_at, now),
        job.operator.to_string(),
    ]
}

fn state(text: &str) -> Result<JobState, String> {
    let states = [JobState::Running, JobState::Partial, JobState::Finished, JobState::RemoteError];
    let found = states.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| format!("a state is one of {}", states.map(JobState::as_str).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_as_they_are_shown() {
        assert_eq!(state("remote-error"), Ok(JobState::RemoteError));
        assert!(state("lost").expect_err("not a state").contains("partial"));
    }
}
