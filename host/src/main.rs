//! The `minion` program.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use minion_host::cli::Cli;

fn main() -> ExitCode {
    let cli = output::parse::<Cli>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.run()));
    match done {
        Ok(code) => code,
        Err(error) => {
            let failure = minion_host::cli::failure(&error);
            failure.say("minion");
            if failure.kind == "usage" { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}
