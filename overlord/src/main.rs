//! The `overlord` program: the daemon, and the command line that talks to it.

use std::process::ExitCode;

use clap::Parser as _;
use overlord::cli::{Cli, note};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            if !error.is_closed_pipe() {
                note(format_args!("overlord: {error}"));
            }
            error.exit().into()
        }
    }
}
