//! `overlord bench crash`

use clap::Args;
use output::{Exit, ProgressBar, ProgressStyle, note, print};
use serde_json::{Value, json};

use super::report::BUILD;
use super::{Fleet, measured};
use crate::{Crash, CrashOptions, crash};
use overlord::cli::{CliError, Format, FormatFlag};
use wire::document::text::counted;

/// Kill daemons while jobs are in flight, and see whether every promise is kept
///
/// Operators make calls of test.append, each with a line of its own for a file on each minion, in all ways: waiting
/// or not, durable or not, queued, in batches, cancelled. Overlord and minions are killed at random, sometimes
/// both, sometimes while they start. In the end each accepted job must be over, must have ended as ok, interrupted
/// or undelivered (or cancelled, where it was), must not have been started twice on any minion, and overlord and
/// minion must have the same on record. Its line must stand in the file once where the outcome is ok, never where
/// it is undelivered, and never twice. Exits with 1 if one of that is not so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench crash
  overlord bench crash --kills 500 --seed 7 --json")]
pub(crate) struct CrashCommand {
    /// How many times a daemon is killed, about once in a second and a half
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    kills: u64,
    /// How many minions
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=500))]
    minions: u16,
    /// Where the random choices begin: the same seed kills the same daemons after the same pauses [default:
    /// another one each time]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
}

impl CrashCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let seed = self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        note(format_args!("seed {seed}"));
        let progress = Progress::new(self.kills);
        let options =
            CrashOptions { kills: self.kills, minions: self.minions, seed, modules: self.fleet.modules };
        let watch = |kills: u64, accepted: usize| progress.show(kills, accepted);
        measured(
            async |signals| {
                let crash = crash(options, signals.next(), watch).await;
                progress.bar.finish_and_clear();
                crash
            },
            |crash| {
                let printed = match self.format.format() {
                    Format::Json => print(document(&crash)),
                    Format::Text => print(text(&crash)),
                };
                Exit::of(crash.is_clean()).after_printing(printed)
            },
        )
    }
}

/// How far a run is: a bar on a terminal, ten lines elsewhere.
struct Progress {
    kills: u64,
    /// Draws nothing where stderr is no terminal.
    bar: ProgressBar,
}

impl Progress {
    fn new(kills: u64) -> Self {
        let style =
            ProgressStyle::with_template("{spinner} [{bar:30}] {pos}/{len} kills, {elapsed} {wide_msg}");
        let style = style.expect("the template above is valid").progress_chars("=> ");
        Self { kills, bar: output::bar(kills).with_style(style) }
    }

    fn show(&self, kills: u64, accepted: usize) {
        let jobs = counted(accepted, "job");
        self.bar.set_position(kills);
        self.bar.set_message(if kills < self.kills {
            jobs.clone()
        } else {
            format!("{jobs}, waiting for the last")
        });
        let due = kills * 10 / self.kills > (kills - 1) * 10 / self.kills;
        if due && !output::stderr_is_terminal() {
            note(format_args!("{kills} of {} kills, {jobs} accepted", self.kills));
        }
    }
}

fn text(crash: &Crash) -> String {
    let outcomes: Vec<String> =
        crash.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let kills = crash.kills;
    let mut lines = vec![
        format!("seed        {}", crash.seed),
        format!("kills       {} of the overlord, {} of minions", kills.overlord, kills.minions),
        format!("            {} times both, {} while starting", kills.together, kills.starting),
        format!("accepted    {}", counted(crash.accepted, "job")),
        format!("refused     {}", counted(crash.refused, "call")),
        format!("unanswered  {}", counted(crash.untold, "call")),
        format!("outcomes    {}", outcomes.join(", ")),
        format!(
            "checked     {} that guests wrote, audit logs, ledgers, histories",
            counted(crash.lines, "line")
        ),
        format!("violations  {}", crash.violations.len()),
    ];
    lines.extend(crash.violations.iter().map(ToString::to_string));
    lines.join("\n")
}

fn document(crash: &Crash) -> Value {
    let outcomes: serde_json::Map<String, Value> =
        crash.outcomes.iter().map(|(outcome, count)| (outcome.to_string(), (*count).into())).collect();
    json!({
        "bench": "crash",
        "build": BUILD,
        "seed": crash.seed,
        "kills": {
            "total": crash.kills.total(),
            "of_overlord": crash.kills.overlord,
            "of_minions": crash.kills.minions,
            "together": crash.kills.together,
            "starting": crash.kills.starting,
        },
        "accepted": crash.accepted,
        "refused": crash.refused,
        "unanswered": crash.untold,
        "counts": outcomes,
        "lines": crash.lines,
        "violations": crash.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
