//! `overlord bench crash`

use clap::Args;
use serde_json::{Value, json};

use super::super::output::{note, print};
use super::super::{CliError, Exit, Format, FormatFlag};
use super::{Fleet, measured};
use crate::bench::{Crash, CrashOptions, crash};
use crate::report::text::counted;

/// Kill daemons while jobs are in flight, and see whether every promise is kept
///
/// Each accepted job must end as ok, interrupted or undelivered, must not be started twice on any minion, and
/// overlord and minion must have the same on record. Exits with 1 if one does not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench crash
  overlord bench crash --kills 500 --seed 7 --json")]
pub(in crate::cli) struct CrashCommand {
    /// How many times a daemon is killed
    #[arg(long, value_name = "N", default_value_t = 50)]
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
        let kills = self.kills;
        note(format_args!("seed {seed}"));
        let options = CrashOptions { kills, minions: self.minions, seed, modules: self.fleet.modules };
        let watch = |kill: u64, name: &str| note(format_args!("kill {kill} of {kills}: {name}"));
        measured(
            async |signals| crash(options, signals.next(), watch).await,
            |crash| {
                match self.format.format() {
                    Format::Json => print(document(&crash))?,
                    Format::Text => print(text(&crash))?,
                }
                Ok(Exit::of(crash.is_clean()))
            },
        )
    }
}

fn text(crash: &Crash) -> String {
    let outcomes: Vec<String> =
        crash.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let mut lines = vec![
        format!("seed        {}", crash.seed),
        format!("kills       {} of the overlord, {} of minions", crash.overlord_kills, crash.minion_kills),
        format!("accepted    {}", counted(crash.accepted, "job")),
        format!("refused     {}", counted(usize::try_from(crash.not_accepted).unwrap_or(usize::MAX), "call")),
        format!("outcomes    {}", outcomes.join(", ")),
        format!("violations  {}", crash.violations.len()),
    ];
    lines.extend(crash.violations.iter().map(ToString::to_string));
    lines.join("\n")
}

fn document(crash: &Crash) -> Value {
    let outcomes: serde_json::Map<String, Value> =
        crash.outcomes.iter().map(|(outcome, count)| (outcome.to_string(), (*count).into())).collect();
    json!({
        "seed": crash.seed,
        "overlord_kills": crash.overlord_kills,
        "minion_kills": crash.minion_kills,
        "accepted": crash.accepted,
        "not_accepted": crash.not_accepted,
        "outcomes": outcomes,
        "violations": crash.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
