//! The `minion` program: the commands of a host's owner, and those of authors.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::{Completions, Context as _, Exit, Failure, Man};

use minion_host::cli::DirFlag;

/// Runs sandboxed modules on this host for an overlord.
#[derive(Debug, Parser)]
#[command(name = "minion", version, max_term_width = 100)]
// Whose command it is matters to nobody who looks for one: they are listed by their names, and `help` behind them.
#[command(mut_subcommands = |command| command.display_order(0))]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    dir: DirFlag,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Host(minion_host::cli::Command),
    #[command(flatten)]
    Author(authoring::cli::Command),
    #[command(after_help = "\
Examples:
  minion completions bash > /etc/bash_completion.d/minion
  minion completions fish > ~/.config/fish/completions/minion.fish")]
    Completions(Completions),
    Man(Man),
}

impl Cli {
    /// On how many threads the command runs, beside those of guests.
    fn threads(&self) -> usize {
        match &self.command {
            Command::Host(command) => command.threads(),
            Command::Author(_) | Command::Completions(_) | Command::Man(_) => 1,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::Host(command) => command.run(&self.dir).await,
            Command::Author(command) => command.run(),
            Command::Completions(command) => command.run::<Cli>(),
            Command::Man(command) => command.run::<Cli>(),
        }
    }
}

fn main() -> ExitCode {
    machine::memory::keep_little();
    let cli = output::parse::<Cli>();
    let threads = cli.threads();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.context("cannot start");
    output::end("minion", runtime.and_then(|runtime| runtime.block_on(cli.run())))
}
