//! `overlord module assign` and `overlord module unassign`

use std::str::FromStr;

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;
use wire::document::text::{counted, line};
use wire::name::{MinionName, ModuleName};

use super::super::selection::{Lenient, confirm, is_unconfirmed, settle_target, with_warnings};
use super::super::{CliError, Format, FormatFlag};
use super::assignments::{assignment_document, version_name};
use crate::client::{Client, ClientError};

/// Let all minions that match have a version of a module in service, now and whenever one connects
///
/// The version must be in the catalogue: push it, or bring it with `overlord module add`. Of several assignments of a
/// module that match a minion the newest holds. A minion that refuses the version is not asked again until the
/// assignment is repeated or the minion has forgotten the failure.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module assign 'web*' service@1.4.0
  overlord module assign 'os=debian & role=db' service@3fa4b2 --json")]
pub(in crate::cli) struct Assign {
    /// Which minions: names, globs, facts, lists (see `overlord targets --help`)
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Which module, and its version or the beginning of its digest
    #[arg(value_name = "NAME@VERSION")]
    version: NamedVersion,
    /// Go on even where the target is wide
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    lenient: Lenient,
    #[command(flatten)]
    format: FormatFlag,
}

/// `NAME@VERSION`
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedVersion {
    name: ModuleName,
    version: String,
}

impl FromStr for NamedVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) =
            text.split_once('@').filter(|(_, version)| !version.is_empty()).ok_or_else(|| {
                "write NAME@VERSION, or NAME@ and the beginning of a digest: see `overlord module show NAME`"
                    .to_owned()
            })?;
        let name = name.parse().map_err(|error: wire::name::BadName| error.to_string())?;
        Ok(Self { name, version: version.to_owned() })
    }
}

impl Assign {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let NamedVersion { name, version } = self.version;
        let target = self.lenient.of(self.expression);
        let Some(mut confirmed) = settle_target(client, self.yes, &target).await? else {
            note(DECLINED);
            return Ok(Exit::Interrupted);
        };
        let assigned = loop {
            let (target, name, version) = (target.clone(), name.clone(), version.clone());
            match client.assign_module(target, name, version, confirmed).await {
                Ok(assigned) => break assigned,
                Err(ClientError::Refusal(refusal)) if is_unconfirmed(&refusal, confirmed) => {
                    if !confirm(&refusal.message).await? {
                        note(DECLINED);
                        return Ok(Exit::Interrupted);
                    }
                    confirmed = true;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let ((assignment, minions, connected), warnings) = assigned.said();
        match self.format.format() {
            Format::Json => {
                let mut document = assignment_document(&assignment);
                let minion =
                    |name: &MinionName| json!({ "name": name, "connected": connected.contains(name) });
                document["minions"] = minions.iter().map(minion).collect();
                print(with_warnings(document, &warnings))?;
            }
            Format::Text => {
                let version = version_name(&assignment);
                print(format_args!("{version} is assigned to \"{}\"", line(&assignment.expression)))?;
                note(format_args!(
                    "{} {} now, {} connected; see what becomes of it with: overlord module assignments",
                    counted(minions.len(), "minion"),
                    if minions.len() == 1 { "matches" } else { "match" },
                    connected.len(),
                ));
            }
        }
        Ok(Exit::Ok)
    }
}

/// What a user is told who does not want an assignment after all.
const DECLINED: &str = "nothing was assigned";

/// Take an assignment back, which leaves what minions have in service as it is
///
/// An older assignment of the module that matches a minion holds from then on, and is brought when the minion next
/// connects: the answer names those.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module unassign 'web*' service")]
pub(in crate::cli) struct Unassign {
    /// The expression, as it was assigned
    #[arg(value_name = "EXPR")]
    expression: String,
    /// Which module
    module: ModuleName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Unassign {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let (assignment, instead) = client.unassign_module(self.expression, self.module).await?;
        match self.format.format() {
            Format::Json => {
                let mut document = assignment_document(&assignment);
                document["instead"] = instead.iter().map(assignment_document).collect();
                print(document)?;
            }
            Format::Text => {
                let (name, expression) = (&assignment.name, line(&assignment.expression));
                print(format_args!("{name} is no longer assigned to \"{expression}\""))?;
                for one in &instead {
                    note(format_args!(
                        "{} is assigned to \"{}\", and comes back when these minions next connect",
                        version_name(one),
                        line(&one.expression)
                    ));
                }
            }
        }
        Ok(Exit::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_written_behind_the_name() {
        let parsed: NamedVersion = "service@1.0.0+build@2".parse().expect("parses");
        assert_eq!((parsed.name.as_str(), parsed.version.as_str()), ("service", "1.0.0+build@2"));
        for bad in ["service", "service@", "@1", "ser vice@1"] {
            assert!(bad.parse::<NamedVersion>().is_err(), "{bad}");
        }
    }
}
