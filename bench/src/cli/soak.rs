//! `overlord bench soak`

use clap::Args;
use output::{Column, Exit, FullFlag, Table, note, print, show};
use serde_json::{Value, json};

use super::report::BUILD;
use super::{Fleet, measured, mebibytes};
use crate::{Growth, Measure, Sample, Soak, SoakOptions, Vitals, soak};
use overlord::cli::{CliError, Format, FormatFlag};

/// Run many small jobs in a row, and see whether the daemons stay as they are
///
/// Compares the most that each daemon takes in the second half of the run with the most of the first half,
/// without the first fifth, in which caches fill. Resident memory may grow by a fifth and 8 MiB, file handles by
/// 16, child processes by none. Exits with 1 if something grows more, or a job does not end as ok.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord bench soak
  overlord bench soak --jobs 10000 --minions 3 --json")]
pub(crate) struct SoakCommand {
    /// How many jobs
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(20..))]
    jobs: u64,
    /// How many minions, of which each runs every job
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    minions: u16,
    /// How many jobs at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: u16,
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    full: FullFlag,
}

impl SoakCommand {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let jobs = self.jobs;
        let options = SoakOptions {
            jobs,
            minions: self.minions,
            in_flight: self.in_flight.into(),
            modules: self.fleet.modules,
        };
        let watch = |sample: &Sample| {
            note(format_args!("{} of {jobs} jobs, {:.0} a second", sample.jobs, sample.rate));
        };
        measured(
            async |signals| soak(options, signals.next(), watch).await,
            |soak| {
                let printed = match self.format.format() {
                    Format::Json => print(document(&soak)),
                    Format::Text => {
                        show(&table(&soak).shown(self.full.reader())).and_then(|()| print(text(&soak)))
                    }
                };
                Exit::of(soak.is_flat()).after_printing(printed)
            },
        )
    }
}

fn text(soak: &Soak) -> String {
    let mut lines = vec![String::new()];
    for (name, growth) in soak.names.iter().zip(&soak.growth) {
        lines.extend(growth.iter().map(|growth| verdict(name, growth)));
    }
    let jobs = soak.samples.last().map_or(1, |last| last.jobs.max(1));
    for (name, disk) in soak.names.iter().zip(&soak.disk) {
        let grown = disk.after.saturating_sub(disk.before);
        lines.push(format!(
            "{name}: on disk {} grew to {}, {} bytes a job: by design, until retention takes the oldest",
            mebibytes(disk.before),
            mebibytes(disk.after),
            grown / jobs,
        ));
    }
    if let Some(first) = &soak.first_not_ok {
        lines.push(format!("{} jobs did not end as ok: the first is {first}", soak.not_ok));
    }
    let word = if soak.is_flat() { "flat" } else { "NOT flat" };
    lines.push(format!("{word}: {jobs} jobs, {:.0} a second", soak.rate()));
    lines.join("\n")
}

/// A row for each daemon at each sample.
pub(super) fn table(soak: &Soak) -> Table {
    let columns = [
        Column::whole("JOBS"),
        Column::whole("JOBS/S").minor(),
        Column::whole("DAEMON"),
        Column::whole("MEMORY"),
        Column::whole("HANDLES").minor(),
        Column::whole("CHILDREN").minor(),
    ];
    let rows = |sample: &Sample| {
        let (jobs, rate) = (sample.jobs.to_string(), format!("{:.0}", sample.rate));
        let row = |(name, daemon): (&String, &Vitals)| {
            let memory = mebibytes(daemon.resident);
            let (handles, children) = (daemon.handles.to_string(), daemon.children.to_string());
            [jobs.clone(), rate.clone(), name.clone(), memory, handles, children]
        };
        soak.names.iter().zip(&sample.daemons).map(row).collect::<Vec<_>>()
    };
    Table::new(columns).with(soak.samples.iter().flat_map(rows))
}

fn verdict(name: &str, growth: &Growth) -> String {
    let amount = |number: u64| match growth.measure {
        Measure::Resident => mebibytes(number),
        Measure::Handles | Measure::Children => number.to_string(),
    };
    let word = if growth.is_flat() { "flat" } else { "NOT flat" };
    format!(
        "{name}: {} {word}: at most {} before, {} after, {} more allowed",
        growth.measure.as_str(),
        amount(growth.before),
        amount(growth.after),
        amount(growth.allowed),
    )
}

fn document(soak: &Soak) -> Value {
    let samples = soak.samples.iter().map(|sample| {
        let daemons = soak.names.iter().zip(&sample.daemons).map(|(name, daemon)| {
            json!({
                "name": name,
                "resident_bytes": daemon.resident,
                "handles": daemon.handles,
                "children": daemon.children,
            })
        });
        json!({
            "job_count": sample.jobs,
            "elapsed_ms": sample.elapsed.as_secs_f64() * 1000.0,
            "rate": sample.rate,
            "daemons": daemons.collect::<Vec<_>>(),
        })
    });
    let daemons = soak.names.iter().zip(&soak.growth).zip(&soak.disk).map(|((name, growth), disk)| {
        let growth = growth.iter().map(|growth| {
            json!({
                "measure": growth.measure.as_str(),
                "begin": growth.before,
                "end": growth.after,
                "allowed": growth.allowed,
                "flat": growth.is_flat(),
            })
        });
        json!({
            "name": name,
            "growth": growth.collect::<Vec<_>>(),
            "disk_before_bytes": disk.before,
            "disk_after_bytes": disk.after,
        })
    });
    json!({
        "bench": "soak",
        "build": BUILD,
        "flat": soak.is_flat(),
        "rate": soak.rate(),
        "not_ok": soak.not_ok,
        "first_not_ok": soak.first_not_ok,
        "daemons": daemons.collect::<Vec<_>>(),
        "samples": samples.collect::<Vec<_>>(),
    })
}
