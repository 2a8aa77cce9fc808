//! `cargo run -p overlord-fuzz --features program -- TARGET [--seconds 60] [--seed N]`, or with `--input FILE` one input again.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use overlord_fuzz::{Driver, Target, replay};

/// Feeds damaged input to a reader until it breaks or the time is up.
#[derive(Parser)]
struct Options {
    /// What to fuzz.
    target: Target,
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What all damage follows from [default: another one each time].
    #[arg(long)]
    seed: Option<u64>,
    /// Feed only this file, as a finding names it.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where the input that is being fed is kept.
    #[arg(long, default_value = "target/fuzz")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> anyhow::Result<()> {
    let Options { target, seconds, seed, input, folder } = options;
    if let Some(input) = input {
        replay(target, &input)?;
        println!("{}: no finding", target.name());
        return Ok(());
    }
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let name = target.name();
    eprintln!(
        "{name}: seed {seed}; \"{}\" holds the input of the moment",
        folder.join(name).with_extension("input").display()
    );
    let tally = Driver { target, time: Duration::from_secs(seconds), seed, folder }.run()?;
    println!(
        "{name}: {} executions ({} of good input), seed {seed}, no finding",
        tally.executions, tally.taken
    );
    Ok(())
}
