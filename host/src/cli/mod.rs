//! The commands of `minion` that a host's owner uses: one file for each.

mod audit;
mod call;
mod check;
mod config_edit;
mod daemon;
mod dir_flag;
mod grant;
mod join;
mod measure;
mod modules;
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

use clap::Subcommand;
use output::{Exit, Fails, Failure};

use crate::control::ControlError;
use crate::enroll::JoinError;
use crate::folder::FolderError;
use crate::granting::{FolderGrantError, GrantError};
use crate::highest_versions::HighestVersionsError;
use crate::sandbox::{LoadError, SandboxError};
use crate::start_error::StartError;

pub use self::dir_flag::DirFlag;

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

impl Command {
    /// On how many threads it runs, beside those of guests. The link of one minion has enough in one, and is passed from thread
    /// to thread where there are more, which costs more than they do for it.
    pub fn threads(&self) -> usize {
        match self {
            Self::Swarm(_) => 2,
            _ => 1,
        }
    }

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
