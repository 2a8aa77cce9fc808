//! The `minion` program.

use std::process::ExitCode;

use clap::Parser as _;

use minion_host::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.run()));
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("minion: {error:#}");
            ExitCode::FAILURE
        }
    }
}
