//! The commands of `minion` that a host's owner uses: one file for each.

mod audit;
mod call;
mod check;
mod daemon;
mod grant;
mod join;
mod measure;
mod modules;
mod reload;
mod revoke_grant;
mod serve;
mod signature;
mod spectator;
mod status;
mod suggested;
mod swarm;
#[cfg(test)]
mod tables;
mod watch;
mod workbench;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use output::{Exit, Fails, Failure};

use crate::control::ControlError;
use crate::enroll::JoinError;
use crate::folder::{Folder, FolderError};
use crate::granting::{FolderGrantError, GrantError};
use crate::highest_versions::HighestVersionsError;
use crate::sandbox::{LoadError, SandboxError};
use crate::start_error::StartError;

/// A command of a host's owner.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Audit(audit::Audit),
    Call(call::Call),
    Check(check::Check),
    Grant(grant::Grant),
    Join(join::Join),
    #[command(subcommand, hide = true)]
    Measure(measure::Measure),
    Modules(modules::Modules),
    RevokeGrant(revoke_grant::RevokeGrant),
    Serve(serve::Serve),
    Status(status::Status),
    Swarm(swarm::Swarm),
}

impl Fails for ControlError {
    fn kind(&self) -> &'static str {
        match self {
            Self::NotRunning(_) => "unreachable",
            Self::Forbidden(_) => "denied",
            Self::Speech(_) => "version",
            Self::Silent => "not-answered",
        }
    }
}

impl Fails for FolderError {
    fn kind(&self) -> &'static str {
        match self {
            Self::NotEnrolled(_) | Self::Missing(_) => "not-initialised",
            _ => "failed",
        }
    }
}

impl Fails for FolderGrantError {}
impl Fails for GrantError {}
impl Fails for HighestVersionsError {}
impl Fails for JoinError {}
impl Fails for LoadError {}
impl Fails for SandboxError {}
impl Fails for StartError {}

/// The flag of all commands that says where the minion is.
#[derive(Debug, Args)]
pub struct DirFlag {
    /// The minion's folder [env: MINION_DIR] [default: /var/lib/minion for root, ~/.local/share/minion otherwise]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Command {
    /// Does what was asked for, with the minion that the flag says.
    pub async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        match self {
            Self::Audit(audit) => audit.run(dir),
            Self::Call(call) => call.run(dir).await,
            Self::Check(check) => check.run(dir),
            Self::Measure(measure) => measure.run(dir).await,
            Self::Modules(modules) => modules.run(dir).await,
            Self::Status(status) => status.run(dir).await,
            Self::Grant(grant) => grant.run(dir).await,
            Self::RevokeGrant(revoke) => revoke.run(dir).await,
            Self::Join(join) => join.run(dir).await,
            Self::Serve(serve) => serve.run(dir).await,
            Self::Swarm(swarm) => swarm.run(dir).await,
        }
    }
}

impl DirFlag {
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
