//! The `overlord` program: the commands of operators, the daemon among them, and measurements.
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use bench::cli::BenchCommand;
use clap::{Parser, Subcommand};
use output::{Completions, Exit, Failure, Man};
use overlord::cli::Global;

#[global_allocator]
static ALLOCATOR: machine::memory::Allocator = machine::memory::Allocator;

/// Call methods of WebAssembly modules on many hosts at once.
#[derive(Debug, Parser)]
#[command(name = "overlord", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  overlord dev                         try everything on this host, without set-up
  overlord call 'web*' test.add 2 3    call a method on all minions whose name begins with web
  overlord job list                    what was called, and what became of it

Exit codes:
  0 every outcome is ok    1 some outcome is not ok        2 usage, bad arguments, unknown method
  3 no minion matches      4 no overlord, or it refuses    130 interrupted
  141 nobody reads what is printed, and nothing that is not ok was known by then";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Operator(overlord::cli::Command),
    #[command(after_help = "\
Examples:
  overlord completions bash > /etc/bash_completion.d/overlord
  overlord completions fish > ~/.config/fish/completions/overlord.fish")]
    Completions(Completions),
    Man(Man),
    #[command(subcommand)]
    Bench(BenchCommand),
}

impl Cli {
    fn run(self) -> Result<Exit, Failure> {
        match self.command {
            Command::Operator(command) => Ok(command.run(&self.global)?),
            Command::Completions(command) => command.run::<Cli>(),
            Command::Man(command) => command.run::<Cli>(),
            Command::Bench(command) => Ok(command.run(&self.global)?),
        }
    }
}

fn main() -> ExitCode {
    machine::memory::give_back_soon();
    output::end("overlord", output::parse::<Cli>().run())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_whole_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                assert!(sub.get_about().is_some(), "`{path}` does not say what it does");
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                let shows = help.contains("Examples:\n  ") && help.contains("overlord ");
                assert!(sub.has_subcommands() || shows, "`{path} --help` shows no example");
                check(sub, &path);
            }
        }
        check(&Cli::command(), "overlord");
    }

    #[test]
    fn the_folder_and_the_address_may_stand_anywhere() {
        for line in ["overlord --dir /d --address a:1 status", "overlord status --address a:1 --dir /d"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect("parses");
            assert_eq!(cli.global.dir(), Some(std::path::Path::new("/d")));
            assert_eq!(cli.global.address(), Some("a:1"));
        }
    }
}
