//! Waiting for a job, and showing what becomes of it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use clap::Args;
use output::{Exit, FullFlag, Reader, note, print};
use tokio::signal::unix::Signal;
use wire::message::call;
use wire::message::job::{JobId, MinionJobId, MinionState, OutcomeKind};
use wire::message::link::JobUpdate;
use wire::message::operator::{Absence, Follow, JobDocument, Part, TargetWarning, Update};
use wire::message::outcome::Report;
use wire::name::MinionName;

use super::CliError;
use super::distinct_modules::who;
use super::job::parts::{became, way_out};
use super::progress::Progress;
use super::raw::{self, Output};
use super::selection::with_warnings;
use crate::client::{Client, ClientError, JobEvent, JobStream, WaitOver};
use crate::report;
use machine::moment::local;

/// How the outcomes of a job are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct View {
    /// Print one JSON document at the end
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Print one line of JSON for each minion as its outcome arrives, and a summary as the last line
    #[arg(long)]
    jsonl: bool,
    /// `raw`: write the result of one minion, text or bytes, to a file or a program as it is, without a line end
    #[arg(long, value_name = "FORM", conflicts_with_all = ["json", "jsonl"])]
    output: Option<Output>,
    /// Sort the table by minion, instead of by arrival
    #[arg(long)]
    sort: bool,
    #[command(flatten)]
    full: FullFlag,
}

/// The forms in which outcomes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A table at the end, by arrival or by minion.
    Table { sorted: bool, reader: Reader },
    /// A row for each as it comes in.
    Rows(Reader),
    /// One document at the end.
    Json,
    /// A line for each as it comes in, and a summary.
    JsonLines,
    /// The bytes that the only minion gave back.
    Raw,
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
            _ if self.output == Some(Output::Raw) => Form::Raw,
            (_, true) => Form::JsonLines,
            (true, false) => Form::Json,
            (false, false) => Form::Table { sorted: self.sort, reader: self.full.reader() },
        }
    }
}

/// A job to be followed, and its minions as far as they are known to be under way.
pub(super) struct Followed {
    job: JobId,
    minions: Vec<MinionName>,
    running: Vec<(MinionName, Option<call::Progress>)>,
}

/// The minions that are not done with a job.
pub(super) fn open(document: &JobDocument) -> impl Iterator<Item = MinionName> {
    let is_open = |part: &&Part| part.state.and_then(MinionState::outcome).is_none();
    document.parts.iter().filter(is_open).map(|part| part.minion.clone())
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

/// Waits until the job is over or there is no more patience, and prints its outcomes. The first of the interrupts
/// detaches.
pub(super) async fn follow(
    client: &Client,
    events: JobStream,
    followed: Followed,
    form: Form,
    mut interrupts: Signal,
) -> Result<Exit, CliError> {
    let job = followed.job;
    let warnings = events.warnings().to_vec();
    // One row is as good as a table, which has room for the whole value.
    let form = match form {
        Form::Rows(reader) if followed.minions.len() == 1 => Form::Table { sorted: true, reader },
        form => form,
    };
    // What is shown as it comes is not wanted again at the end.
    let events = match form {
        Form::JsonLines | Form::Rows(_) => events.each_once(),
        Form::Table { .. } | Form::Json | Form::Raw => events,
    };
    let mut watch = Watch::new(followed, form);
    let ended = tokio::select! {
        ended = watch.until_over(events) => Some(ended),
        _ = interrupts.recv() => None,
    };
    let Watch { arrived, progress, names, all_ok, .. } = watch;
    drop(progress);
    let (document, left) = match ended {
        None => return detach(client, job, interrupts).await,
        Some(Err(error)) => return Exit::of(all_ok).after_printing(Err(error)),
        Some(Ok(FollowEnd::Over(document))) => (*document, None),
        Some(Ok(FollowEnd::Left(why))) => (client.job(&job.to_string()).await?, Some(why)),
    };
    let printed = show(&document, form, &arrived, names, &warnings);
    if let Some(why) = left.filter(|_| !document.state.is_over()) {
        note(left_behind(&document, why));
    }
    exit(&document).after_printing(printed)
}

/// Prints what is known of a job in the end.
fn show(
    document: &JobDocument,
    form: Form,
    arrived: &[MinionName],
    names: usize,
    warnings: &[TargetWarning],
) -> Result<(), CliError> {
    let seen: HashSet<&MinionName> = arrived.iter().collect();
    // One whose outcome was in the ledger before anyone followed it has not been shown yet, nor has one without any.
    let unseen = document.parts.iter().filter(|part| !seen.contains(&part.minion));
    match form {
        Form::Table { sorted, reader } => {
            let mut document = document.clone();
            if !sorted {
                by_arrival(&mut document, arrived);
            }
            output::show(&report::table(&document, reader))?;
            note(report::closing(&document));
        }
        Form::Rows(reader) => {
            for part in unseen {
                output::show(&report::row(part, names, reader))?;
            }
            note(report::closing(document));
        }
        Form::Raw => raw::print(document)?,
        Form::Json => print(with_warnings(report::json(document), warnings))?,
        Form::JsonLines => {
            for part in unseen {
                print(report::json_line(part))?;
            }
            let mut last = report::json_summary(document);
            last["summary"] = with_warnings(last["summary"].take(), warnings);
            print(last)?;
        }
    }
    Ok(())
}

/// What the outcomes of a job come to.
pub(super) fn exit(document: &JobDocument) -> Exit {
    if document.state.is_over() { so_far(document) } else { Exit::Failed }
}

/// What those of its outcomes come to that are known.
pub(super) fn so_far(document: &JobDocument) -> Exit {
    Exit::of(document.counts().iter().all(|(outcome, _)| *outcome == OutcomeKind::Ok))
}

/// Whom a job is not waited for any longer, and what can be done.
fn left_behind(document: &JobDocument, why: WaitOver) -> String {
    let is_open = |part: &&Part| part.state.and_then(MinionState::outcome).is_none();
    let (away, here): (Vec<_>, Vec<_>) =
        document.parts.iter().filter(is_open).partition(|part| part.absence.is_some());
    let names = |parts: &[&Part]| who(&parts.iter().map(|part| &part.minion).collect::<Vec<_>>());
    let is = |parts: &[&Part]| if parts.len() == 1 { "is" } else { "are" };
    let mut open = Vec::new();
    if !here.is_empty() {
        open.push(format!("{} {} not done", names(&here), is(&here)));
    }
    if let Some(lost_at) = away.iter().filter_map(|part| Some(part.absence.as_ref()?.lost_at)).min() {
        open.push(format!("{} {} out of touch since {}", names(&away), is(&away), local(lost_at)));
    }
    let why = match why {
        WaitOver::OutOfTouch => "waits no longer",
        WaitOver::InAll => "the time to wait is over",
    };
    let job = document.job;
    let way_out = if away.is_empty() {
        format!("stop it with: overlord job cancel {job}")
    } else {
        format!("end it without them with: overlord job give-up {job}")
    };
    format!("{why}: {}; the job goes on: come back with: overlord job wait {job}; {way_out}", open.join(", "))
}

/// How following a job came to an end.
enum FollowEnd {
    /// With the job.
    Over(Box<JobDocument>),
    /// Before that, and why.
    Left(WaitOver),
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
    /// Whether those are all `ok`.
    all_ok: bool,
    /// Who is out of touch, as it was said last.
    away: BTreeSet<MinionName>,
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
        Self { job, form, progress, names, arrived: Vec::new(), all_ok: true, away: BTreeSet::new() }
    }

    /// Shows what happens until the job is over or is not waited for any longer.
    async fn until_over(&mut self, mut events: JobStream) -> Result<FollowEnd, CliError> {
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
                Some(JobEvent::Document(document)) if document.state.is_over() => {
                    return Ok(FollowEnd::Over(document));
                }
                Some(JobEvent::Update(update)) => self.show(*update)?,
                Some(JobEvent::OutOfTouch(minions)) => self.out_of_touch(minions),
                Some(JobEvent::WaitOver(why)) => return Ok(FollowEnd::Left(why)),
                Some(JobEvent::Accepted { .. }) => {}
                // It stopped, and goes on with the job when it is started again.
                Some(JobEvent::Document(_)) | None => return Err(CliError::Unfinished(self.job)),
            }
        }
    }

    /// Says whom the job waits for, and since when; of each minion once, until it is back.
    fn out_of_touch(&mut self, minions: Vec<(MinionName, Absence)>) {
        let names = minions.iter().map(|(minion, _)| minion.clone()).collect();
        let before = std::mem::replace(&mut self.away, names);
        let (kept, lost): (Vec<_>, Vec<_>) = minions
            .iter()
            .filter(|(minion, _)| !before.contains(minion))
            .partition(|(_, absence)| absence.kept_ms.is_some());
        for (minions, why) in [(lost, "out of touch"), (kept, "not connected, which the call is kept for,")] {
            let Some(since) = minions.iter().map(|(_, absence)| absence.lost_at).min() else { continue };
            let names = who(&minions.iter().map(|(minion, _)| minion).collect::<Vec<_>>());
            self.progress.aside(|| note(format_args!("waiting for {names}: {why} since {}", local(since))));
        }
        self.progress.out_of_touch(minions);
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
                self.all_ok &= report.outcome.kind() == OutcomeKind::Ok;
                let part = finished(minion, minion_job, *report);
                match self.form {
                    Form::JsonLines => self.progress.aside(|| print(report::json_line(&part)))?,
                    Form::Rows(reader) => {
                        self.progress.aside(|| output::show(&report::row(&part, self.names, reader)))?;
                    }
                    Form::Table { .. } | Form::Json | Form::Raw => {}
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
    Part { minion, minion_job, state, progress: None, report: Some(report), absence: None, given_up: None }
}

/// Leaves the job to itself, unless a second Ctrl-C says that it shall end too.
async fn detach(client: &Client, job: JobId, mut interrupts: Signal) -> Result<Exit, CliError> {
    note(format_args!("detached: the job goes on; come back with: overlord job wait {job}"));
    note(format_args!("press Ctrl-C again within {} seconds to cancel it", AGAIN.as_secs()));
    if tokio::time::timeout(AGAIN, interrupts.recv()).await.is_ok() {
        let job = job.to_string();
        let cancelling = tokio::select! {
            cancelling = client.cancel(&job, None) => cancelling?.answer,
            // Whoever cannot wait need not: the overlord has heard, and goes on with it.
            _ = interrupts.recv() => {
                note(format_args!("left while minions are told; see what becomes of it with: overlord job show {job}"));
                return Ok(Exit::Interrupted);
            }
        };
        note(format_args!("cancelled: {}", became(&cancelling)));
        if let Some(way_out) = way_out(&cancelling) {
            note(way_out);
        }
    }
    Ok(Exit::Interrupted)
}

fn by_arrival(document: &mut JobDocument, arrived: &[MinionName]) {
    let place: HashMap<&MinionName, usize> =
        arrived.iter().enumerate().map(|(place, minion)| (minion, place)).collect();
    // The sort is stable: whoever was not seen to arrive comes last, by name.
    document.parts.sort_by_key(|part| place.get(&part.minion).copied().unwrap_or(usize::MAX));
}

/// How often the progress display moves.
const TICK: Duration = Duration::from_millis(100);

/// Within this time a second Ctrl-C cancels.
const AGAIN: Duration = Duration::from_secs(2);
