//! Waiting for a job, and showing what becomes of it.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::Signal;
use wire::call;
use wire::job::{JobId, MinionJobId, MinionState, OutcomeKind};
use wire::link::JobUpdate;
use wire::name::MinionName;
use wire::operator::{Follow, JobDocument, Part, Update};
use wire::outcome::Report;

use super::job::became;
use super::output::{note, print};
use super::progress::Progress;
use super::{CliError, Exit};
use crate::client::{Client, ClientError, JobEvent, JobStream};
use crate::report;

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
pub(super) enum Form {
    /// A table at the end, by arrival or by minion.
    Table { sorted: bool },
    /// A row for each as it comes in.
    Rows,
    /// One document at the end.
    Json,
    /// A line for each as it comes in, and a summary.
    JsonLines,
}

impl View {
    /// Whether programs read what is printed.
    pub(super) fn is_json(self) -> bool {
        self.json || self.jsonl
    }

    /// How much must be heard to show it: progress and logs only where someone watches.
    pub(super) fn follow(self) -> Follow {
        if output::stderr_is_terminal() { Follow::Everything } else { Follow::Outcomes }
    }

    /// The form that was asked for.
    pub(super) fn form(self) -> Form {
        match (self.json, self.jsonl) {
            (_, true) => Form::JsonLines,
            (true, false) => Form::Json,
            (false, false) => Form::Table { sorted: self.sort },
        }
    }
}

/// A job to be followed, and its minions as far as they are known to be under way.
pub(super) struct Followed {
    job: JobId,
    minions: Vec<MinionName>,
    running: Vec<(MinionName, Option<call::Progress>)>,
}

impl Followed {
    /// A job that has just been accepted.
    pub(super) fn begun(job: JobId, minions: Vec<MinionName>) -> Self {
        Self { job, minions, running: Vec::new() }
    }

    /// A job of which this much is known already.
    pub(super) fn known(document: &JobDocument) -> Self {
        let runs = |part: &&Part| part.state == Some(MinionState::Running);
        let running = document.parts.iter().filter(runs);
        Self {
            job: document.job,
            minions: document.parts.iter().map(|part| part.minion.clone()).collect(),
            running: running.map(|part| (part.minion.clone(), part.progress.clone())).collect(),
        }
    }
}

/// Waits until the job is over and prints its outcomes. The first of the interrupts detaches.
pub(super) async fn follow(
    client: &Client,
    events: JobStream,
    followed: Followed,
    form: Form,
    mut interrupts: Signal,
) -> Result<Exit, CliError> {
    let job = followed.job;
    let mut watch = Watch::new(followed, form);
    let document = tokio::select! {
        document = watch.until_over(events) => Some(document?),
        _ = interrupts.recv() => None,
    };
    let Watch { arrived, progress, names, .. } = watch;
    drop(progress);
    let Some(mut document) = document else { return detach(client, job, interrupts).await };
    let seen: HashSet<&MinionName> = arrived.iter().collect();
    // One whose outcome was in the ledger before anyone followed it has not been shown yet.
    let unseen = document.parts.iter().filter(|part| !seen.contains(&part.minion));
    match form {
        Form::Table { sorted } => {
            if !sorted {
                by_arrival(&mut document, &arrived);
            }
            print(report::table(&document))?;
            note(report::closing(&document));
        }
        Form::Rows => {
            for part in unseen {
                print(report::row(part, names))?;
            }
            note(report::closing(&document));
        }
        Form::Json => print(report::json(&document))?,
        Form::JsonLines => {
            for part in unseen {
                print(report::json_line(part))?;
            }
            print(report::json_summary(&document))?;
        }
    }
    Ok(exit(&document))
}

/// What the outcomes of a job that is over come to.
pub(super) fn exit(document: &JobDocument) -> Exit {
    Exit::of(document.counts().iter().all(|(outcome, _)| *outcome == OutcomeKind::Ok))
}

/// A job that is being waited for.
struct Watch {
    job: JobId,
    form: Form,
    progress: Progress,
    /// How wide the longest name is.
    names: usize,
    /// Whose outcomes are in, in that order.
    arrived: Vec<MinionName>,
}

impl Watch {
    fn new(followed: Followed, form: Form) -> Self {
        let Followed { job, minions, running } = followed;
        let mut progress = Progress::new(minions.len());
        for (minion, so_far) in running {
            progress.runs(&minion);
            if let Some(so_far) = so_far {
                progress.part(&minion, so_far);
            }
        }
        let names = minions.iter().map(|minion| minion.as_str().len()).max().unwrap_or_default();
        Self { job, form, progress, names, arrived: Vec::new() }
    }

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
            JobUpdate::Progress(progress) => self.progress.part(&minion, progress),
            JobUpdate::Log(line) => self.progress.log(&minion, &line),
            JobUpdate::Chunk(text) => self.progress.say(&minion, &text),
            JobUpdate::Skipped(lines) => self.progress.say(&minion, &format!("({lines} lines left out)")),
            JobUpdate::State { state: MinionState::Running, .. } => self.progress.runs(&minion),
            JobUpdate::State { .. } | JobUpdate::Unknown => {}
            JobUpdate::Finished { minion_job, report } => {
                self.progress.ended(&minion, report.outcome.kind());
                self.arrived.push(minion.clone());
                let part = finished(minion, minion_job, *report);
                match self.form {
                    Form::JsonLines => self.progress.aside(|| print(report::json_line(&part)))?,
                    Form::Rows => self.progress.aside(|| print(report::row(&part, self.names)))?,
                    Form::Table { .. } | Form::Json => {}
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
        let job = job.to_string();
        let cancelling = tokio::select! {
            cancelling = client.cancel(&job, None) => cancelling?,
            // Whoever cannot wait need not: the overlord has heard, and goes on with it.
            _ = interrupts.recv() => {
                note(format_args!("left while minions are told; see what becomes of it with: overlord job show {job}"));
                return Ok(Exit::Interrupted);
            }
        };
        note(format_args!("cancelled: {}", became(&cancelling)));
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
