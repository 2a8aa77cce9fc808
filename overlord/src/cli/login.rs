//! Who somebody is to an overlord, and what they may do: `overlord login`, `overlord whoami` and `overlord can`.

use std::io;

use clap::Args;
use output::{Exit, note, print};
use serde_json::json;
use wire::document::text::line;
use wire::message::enroll::Token;
use wire::name::{MethodPath, OperatorName};

use super::operator::show::show;
use super::selection::{Selection, with_warnings};
use super::{CliError, Format, FormatFlag, Global};
use crate::client::{self, Client};
use crate::contexts::ContextName;

/// Become the operator that a token is for
///
/// Makes a key on this machine, which never leaves it, and has the overlord of the token sign it. Key and certificate are
/// kept in the folder as a context, and commands talk to that overlord from then on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord login overlord-token-…
  overlord login - --context production <token.txt
  overlord login overlord-token-… --address overlord.example.org:51234")]
pub(super) struct Login {
    /// The token that `overlord operator invite` printed, or - for standard input
    token: String,
    /// What to call the context [default: the operator's name and the overlord's host]
    #[arg(long, value_name = "NAME", value_parser = context_name)]
    context: Option<ContextName>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Login {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let text = match self.token.as_str() {
            "-" => io::read_to_string(io::stdin().lock()).map_err(CliError::Token)?,
            token => token.to_owned(),
        };
        let token: Token = text.parse().map_err(|_| {
            CliError::Usage("not a token: copy the whole line that `overlord operator invite NAME` printed")
        })?;
        let folder = global.folder()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(CliError::Runtime)?;
        let logged_in = runtime.block_on(client::log_in(&folder, &token, global.address(), self.context));
        runtime.shutdown_background();
        let client::LoggedIn { operator, context, address, valid_until, signing_key } = logged_in?;
        match self.format.format() {
            Format::Json => print(json!({
                "operator": operator,
                "context": context.as_str(),
                "address": address,
                "valid_until_at": valid_until.to_string(),
                "signing_key": signing_key,
            }))?,
            Format::Text => note(format_args!(
                "you are {operator} to the overlord at {address}, until {valid_until}: see what you may do with \
                 `overlord whoami`; this is the context {context}"
            )),
        }
        Ok(Exit::Ok)
    }
}

/// Reads the name of a context that is not the folder's own.
fn context_name(text: &str) -> Result<ContextName, String> {
    let name: ContextName =
        text.parse().map_err(|error: crate::contexts::BadContextName| error.to_string())?;
    match name.is_local() {
        true => Err("\"local\" is the identity that `overlord init` made: choose another name".to_owned()),
        false => Ok(name),
    }
}

/// Show who you are to the overlord, and what your roles allow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord whoami
  overlord whoami --json")]
pub(super) struct Whoami {
    #[command(flatten)]
    format: FormatFlag,
}

impl Whoami {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        show(&client.whoami().await?, self.format.format())
    }
}

/// Say whether an operator may call a method, and by which rule
///
/// Ends with 0 where it may on all minions that match, and with 1 otherwise. Everybody may ask about themselves;
/// administrators may ask about everybody.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord can bob service.restart 'web*'
  overlord can ci test.ping '*' --json")]
pub(super) struct Can {
    /// The operator
    operator: OperatorName,
    /// What it would run
    #[arg(value_name = "MODULE.METHOD")]
    method: MethodPath,
    /// On which minions
    target: String,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    format: FormatFlag,
}

impl Can {
    pub(super) async fn run(self, client: &Client) -> Result<Exit, CliError> {
        let target = self.selection.of(self.target);
        let (permission, warnings) = client.can(self.operator, self.method, target).await?.said();
        let printed = match self.format.format() {
            Format::Json => {
                let document = json!({
                    "operator": permission.operator,
                    "method": permission.method,
                    "can": permission.can,
                    "allowed": permission.allowed,
                    "denied": permission.denied,
                    "rule": permission.rule,
                    "decided_by": permission.roles,
                });
                print(with_warnings(document, &warnings))
            }
            Format::Text => print(format_args!(
                "{}: {}",
                if permission.can { "yes" } else { "no" },
                line(&permission.rule)
            )),
        };
        Exit::of(permission.can).after_printing(printed)
    }
}
