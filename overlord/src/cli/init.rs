//! `overlord init`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{CliError, Format, FormatFlag, Global};
use crate::config::{Elsewhere, InitOptions};
use crate::dial_address::DialAddress;
use output::{Exit, note, print};

/// Make an overlord: its authority, its certificate, and yours as its operator
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord init
  overlord init --listen 0.0.0.0:51234 --advertise overlord.example.org:51234
  overlord init --ca-cert chain.pem --ca-key overlord.key")]
pub(super) struct Init {
    /// The UDP address that it will listen on [default: port 51234 of all addresses]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The HOST:PORT that minions are told to dial [default: the address that it listens on]
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<DialAddress>,
    /// The certificates of an authority that was made elsewhere, in PEM: its own, all up to the root, and the root's
    #[arg(long, value_name = "CHAIN", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// The key of that authority, in PEM
    #[arg(long, value_name = "KEY", requires = "ca_cert")]
    ca_key: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Init {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let authority = self.ca_cert.zip(self.ca_key).map(|(chain, key)| Elsewhere { chain, key });
        let options = InitOptions { listen: self.listen, advertise: self.advertise, authority };
        let made = global.folder()?.init(&options)?;
        let dir = made.dir.display();
        match self.format.format() {
            Format::Json => print(json!({
                "dir": dir.to_string(),
                "fingerprint": made.fingerprint.to_string(),
                "operator": made.operator,
            }))?,
            Format::Text => print(format_args!(
                "made an overlord in \"{dir}\"\n\
                 its authority's fingerprint is {}\n\
                 you are its operator \"{}\"\n\
                 start it with `overlord serve`",
                made.fingerprint, made.operator
            ))?,
        }
        if made.unreachable {
            note(format_args!(
                "it will listen on all addresses, so its tokens name 127.0.0.1, by which no other host reaches it: set \
                 `advertise = \"HOST:PORT\"` in \"{dir}/overlord.toml\""
            ));
        }
        Ok(Exit::Ok)
    }
}
