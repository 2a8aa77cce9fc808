//! `overlord minion invite`

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use machine::clock::now_ms;
use serde_json::json;
use wire::document::text::line;
use wire::message::enroll::Token;
use wire::message::operator::{MinionStanding, MinionStatus};
use wire::name::MinionName;

use super::super::{CliError, Format, FormatFlag, Global, brief_duration, talk};
use crate::client::Client;
use crate::dial_address::DialAddress;
use crate::enrolment::NameGlob;
use output::{Exit, note, print};
use wire::document::text::since;

/// Print a token with which a host becomes a minion
///
/// The token stands alone on stdout. Whoever has it can join under the name, once, until it runs out. One for a glob, as an
/// image of many hosts has it, gives each host its own name where the glob matches that, as often as --uses says; it never
/// gives a name away that somebody has. The token tells hosts to dial the address that `advertise` in overlord.toml names,
/// or the HOST:PORT of --address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord minion invite web1
  overlord minion invite web1 --replace
  overlord minion invite 'web*' --uses 50 --ttl 30d
  overlord minion invite web1 --address overlord.example.org:51234
  overlord minion invite web1 --ttl 10m | ssh web1 minion join -")]
pub(in crate::cli) struct Invite {
    /// The name that the minion will have, as in a host name, or a glob that the hosts' own names must match
    #[arg(value_name = "NAME|GLOB")]
    names: NameGlob,
    /// How many hosts may join with a token for a glob
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MAX_USES))]
    uses: u32,
    /// How long the token is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = brief_duration)]
    ttl: Duration,
    /// The name is in use, and is to go to whoever joins with the token
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    format: FormatFlag,
}

impl Invite {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let wanted = global.address().map(wanted).transpose()?;
        // The overlord of this host need not be reachable from here as other hosts reach it.
        let noted = wanted.as_ref().and_then(|_| global.folder().ok()?.current().ok()?.noted_address());
        let global = global.or_at(noted);
        talk(&global, async |client| self.invite(client, wanted.as_ref()).await)
    }

    async fn invite(self, client: &Client, wanted: Option<&DialAddress>) -> Result<Exit, CliError> {
        let address = match self.names.as_str().parse::<MinionName>() {
            Ok(name) if self.uses == 1 => self.one(client, name, wanted).await?,
            Ok(name) => return Err(CliError::UsesOfName { name }),
            Err(_) => self.several(client, wanted).await?,
        };
        if let Some(address) = address.filter(|_| wanted.is_none())
            && leads_nowhere(client, &address).await
        {
            note(format_args!(
                "the token names {address}, by which no other host reaches this overlord: invite with --address \
                 HOST:PORT, or set `advertise` in overlord.toml and start the overlord again"
            ));
        }
        Ok(Exit::Ok)
    }

    /// Invites under one name. Returns the address that the token names.
    async fn one(
        &self,
        client: &Client,
        name: MinionName,
        wanted: Option<&DialAddress>,
    ) -> Result<Option<String>, CliError> {
        let in_use = client.minions().await?.into_iter().find(|minion| minion.name == name);
        let token = client.invite(name.clone(), self.ttl).await?;
        let (token, address) = addressed(token, wanted);
        match self.format.format() {
            Format::Json => print(json!({ "token": token, "address": address, "in_use": in_use.is_some() }))?,
            Format::Text => {
                print(token)?;
                let ttl = humantime::format_duration(self.ttl);
                note(format_args!("within {ttl}, on {name}: minion join TOKEN && minion serve"));
            }
        }
        if let Some(minion) = in_use.filter(|_| !self.replace) {
            note(format_args!(
                "the name \"{name}\" is in use, by a minion that {}: whoever joins with this token takes it over, and the \
                 former one is refused unless it is the same host; --replace says that this is meant",
                standing(&minion)
            ));
        }
        Ok(address)
    }

    /// Invites under all names that the glob matches. Returns the address that the token names.
    async fn several(
        &self,
        client: &Client,
        wanted: Option<&DialAddress>,
    ) -> Result<Option<String>, CliError> {
        let token = client.invite_glob(self.names.as_str(), self.uses, self.ttl).await?;
        let (token, address) = addressed(token, wanted);
        match self.format.format() {
            Format::Json => print(json!({ "token": token, "address": address, "use_count": self.uses }))?,
            Format::Text => {
                print(token)?;
                let (ttl, uses) = (humantime::format_duration(self.ttl), self.uses);
                let hosts = if uses == 1 { "one host".to_owned() } else { format!("{uses} hosts") };
                note(format_args!(
                    "within {ttl}, on as many as {hosts} whose names \"{}\" matches: minion join TOKEN && minion serve",
                    self.names
                ));
            }
        }
        Ok(address)
    }
}

/// Where a minion is, as it reads on from "that".
fn standing(minion: &MinionStatus) -> String {
    if let MinionStanding::Revoked { .. } = minion.standing {
        return "was revoked".to_owned();
    }
    match (&minion.address, minion.last_seen) {
        (Some(address), _) => format!("is linked from {}", line(address)),
        (None, Some(at)) => format!("was last seen {} ago", since(at, now_ms())),
        (None, None) => "was never linked".to_owned(),
    }
}

/// The address that the token is to name.
fn wanted(address: &str) -> Result<DialAddress, CliError> {
    address.parse().map_err(|source| CliError::TokenAddress { address: address.to_owned(), source })
}

/// The token with the address that it is to have, where one is asked for, and the address that it has then. The
/// overlord keeps nothing of a token but its secret.
fn addressed(text: String, wanted: Option<&DialAddress>) -> (String, Option<String>) {
    let Ok(mut token) = text.parse::<Token>() else { return (text, None) };
    if let Some(wanted) = wanted {
        token.address = wanted.to_string();
    }
    (token.to_string(), Some(token.address))
}

/// Whether the address is loopback although the overlord listens for other hosts too.
async fn leads_nowhere(client: &Client, address: &str) -> bool {
    if !address.parse().is_ok_and(|address: DialAddress| address.is_loopback()) {
        return false;
    }
    // Where the overlord does not say, there is nothing to warn of.
    let listens = client.status().await.ok().and_then(|status| status.address.parse::<SocketAddr>().ok());
    listens.is_some_and(|listens| listens.ip().to_canonical().is_unspecified())
}

/// The most hosts that may join with one token.
const MAX_USES: i64 = 100_000;
