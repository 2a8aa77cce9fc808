//! `overlord module release`

use clap::Args;
use serde_json::json;
use wire::message::catalogue::OngoingChange;
use wire::name::ModuleName;

use super::super::{CliError, Format, FormatFlag};
use crate::client::Client;
use machine::clock::rfc3339;
use output::{Exit, print};

/// Take a module from whoever changes it and does not come to an end
///
/// The change ends where it is: minions may have it already, all or some of them. See `overlord module show MODULE`, and
/// call a push off with `overlord module push --cancel MODULE` where that is enough.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord module release service")]
pub(in crate::cli) struct Release {
    /// Which module
    module: ModuleName,
    #[command(flatten)]
    format: FormatFlag,
}

impl Release {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let ongoing = client.release_module(self.module).await?;
        ended(&ongoing, "released", matches!(self.format.format(), Format::Json))
    }
}

/// Says whose change of a module was ended, and how.
pub(super) fn ended(ongoing: &OngoingChange, how: &str, is_json: bool) -> Result<Exit, CliError> {
    let OngoingChange { name, operator, doing, since } = ongoing;
    let since = rfc3339(*since);
    if is_json {
        print(json!({
            "module": name.as_str(), "operator": operator.as_str(), "doing": doing, "since_at": since, "ended": how,
        }))?;
    } else {
        print(format_args!("{how}: \"{name}\" was being {doing} by {operator} since {since}"))?;
    }
    Ok(Exit::Ok)
}
