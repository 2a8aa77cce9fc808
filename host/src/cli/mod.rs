//! The command line of `minion`: one file for each command.

mod bindings;
mod call;
mod check;
mod completions;
mod confirm;
mod grant;
mod join;
mod man;
mod modules;
mod new;
mod output;
mod pack;
mod reload;
mod revoke_grant;
mod serve;
mod sign;
mod signature;
mod spectator;
mod status;
mod suggested;
#[cfg(test)]
mod tables;
mod watch;
mod workbench;

use std::path::PathBuf;
use std::process::ExitCode;

use ::output::Failure;
use clap::{Args, Parser, Subcommand};
use wire::message::module::MethodError;
use wire::name::BadName;
use wire::value::arguments::ArgumentError;
use wire::value::given::GivenError;

use crate::control::ControlError;
use crate::folder::{Folder, FolderError};

/// Runs sandboxed modules on this host for an overlord.
#[derive(Debug, Parser)]
#[command(name = "minion", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bindings(bindings::Bindings),
    Call(call::Call),
    Check(check::Check),
    Completions(completions::Completions),
    Grant(grant::Grant),
    Join(join::Join),
    Man(man::Man),
    Modules(modules::Modules),
    New(new::New),
    Pack(pack::Pack),
    RevokeGrant(revoke_grant::RevokeGrant),
    Serve(serve::Serve),
    Sign(sign::Sign),
    Status(status::Status),
}

/// What is said of an error that ends a command, to people and to programs.
pub fn failure(error: &anyhow::Error) -> Failure {
    Failure::new(kind(error), format_args!("{error:#}"))
}

/// Which of the kinds of `docs/json.md` it is of.
fn kind(error: &anyhow::Error) -> &'static str {
    let is_usage = error.is::<GivenError>()
        || error.is::<ArgumentError>()
        || error.is::<MethodError>()
        || error.is::<BadName>();
    match error.downcast_ref::<ControlError>() {
        Some(ControlError::NotRunning(_)) => "unreachable",
        Some(ControlError::Forbidden(_)) => "denied",
        Some(ControlError::Speech(_)) => "version",
        Some(ControlError::Silent) => "not-answered",
        None if matches!(
            error.downcast_ref(),
            Some(FolderError::NotEnrolled(_) | FolderError::Missing(_))
        ) =>
        {
            "not-initialised"
        }
        None if is_usage => "usage",
        None => "failed",
    }
}

/// Where the minion is.
#[derive(Debug, Args)]
struct Place {
    /// The minion's folder [env: MINION_DIR] [default: /var/lib/minion for root, ~/.local/share/minion otherwise]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Bindings(bindings) => bindings.run(),
            Command::New(new) => new.run(),
            Command::Pack(pack) => pack.run(),
            Command::Sign(sign) => sign.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
            Command::Call(call) => call.run(&self.place).await,
            Command::Check(check) => check.run(&self.place),
            Command::Modules(modules) => modules.run(&self.place).await,
            Command::Status(status) => status.run(&self.place).await,
            Command::Grant(grant) => grant.run(&self.place).await,
            Command::RevokeGrant(revoke) => revoke.run(&self.place).await,
            Command::Join(join) => join.run(&self.place).await,
            Command::Serve(serve) => serve.run(&self.place).await,
        }
    }
}

impl Place {
    fn folder(&self) -> Result<Folder, FolderError> {
        // Not read by the parser, which would show what the environment has set as a part of every usage line.
        Folder::locate(self.dir.clone().or_else(|| std::env::var_os("MINION_DIR").map(PathBuf::from)))
    }

    /// The minion's folder, which must be there.
    fn made_folder(&self) -> Result<Folder, FolderError> {
        let folder = self.folder()?;
        if !folder.dir().is_dir() {
            return Err(FolderError::Missing(folder.dir().to_owned()));
        }
        Ok(folder)
    }
}
