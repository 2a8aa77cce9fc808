//! The commands of operators: one file a command.
//!
//! A command parses its words, asks through [`crate::client`], shows what comes back through
//! [`crate::report`], and says by its [`Exit`] how it went.

mod audit;
mod ca;
mod call;
mod can;
mod context;
mod dev;
mod distinct_modules;
mod doc;
mod error;
mod facts;
mod follow;
mod init;
mod job;
mod key;
mod login;
mod minion;
mod module;
mod operator;
mod ping;
mod progress;
mod raw;
mod restored;
mod selection;
mod serve;
mod signals;
mod status;
#[cfg(test)]
mod tables;
mod targets;
mod waiting;
mod whoami;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use output::Exit;

use crate::client::{Client, ClientConfig};
use crate::folder::Folder;

pub use self::error::CliError;
pub use self::signals::StopSignals;

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
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
    /// The overlord's folder, where it was named.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Where the overlord listens, where that was said.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

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

/// A command of operators, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Dev(dev::Dev),
    Init(init::Init),
    Serve(serve::Serve),
    Restored(restored::Restored),
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
    Operator(operator::OperatorCommand),
    Can(can::Can),
    Login(login::Login),
    #[command(subcommand)]
    Context(context::ContextCommand),
    Whoami(whoami::Whoami),
    #[command(subcommand)]
    Ca(ca::CaCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    Doc(doc::Doc),
    Audit(audit::AuditCommand),
}

impl Command {
    /// Runs the command that was parsed.
    pub fn run(self, global: &Global) -> Result<Exit, CliError> {
        match self {
            Command::Audit(command) => command.run(global),
            Command::Init(command) => command.run(global),
            Command::Restored(command) => command.run(global),
            Command::Serve(command) => command.run(global),
            Command::Dev(command) => command.run(global),
            Command::Ca(command) => command.run(global),
            Command::Key(command) => command.run(global),
            Command::Status(command) => talk(global, async |client| command.run(client).await),
            Command::Call(command) => talk(global, async |client| command.run(client).await),
            Command::Ping(command) => talk(global, async |client| command.run(client).await),
            Command::Targets(command) => talk(global, async |client| command.run(client).await),
            Command::Facts(command) => talk(global, async |client| command.run(client).await),
            Command::Job(command) => talk(global, async |client| command.run(client).await),
            Command::Minion(command) => command.run(global),
            Command::Operator(command) => command.run(global),
            Command::Login(command) => command.run(global),
            Command::Context(command) => command.run(global),
            Command::Can(command) => talk(global, async |client| command.run(client).await),
            Command::Whoami(command) => talk(global, async |client| command.run(client).await),
            Command::Module(command) => talk(global, async |client| command.run(client).await),
            Command::Doc(command) => talk(global, async |client| command.run(client).await),
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
        // Beside the command, so that nobody waits for it who asked for something else.
        let (exit, renewed) = tokio::join!(command(&client), renewed(&client));
        if let (Ok(_), Some(why)) = (&exit, renewed) {
            output::note(format_args!("the certificate of this operator is not renewed: {why}"));
        }
        client.close().await;
        exit
    });
    // Not dropped, which waits for a question that is not going to be answered.
    runtime.shutdown_background();
    exit
}

/// Renews the operator's own certificate, where it is due. Returns why that came to nothing.
async fn renewed(client: &Client) -> Option<String> {
    match tokio::time::timeout(RENEWAL, client.renew_if_due()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", RENEWAL.as_secs())),
    }
}

/// How long the renewal of a certificate may take.
const RENEWAL: Duration = Duration::from_secs(5);

/// How the answer of a command is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The flag of all commands that print data.
#[derive(Debug, Args)]
pub struct FormatFlag {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl FormatFlag {
    /// What it says.
    pub fn format(&self) -> Format {
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
    use super::*;

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
