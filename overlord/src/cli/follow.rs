//! Waiting for a job, and showing what becomes of it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::Signal;
use wire::job::{JobId, MinionJobId, MinionState, OutcomeKind};
use wire::link::JobUpdate;
use wire::name::MinionName;
use wire::operator::{Follow, JobDocument, Part, Update};
use wire::outcome::Report;

use super::output::{note, print};
use super::progress::Progress;
use super::signals::interrupts;
use super::{CliError, Exit};
use crate::client::{Client, ClientError, JobEvent, JobStream};
use crate::report;
use crate::report::text::counted;

/// How the outcomes of a job are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct View {
    /// Print one JSON document at the end
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Print one line of JSON for each minion as its outcome arrives, and a summary as the last line
    #[arg(long)]
    jsonl: bool,
    /// Sort the table by minion, instead of by arrival
    #[arg(long)]
    sort: bool,
}

/// The forms in which outcomes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    JsonLines,
}

impl View {
    /// Whether programs read what is printed.
    pub(super) fn is_json(self) -> bool {
        self.form() != Form::Table
    }

    /// How much must be heard to show it: progress and logs only where someone watches.
    pub(super) fn follow(self) -> Follow {
        if io::stderr().is_terminal() { Follow::Everything } else { Follow::Outcomes }
    }

    fn form(self) -> Form {
        match (self.json, self.jsonl) {
            (_, true) => Form::JsonLines,
            (true, false) => Form::Json,
            (false, false) => Form::Table,
        }
    }
}

/// Waits until the job is over and prints its outcomes. Ctrl-C detaches.
pub(super) async fn follow(
    client: &Client,
    events: JobStream,
    job: JobId,
    minions: usize,
    view: View,
) -> Result<Exit, CliError> {
    let mut interrupts = interrupts()?;
    let mut watch = Watch { job, form: view.form(), progress: Progress::new(minions), arrived: Vec::new() };
    let document = tokio::select! {
        document = watch.until_over(events) => Some(document?),
        _ = interrupts.recv() => None,
    };
    let Watch { arrived, progress, form, .. } = watch;
    drop(progress);
    let Some(mut document) = document else { return detach(client, job, interrupts).await };
    match form {
        Form::Table => {
            if !view.sort {
                by_arrival(&mut document, &arrived);
            }
            print(report::table(&document))?;
            note(report::closing(&document));
        }
        Form::Json => print(report::json(&document))?,
        Form::JsonLines => {
            // One whose outcome was in the ledger before anyone followed it has no line yet.
            for part in document.parts.iter().filter(|part| !arrived.contains(&part.minion)) {
                print(report::json_line(part))?;
            }
            print(report::json_summary(&document))?;
        }
    }
    Ok(exit(&document))
}

/// What the outcomes of a job that is over come to.
fn exit(document: &JobDocument) -> Exit {
    Exit::of(document.counts().iter().all(|(outcome, _)| *outcome == OutcomeKind::Ok))
}

/// A job that is being waited for.
struct Watch {
    job: JobId,
    form: Form,
    progress: Progress,
    /// Whose outcomes are in, in that order.
    arrived: Vec<MinionName>,
}

impl Watch {
    /// Shows what happens until the job is over, and returns all that is known of it then.
    async fn until_over(&mut self, mut events: JobStream) -> Result<JobDocument, CliError> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = tick.tick() => {
                    self.progress.tick();
                    continue;
                }
            };
            match event.map_err(|error| self.lost(error))? {
                Some(JobEvent::Document(document)) if document.state.is_over() => return Ok(*document),
                Some(JobEvent::Update(update)) => self.show(*update)?,
                Some(JobEvent::Accepted { .. }) => {}
                // It stopped, and goes on with the job when it is started again.
                Some(JobEvent::Document(_)) | None => return Err(CliError::Unfinished(self.job)),
            }
        }
    }

    fn show(&mut self, update: Update) -> Result<(), CliError> {
        let Update { minion, update } = update;
        match update {
            JobUpdate::Progress(progress) => self.progress.part(&minion, &progress),
            JobUpdate::Log(line) => self.progress.log(&minion, &line),
            JobUpdate::Chunk(text) => self.progress.say(&minion, &text),
            JobUpdate::Skipped(lines) => self.progress.say(&minion, &format!("({lines} lines left out)")),
            JobUpdate::State { .. } | JobUpdate::Unknown => {}
            JobUpdate::Finished { minion_job, report } => {
                self.progress.ended(&minion, report.outcome.kind() == OutcomeKind::Ok);
                self.arrived.push(minion.clone());
                if self.form == Form::JsonLines {
                    let line = report::json_line(&finished(minion, minion_job, *report));
                    self.progress.aside(|| print(line))?;
                }
            }
        }
        Ok(())
    }

    /// What a broken stream means to someone who waits for this job.
    fn lost(&self, error: ClientError) -> CliError {
        match error {
            lost @ ClientError::Lost { .. } => CliError::Detached { cause: lost, job: self.job },
            other => other.into(),
        }
    }
}

/// The part of a minion whose outcome has just come in.
fn finished(minion: MinionName, minion_job: Option<MinionJobId>, report: Report) -> Part {
    let state = Some(MinionState::Finished(report.outcome.kind()));
    Part { minion, minion_job, state, progress: None, report: Some(report) }
}

/// Leaves the job to itself, unless a second Ctrl-C says that it shall end too.
async fn detach(client: &Client, job: JobId, mut interrupts: Signal) -> Result<Exit, CliError> {
    note(format_args!("detached: the job goes on; come back with: overlord job wait {job}"));
    note(format_args!("press Ctrl-C again within {} seconds to cancel it", AGAIN.as_secs()));
    if tokio::time::timeout(AGAIN, interrupts.recv()).await.is_ok() {
        let (_, minions) = client.cancel(&job.to_string(), None).await?;
        note(format_args!("cancelled: {} told to stop", counted(minions.len(), "minion")));
    }
    Ok(Exit::Interrupted)
}

fn by_arrival(document: &mut JobDocument, arrived: &[MinionName]) {
    let place: std::collections::HashMap<&MinionName, usize> =
        arrived.iter().enumerate().map(|(place, minion)| (minion, place)).collect();
    // The sort is stable: whoever was not seen to arrive comes last, by name.
    document.parts.sort_by_key(|part| place.get(&part.minion).copied().unwrap_or(usize::MAX));
}

/// How often the progress display moves.
const TICK: Duration = Duration::from_millis(100);

/// Within this time a second Ctrl-C cancels.
const AGAIN: Duration = Duration::from_secs(2);
