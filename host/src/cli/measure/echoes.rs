//! `minion measure echoes`

use std::time::Instant;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use output::{Exit, Failure, print};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use wire::transport::echo;
use wire::transport::endpoint::{Dialling, Trust};

use super::{Method, failed, nanoseconds};
use crate::cli::DirFlag;
use crate::dialler::{Dialled, Dialler};

/// Hold many connections and run a method for each echo that is asked of them, until standard input ends
///
/// The connections are dialled as a swarm dials: from a few sockets, a few at a time, with this minion's certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  minion measure echoes --to 127.0.0.1:51999 --count 1000 target/modules/test.wasm ping --dir /var/lib/minion")]
pub(crate) struct Echoes {
    #[command(flatten)]
    method: Method,
    /// Where the other ends are
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// How many connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
}

impl Echoes {
    pub(crate) async fn run(self, dir: &DirFlag) -> Result<Exit, Failure> {
        let method = self.method.compile(&self.method.bytes()?)?;
        method.run().map_err(|problem| self.method.failed(&problem))?;
        let identity = dir.folder()?.identity()?;
        let trust = Trust::Authorities(identity.authorities());
        let dialling = Dialling::new(Some(&identity), trust, &[echo::ASKED_ALPN]).map_err(Failure::failed)?;
        let dialler = Dialler::shared();
        let began = Instant::now();
        let dial = |_| async {
            let dialled = dialler.dial(&self.to, &dialling).await;
            dialled.map(|dialled| (dialled, began.elapsed())).map_err(Failure::failed)
        };
        // The dialler itself lets only so many shake hands at once.
        let dialled: Vec<(Dialled, _)> =
            stream::iter(0..self.count).map(dial).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut serving = JoinSet::new();
        for (dialled, _) in &dialled {
            let (method, file) = (method.clone(), self.method.file.clone());
            let work = move || {
                if let Err(problem) = method.run() {
                    failed(&file, &problem).say("minion");
                }
            };
            serving.spawn(echo::serve(dialled.connection.clone(), work));
        }
        print(json!({ "connected": nanoseconds(dialled.iter().map(|(_, after)| *after)) }))?;
        // Nothing comes in but the end.
        let _ = tokio::io::stdin().read_u8().await;
        dialler.close().await;
        Ok(Exit::Ok)
    }
}

const AT_ONCE: usize = 256;
