//! The commands of operators: one file a command, or a few that belong together.
//!
//! A command parses its words, asks through [`crate::client`], shows what comes back through
//! [`crate::report`], and says by its [`Exit`] how it went.

mod audit;
mod ca;
mod call;
mod context;
mod daemon;
mod dev;
mod distinct_modules;
mod doc;
mod durations;
mod error;
mod facts;
mod follow;
mod global;
mod job;
mod key;
mod login;
mod minion;
mod module;
mod operator;
mod ping;
mod progress;
mod raw;
mod selection;
mod signals;
mod status;
#[cfg(test)]
mod tables;
mod targets;
mod words;

use clap::Subcommand;
use output::Exit;

use self::durations::{brief_duration, duration};
pub use self::error::CliError;
pub use self::global::Global;
use self::global::talk;
pub use self::global::{Format, FormatFlag};
pub use self::signals::StopSignals;

/// A command of operators, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Dev(dev::Dev),
    Init(daemon::Init),
    Serve(daemon::Serve),
    Restored(daemon::Restored),
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
    Can(login::Can),
    Login(login::Login),
    #[command(subcommand)]
    Context(context::ContextCommand),
    Whoami(login::Whoami),
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
