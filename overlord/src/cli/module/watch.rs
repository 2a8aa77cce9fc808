//! Waiting for a change of a module, and showing what becomes of it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use clap::Args;
use output::{Exit, FullFlag, Unprinted, note, print, show};
use serde_json::{Map, Value as Json};
use wire::message::catalogue::{KeptModule, ModuleResult};
use wire::message::operator::{Absence, Target, TargetWarning};
use wire::name::{MinionName, ModuleName};

use super::super::CliError;
use super::super::distinct_modules::who;
use super::super::durations::Waiting;
use super::super::selection::{confirm, is_unconfirmed, settle_target, warn, with_warnings};
use super::super::signals::interrupts;
use super::bars::Bars;
use crate::client::{Client, ClientError, ModuleEvent, ModuleStream, WaitOver};
use crate::report;
use machine::moment::local;
use wire::document::text::line;

/// How the results of a change are printed, for how long they are waited for, and whether it is confirmed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct View {
    #[command(flatten)]
    pub(super) waiting: Waiting,
    /// Go on even where the target is wide
    #[arg(long)]
    pub(super) yes: bool,
    /// Print one JSON document at the end
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Print one line of JSON for each minion as its result arrives, and a summary as the last line
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    full: FullFlag,
}

impl View {
    /// Whether one document is wanted.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// The same, confirmed where that was needed before anything is signed; `None` where the user does not want it, and
    /// was told so.
    pub(super) async fn settled(self, client: &Client, target: &Target) -> Result<Option<Self>, CliError> {
        let Some(yes) = settle_target(client, self.yes, target).await? else {
            note(DECLINED);
            return Ok(None);
        };
        Ok(Some(Self { yes, ..self }))
    }
}

/// What a user is told who does not want a change after all.
const DECLINED: &str = "nothing was changed";

/// A change that is being waited for.
struct Watch {
    module: ModuleName,
    view: View,
    bars: Bars,
    size: u64,
    /// What the overlord has in its catalogue.
    kept: Option<KeptModule>,
    /// Whether the overlord certainly waits for bytes of the file, so that nothing has gone to a minion.
    uploading: bool,
    results: Vec<ModuleResult>,
    /// What is to be known of how the target was understood.
    warnings: Vec<TargetWarning>,
    /// Where it goes.
    minions: Vec<MinionName>,
    /// Who is out of touch, as it was said last.
    away: Vec<(MinionName, Absence)>,
}

/// Hands in a change, once more where the user confirms it, and waits for its end. `size` is that of the file
/// that goes with it. Ctrl-C leaves the change to itself.
pub(super) async fn watch(
    module: ModuleName,
    size: u64,
    view: View,
    hand_in: impl AsyncFn(bool) -> Result<ModuleStream, ClientError>,
) -> Result<Exit, CliError> {
    let mut confirmed = view.yes;
    let mut interrupts = interrupts()?;
    loop {
        let mut watch = Watch::new(module.clone(), view, size);
        let stream = hand_in(confirmed).await?.with_patience(view.waiting.bounds());
        let ended = tokio::select! {
            ended = watch.until_over(stream) => ended,
            _ = interrupts.recv() => return Ok(watch.detached()),
        };
        match ended {
            Ok(left) => return watch.show(left),
            Err(CliError::Output(error)) => {
                return watch.exit(None).after_printing(Err(CliError::Output(error)));
            }
            Err(CliError::Client(ClientError::Refusal(refusal))) if is_unconfirmed(&refusal, confirmed) => {
                if !confirm(&refusal.message).await? {
                    note(DECLINED);
                    return Ok(Exit::Interrupted);
                }
                confirmed = true;
            }
            Err(error) => return Err(error),
        }
    }
}

impl Watch {
    /// One of which nothing was heard yet.
    fn new(module: ModuleName, view: View, size: u64) -> Self {
        Self {
            module,
            view,
            bars: Bars::new(size),
            size,
            kept: None,
            uploading: false,
            results: Vec::new(),
            warnings: Vec::new(),
            minions: Vec::new(),
            away: Vec::new(),
        }
    }

    /// Shows what happens until the change is over, or is not waited for any longer, and why.
    async fn until_over(&mut self, mut events: ModuleStream) -> Result<Option<WaitOver>, CliError> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = tick.tick() => {
                    self.bars.tick();
                    continue;
                }
            };
            match event.map_err(|error| self.lost(error))? {
                None => return Ok(None),
                Some(ModuleEvent::WaitOver(why)) => return Ok(Some(why)),
                Some(event) => {
                    if self.warnings.is_empty() && !events.warnings().is_empty() {
                        self.warnings = events.warnings().to_vec();
                        self.bars.aside(|| warn(&self.warnings));
                    }
                    self.take(event)?;
                }
            }
        }
    }

    fn take(&mut self, event: ModuleEvent) -> Result<(), CliError> {
        self.uploading = matches!(event, ModuleEvent::Uploaded { done, total } if done < total);
        match event {
            ModuleEvent::Uploaded { done, .. } => self.bars.uploaded(done),
            ModuleEvent::Kept(module) => self.kept = Some(*module),
            ModuleEvent::Began(minions) => {
                self.bars.began(minions.len());
                self.minions = minions;
            }
            ModuleEvent::OutOfTouch(minions) => self.out_of_touch(minions),
            ModuleEvent::WaitOver(_) => {}
            ModuleEvent::Step { minion, step } => self.bars.step(&minion, &step),
            ModuleEvent::Note(text) => self.bars.aside(|| note(line(&text))),
            ModuleEvent::Ended(result) => {
                self.bars.ended(&result.minion, result.became.is_well());
                if self.view.jsonl {
                    self.bars.aside(|| print(report::change_json_line(&result)))?;
                }
                self.results.push(*result);
            }
        }
        Ok(())
    }

    /// Says whom the change waits for, and since when; of each minion once, until it is back.
    fn out_of_touch(&mut self, minions: Vec<(MinionName, Absence)>) {
        let before = std::mem::replace(&mut self.away, minions);
        let is_new = |away: &&(MinionName, Absence)| !before.iter().any(|(minion, _)| *minion == away.0);
        let new: Vec<_> = self.away.iter().filter(is_new).collect();
        if let Some(since) = new.iter().map(|(_, absence)| absence.lost_at).min() {
            let names = who(&new.iter().map(|(minion, _)| minion).collect::<Vec<_>>());
            self.bars
                .aside(|| note(format_args!("waiting for {names}: out of touch since {}", local(since))));
        }
    }

    /// The minions that have not ended, with who of them is out of touch.
    fn open(&self) -> Vec<report::OpenChange> {
        let ended: HashSet<&MinionName> = self.results.iter().map(|result| &result.minion).collect();
        let away: HashMap<&MinionName, &Absence> =
            self.away.iter().map(|(minion, absence)| (minion, absence)).collect();
        let open = self.minions.iter().filter(|minion| !ended.contains(minion));
        let one = |minion: &MinionName| report::OpenChange {
            minion: minion.clone(),
            absence: away.get(minion).map(|absence| Absence::clone(absence)),
        };
        open.map(one).collect()
    }

    /// Shows what became of it, where it is over or why it is not waited for any longer.
    fn show(mut self, left: Option<WaitOver>) -> Result<Exit, CliError> {
        drop(std::mem::replace(&mut self.bars, Bars::new(self.size)));
        self.results.sort_by(|a, b| a.minion.cmp(&b.minion));
        let open = if left.is_some() { self.open() } else { Vec::new() };
        let printed = self.print(&open);
        if let Some(why) = left {
            let why = match why {
                WaitOver::OutOfTouch => "waits no longer for minions that are out of touch",
                WaitOver::InAll => "the time to wait is over",
            };
            note(format_args!("{why}; {}", self.left_behind()));
        }
        self.exit(left).after_printing(printed)
    }

    fn print(&self, open: &[report::OpenChange]) -> Result<(), Unprinted> {
        let results = &self.results;
        if self.view.json {
            print(with_warnings(report::change_json(self.about(), results, open), &self.warnings))
        } else if self.view.jsonl {
            open.iter().try_for_each(|one| print(report::open_change_json_line(one)))?;
            let mut last = report::change_json_summary(self.about(), results, open);
            last["summary"] = with_warnings(last["summary"].take(), &self.warnings);
            print(last)
        } else {
            show(&report::changes(results, open).shown(self.view.full.reader()))?;
            note(report::change_closing(&self.module, results, open));
            Ok(())
        }
    }

    /// What is known by now comes to this.
    fn exit(&self, left: Option<WaitOver>) -> Exit {
        Exit::of(left.is_none() && self.results.iter().all(|result| result.became.is_well()))
    }

    fn about(&self) -> Map<String, Json> {
        let mut about = Map::from_iter([("module".to_owned(), self.module.as_str().into())]);
        if let Some(kept) = &self.kept {
            about.insert("version".to_owned(), kept.version.clone().into());
            about.insert("digest".to_owned(), kept.digest.to_string().into());
        }
        about
    }

    /// Says what Ctrl-C leaves behind.
    fn detached(self) -> Exit {
        let left = self.left_behind();
        drop(self.bars);
        note(left);
        Exit::Interrupted
    }

    fn left_behind(&self) -> String {
        let module = &self.module;
        // Until the overlord says that it has the file, it gives up with the connection.
        if self.size > 0 && self.kept.is_none() {
            "interrupted while the file was on its way to the overlord: push it again, which goes on where it was"
                .to_owned()
        } else {
            let end = if self.size > 0 { "push --cancel" } else { "release" };
            format!(
                "detached: it goes on; see what comes of it with: overlord module show {module}; end it with: overlord module \
                 {end} {module}"
            )
        }
    }

    /// What a broken stream means to someone who waits for this change.
    fn lost(&self, error: ClientError) -> CliError {
        match error {
            cause @ ClientError::Lost { .. } if self.uploading => CliError::UploadLost { cause },
            cause @ ClientError::Lost { .. } => CliError::ChangeLost { cause, module: self.module.clone() },
            other => other.into(),
        }
    }
}

/// How often the progress display moves.
const TICK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use wire::digest::Digest;

    use super::*;

    fn watch(size: u64) -> Watch {
        let view = View {
            waiting: Waiting::default(),
            yes: false,
            json: false,
            jsonl: false,
            full: FullFlag::default(),
        };
        Watch::new("service".parse().expect("a name"), view, size)
    }

    #[test]
    fn ctrl_c_is_not_said_to_leave_a_push_going_before_the_overlord_has_the_file() {
        let mut pushed = watch(10);
        assert!(pushed.left_behind().contains("push it again"), "before it asked for the file");
        for done in [4, 10] {
            pushed.take(ModuleEvent::Uploaded { done, total: 10 }).expect("taken");
            assert!(pushed.left_behind().contains("push it again"), "with {done} bytes on their way");
        }
        let kept = KeptModule {
            name: pushed.module.clone(),
            digest: Digest::of(b"code"),
            version: None,
            size: 10,
            signature: None,
            pushed_by: "alice".parse().expect("a name"),
            pushed_at: 0,
        };
        pushed.take(ModuleEvent::Kept(Box::new(kept))).expect("taken");
        assert!(pushed.left_behind().contains("module show service"));
        assert!(pushed.left_behind().ends_with("module push --cancel service"));
        assert!(watch(0).left_behind().ends_with("module release service"));
        assert!(watch(0).left_behind().contains("it goes on"), "a removal has no file");
    }
}
