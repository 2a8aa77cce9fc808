//! `overlord serve`

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use clap::Args;
use output::Exit;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::signals::StopSignals;
use super::{CliError, Global};
use crate::daemon::{self, ServeOptions};

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
