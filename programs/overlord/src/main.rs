//! The `overlord` program: the daemon, and the command line that talks to it.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use overlord::cli::Cli;

fn main() -> ExitCode {
    match output::parse::<Cli>().run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            if !error.is_closed_pipe() {
                error.failure().say("overlord");
            }
            error.exit().into()
        }
    }
}
