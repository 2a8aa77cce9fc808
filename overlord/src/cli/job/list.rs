//! `overlord job list`

use std::cmp::Reverse;

use clap::Args;
use machine::clock::now_ms;
use machine::moment;
use output::{Column, Exit, FullFlag, Table, print, show};
use serde_json::{Value, json};
use wire::message::job::{JobState, OutcomeKind};
use wire::message::operator::{JobFilter, JobSummary};
use wire::name::{MethodPath, MinionName, ModuleName, OperatorName};

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use crate::jobs::LIST_LIMIT;
use crate::report;
use machine::clock::rfc3339;
use wire::document::text::since;

/// List jobs, newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord job list
  overlord job list --target web1 --since 2h
  overlord job list --operator ann --method service.restart --since 2026-01-31 --before 2026-02-01
  overlord job list --failed --since 1day
  overlord job list --outcome rejected --outcome denied
  overlord job list --state partial --limit 100 --json")]
pub(in crate::cli) struct List {
    /// Only jobs in this state: running (some minion does not have it yet), partial (all have, some are not done),
    /// finished, or remote-error (done, and none is ok)
    #[arg(long, value_parser = state)]
    state: Option<JobState>,
    /// Only jobs that did not end in ok on some minion
    #[arg(long)]
    failed: bool,
    /// Only jobs with this outcome on some minion: ok, error, trapped, timed-out, cancelled, killed, rejected, denied,
    /// interrupted, undelivered or lost; may be given several times
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    outcome: Vec<OutcomeKind>,
    /// Only jobs of this operator
    #[arg(long, value_name = "NAME")]
    operator: Option<OperatorName>,
    /// Only calls of this module
    #[arg(long, value_name = "NAME")]
    module: Option<ModuleName>,
    /// Only calls of this method
    #[arg(long, value_name = "MODULE.METHOD")]
    method: Option<MethodPath>,
    /// Only jobs that this minion has a part in
    #[arg(long, value_name = "MINION")]
    target: Option<MinionName>,
    /// Only jobs from this time on: how long ago (2h, 7days), or a local date or time (2026-01-31 18:00)
    #[arg(long, value_name = "TIME", value_parser = moment::past)]
    since: Option<u64>,
    /// Only jobs from before this time, written as for --since
    #[arg(long, value_name = "TIME", value_parser = moment::past)]
    before: Option<u64>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = limit)]
    limit: usize,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let filter = JobFilter {
            state: self.state,
            operator: self.operator,
            module: self.module,
            method: self.method,
            target: self.target,
            since: self.since,
            before: self.before,
            outcomes: self.outcome,
            failed: self.failed,
        };
        let jobs = client.jobs(filter, self.limit).await?;
        match self.format.format() {
            Format::Json => print(json!({ "jobs": jobs.iter().map(document).collect::<Vec<Value>>() }))?,
            Format::Text => show(&table(&jobs).shown(self.full.reader()))?,
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
        "exclude": job.exclude,
        "targets": job.targets,
        "dry_run": job.dry_run,
        "counts": job.counts.as_deref().map(report::counts_json),
        "accepted_at": rfc3339(job.accepted_at),
        "ended_at": job.ended_at.map(rfc3339),
    })
}

pub(in crate::cli) fn table(jobs: &[JobSummary]) -> Table {
    let columns = [
        Column::whole("JOB"),
        Column::whole("STATE"),
        // With these leasts the list is one of rows on a terminal of 80 columns.
        Column::cut("METHOD", 18, 40),
        Column::cut("TARGET", 8, 60),
        Column::whole("MINIONS").minor(),
        Column::cut("OUTCOMES", 8, 40),
        Column::whole("AGE").minor(),
        Column::whole("BY").minor(),
    ];
    let now = now_ms();
    Table::new(columns).with(jobs.iter().map(|job| row(job, now)))
}

fn row(job: &JobSummary, now: u64) -> Vec<String> {
    vec![
        job.job.to_string(),
        job.state.to_string(),
        format!("{}{}", job.method, if job.dry_run { " (dry run)" } else { "" }),
        target(job),
        job.targets.to_string(),
        outcomes(job),
        since(job.accepted_at, now),
        job.operator.to_string(),
    ]
}

fn target(job: &JobSummary) -> String {
    match &job.exclude {
        Some(exclude) => format!("{} without {exclude}", job.target),
        None => job.target.clone(),
    }
}

/// How often each outcome occurred, the most frequent one first.
fn outcomes(job: &JobSummary) -> String {
    let mut counts = job.counts.clone().unwrap_or_default();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let counts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    if counts.is_empty() { "-".to_owned() } else { counts.join(", ") }
}

fn outcome(text: &str) -> Result<OutcomeKind, String> {
    let found = OutcomeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        format!("an outcome is one of {}", OutcomeKind::ALL.map(OutcomeKind::as_str).join(", "))
    })
}

fn state(text: &str) -> Result<JobState, String> {
    let states = [JobState::Running, JobState::Partial, JobState::Finished, JobState::RemoteError];
    let found = states.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| format!("a state is one of {}", states.map(JobState::as_str).join(", ")))
}

/// How many lines: no more than one list has.
fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    if limit > LIST_LIMIT {
        return Err(format!("one list has at most {LIST_LIMIT} jobs: go on with --before"));
    }
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_as_they_are_shown() {
        assert_eq!(state("remote-error"), Ok(JobState::RemoteError));
        assert!(state("lost").expect_err("not a state").contains("partial"));
    }

    #[test]
    fn a_list_that_would_be_cut_is_refused() {
        assert_eq!(limit("10000"), Ok(10_000));
        assert!(limit("10001").expect_err("too many").contains("--before"));
        assert!(limit("-1").is_err());
    }
}
