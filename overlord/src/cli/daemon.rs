//! The daemon of this host, made, run and restored: `overlord init`, `overlord serve` and `overlord restored`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use clap::Args;
use machine::clock::rfc3339;
use output::{Exit, note, print};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::signals::StopSignals;
use super::{CliError, Format, FormatFlag, Global};
use crate::config::{Elsewhere, InitOptions};
use crate::daemon::{self, ServeOptions};
use crate::dial_address::DialAddress;
use crate::restored::{Restored as Done, restored};

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

/// Run the overlord, until Ctrl-C or SIGTERM
///
/// It logs to stderr; RUST_LOG chooses how much (info, debug, overlord=debug). On SIGHUP it reads
/// overlord.toml and roles.d again, and logs what changed and which keys wait for the next start; what cannot be read leaves what was
/// before in force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord serve
  RUST_LOG=debug overlord serve --listen 127.0.0.1:7000")]
pub(super) struct Serve {
    /// The UDP address to listen on [default: as overlord.toml says, or port 51234 of all addresses]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Stop when stdin ends, as with Ctrl-C: for a parent that must not leave it behind
    #[arg(long)]
    stop_with_stdin: bool,
}

impl Serve {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let folder = global.folder()?;
        output::log_to_stderr("warn,overlord=info");
        // For the files of its ledger.
        machine::descriptors::raise();
        let stop = CancellationToken::new();
        if self.stop_with_stdin {
            let stop = stop.clone();
            machine::thread::at_end_of_stdin(move || stop.cancel());
        }
        let reload = Arc::new(Notify::new());
        let options = ServeOptions { listen: self.listen, reload: reload.clone() };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.map_err(CliError::Runtime)?.block_on(async {
            let (mut signals, mut hang_ups) = StopSignals::of_daemon()?;
            let mut daemon = pin!(daemon::serve(folder, options, stop.clone(), |address| {
                tracing::info!(%address, "listening");
            }));
            loop {
                tokio::select! {
                    ended = &mut daemon => return ended.map(|()| Exit::Ok).map_err(CliError::from),
                    _ = hang_ups.recv() => reload.notify_one(),
                    () = signals.next() => break,
                }
            }
            stop.cancel();
            // A second signal means that the user will not wait for good order.
            tokio::select! {
                ended = &mut daemon => ended.map(|()| Exit::Ok).map_err(CliError::from),
                () = signals.next() => Ok(Exit::Interrupted),
            }
        })
    }
}

/// Name the overlord's folder as restored from a backup, before it is started again
///
/// What the audit log tells of revocations, removals and renewed keys since the backup holds again, and all tokens that were out then
/// are good no more. A minion whose key neither the backup nor the log knows waits for `overlord minion accept`. The log is that of
/// the folder and, where there is a newer one elsewhere, the one of `--audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  overlord restored
  overlord restored --audit /mnt/logs/overlord/audit.jsonl")]
pub(super) struct Restored {
    /// The newest audit log of this overlord that there is, with its earlier files beside it
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    format: FormatFlag,
}

impl Restored {
    pub(super) fn run(self, global: &Global) -> Result<Exit, CliError> {
        let folder = global.folder()?;
        folder.must_be_there()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = runtime.map_err(CliError::Runtime)?.block_on(restored(&folder, self.audit.as_deref()));
        let Done { changes, known_at } = done.map_err(|error| CliError::Brought(Box::new(error)))?;
        match self.format.format() {
            Format::Json => print(json!({ "changes": changes, "known_at": rfc3339(known_at) }))?,
            Format::Text if changes.is_empty() => print("nothing was decided since that is known")?,
            Format::Text => print(changes.join("\n"))?,
        }
        note(format_args!(
            "what was decided after {} is not known: revoke again whom you revoked since, then start it with `overlord serve`; \
             `overlord minion pending` shows the minions that have to be accepted",
            rfc3339(known_at)
        ));
        Ok(Exit::Ok)
    }
}
