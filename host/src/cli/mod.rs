//! The commands of `minion` that a host's owner uses: one file for each.

mod call;
mod check;
mod confirm;
mod grant;
mod join;
mod modules;
mod output;
mod reload;
mod revoke_grant;
mod serve;
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
use clap::{Args, Subcommand};
use wire::message::module::MethodError;
use wire::name::BadName;
use wire::value::arguments::ArgumentError;
use wire::value::given::GivenError;

use crate::control::ControlError;
use crate::folder::{Folder, FolderError};

pub use output::print;

/// A command of a host's owner.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Call(call::Call),
    Check(check::Check),
    Grant(grant::Grant),
    Join(join::Join),
    Modules(modules::Modules),
    RevokeGrant(revoke_grant::RevokeGrant),
    Serve(serve::Serve),
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
pub struct Place {
    /// The minion's folder [env: MINION_DIR] [default: /var/lib/minion for root, ~/.local/share/minion otherwise]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Command {
    /// Does what was asked for, with the minion of this place.
    pub async fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        match self {
            Self::Call(call) => call.run(place).await,
            Self::Check(check) => check.run(place),
            Self::Modules(modules) => modules.run(place).await,
            Self::Status(status) => status.run(place).await,
            Self::Grant(grant) => grant.run(place).await,
            Self::RevokeGrant(revoke) => revoke.run(place).await,
            Self::Join(join) => join.run(place).await,
            Self::Serve(serve) => serve.run(place).await,
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
