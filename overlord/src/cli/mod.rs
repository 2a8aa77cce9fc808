//! The command line of operators: one file a command.
//!
//! A command parses its words, asks through [`crate::client`], shows what comes back through
//! [`crate::report`], and says by its [`Exit`] how it went.

mod bench;
mod call;
mod completions;
mod confirm;
mod dev;
mod doc;
mod error;
mod exit;
mod facts;
mod follow;
mod init;
mod job;
mod key;
mod man;
mod minion;
mod module;
mod output;
mod ping;
mod progress;
mod raw;
mod selection;
mod serve;
mod signals;
mod status;
#[cfg(test)]
mod tables;
mod targets;
mod waiting;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::client::{Client, ClientConfig};
use crate::folder::Folder;

pub use self::error::CliError;
pub use self::exit::Exit;

/// Call methods of WebAssembly modules on many hosts at once.
#[derive(Debug, Parser)]
#[command(name = "overlord", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
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

/// What holds for every command.
#[derive(Debug, Args)]
struct Global {
    /// The overlord's folder [env: OVERLORD_DIR] [default: /var/lib/overlord for root, or overlord in the
    /// XDG data folder]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Where the overlord is")]
    dir: Option<PathBuf>,
    /// Where the overlord listens, as HOST:PORT [env: OVERLORD_ADDRESS] [default: where the overlord of the
    /// folder listens]
    #[arg(long, global = true, value_name = "ADDRESS", help_heading = "Where the overlord is")]
    address: Option<String>,
}

impl Global {
    fn folder(&self) -> Result<Folder, CliError> {
        Ok(Folder::locate(self.dir.clone())?)
    }

    async fn connect(&self) -> Result<Client, CliError> {
        // Not read by the parser, which would show what the environment has set as a part of every usage line.
        let environment = || std::env::var("OVERLORD_ADDRESS").ok().filter(|address| !address.is_empty());
        let config = ClientConfig::new(self.folder()?, self.address.clone().or_else(environment))?;
        Ok(Client::connect(&config).await?)
    }
}

/// In the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Dev),
    Init(init::Init),
    Serve(serve::Serve),
    Status(status::Status),
    Call(call::CallCommand),
    Ping(ping::PingCommand),
    Targets(targets::Targets),
    Facts(facts::FactsCommand),
    #[command(subcommand)]
    Job(job::JobCommand),
    #[command(subcommand)]
    Minion(minion::MinionCommand),
    #[command(subcommand)]
    Module(module::ModuleCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    Doc(doc::Doc),
    Completions(completions::Completions),
    Man(man::Man),
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

impl Cli {
    /// Runs the command that was parsed.
    pub fn run(self) -> Result<Exit, CliError> {
        let global = self.global;
        match self.command {
            Command::Init(command) => command.run(&global),
            Command::Serve(command) => command.run(&global),
            Command::Dev(command) => command.run(&global),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Bench(command) => command.run(&global),
            Command::Status(command) => talk(&global, async |client| command.run(client).await),
            Command::Call(command) => talk(&global, async |client| command.run(client).await),
            Command::Ping(command) => talk(&global, async |client| command.run(client).await),
            Command::Targets(command) => talk(&global, async |client| command.run(client).await),
            Command::Facts(command) => talk(&global, async |client| command.run(client).await),
            Command::Job(command) => talk(&global, async |client| command.run(client).await),
            Command::Minion(command) => command.run(&global),
            Command::Module(command) => talk(&global, async |client| command.run(client).await),
            Command::Doc(command) => talk(&global, async |client| command.run(client).await),
        }
    }
}

/// Connects, lets the command talk, and says goodbye.
fn talk(
    global: &Global,
    command: impl AsyncFnOnce(&Client) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    // One thread starts fastest, and one connection needs no more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CliError::Runtime)?;
    let exit = runtime.block_on(async {
        let client = global.connect().await?;
        let exit = command(&client).await;
        client.close().await;
        exit
    });
    // Not dropped, which waits for a question that is not going to be answered.
    runtime.shutdown_background();
    exit
}

/// How the answer of a command is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The flag of all commands that print data.
#[derive(Debug, Args)]
struct FormatFlag {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl FormatFlag {
    fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}

/// Reads `90s`, `5m`, `1h 30m`.
fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 90s, 5m or 1h30m"))
}

/// Reads the same, but no time at all is refused: what lasts less than a millisecond does nothing.
fn brief_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        brief if brief.as_millis() == 0 => {
            Err("must be a millisecond at least: write it like 90s, 5m or 1h30m".to_owned())
        }
        long => Ok(long),
    }
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
            assert_eq!(cli.global.dir.as_deref(), Some(std::path::Path::new("/d")));
            assert_eq!(cli.global.address.as_deref(), Some("a:1"));
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("5").expect_err("no unit").contains("write it like"));
        assert_eq!(brief_duration("1ms"), Ok(Duration::from_millis(1)));
        for none in ["0s", "0ms", "1us"] {
            assert!(brief_duration(none).expect_err("refused").contains("write it like"), "{none}");
        }
    }
}
