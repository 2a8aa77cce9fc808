//! `minion serve`.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use crate::cli::Place;
use crate::config::Config;
use crate::minion::Minion;

/// Serve the overlord that this host has joined
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Load modules from this folder, whatever the configuration says
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Dial this overlord, whatever the configuration says
    #[arg(long, value_name = "HOST:PORT")]
    overlord: Option<String>,
    /// Stop, in good order, when standard input ends: for whoever must leave no orphan behind
    #[arg(long)]
    stop_with_stdin: bool,
}

impl Serve {
    pub(crate) async fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        log_to_stderr();
        let folder = place.folder()?;
        let mut config = Config::load(&folder.config())?;
        config.modules_dir = self.modules.or(config.modules_dir);
        config.overlord = self.overlord.or(config.overlord);

        // Listened for before the start, which may take a while: a signal during it is not lost.
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
        let stdin_ends = self.stop_with_stdin.then(stdin_ends);
        let minion = Minion::start(&folder, config).await?;
        say_that_it_is_up(&minion);

        let reason = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            Some(_) = async { Some(stdin_ends?.await) } => "the end of standard input",
        };
        tracing::info!("stopping on {reason}");
        minion.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// One line that whoever started the minion can wait for.
fn say_that_it_is_up(minion: &Minion) {
    let count = minion.modules().list().len();
    let modules = if count == 1 { "1 module".to_owned() } else { format!("{count} modules") };
    let mut stdout = std::io::stdout().lock();
    // Whoever reads it may be gone; that is no reason to stop.
    let _ = writeln!(stdout, "minion {}: {modules}, overlord {}", minion.name(), minion.overlord());
    let _ = stdout.flush();
}

/// Ready once standard input is at its end.
fn stdin_ends() -> oneshot::Receiver<()> {
    let (ended, ends) = oneshot::channel();
    // A thread and not a task: a runtime that shuts down would wait for this read, which nothing ends. It
    // ends with the process.
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut ignored = [0; 512];
        while stdin.read(&mut ignored).is_ok_and(|read| read > 0) {}
        // Nobody listens where the minion stops for another reason.
        let _ = ended.send(());
    });
    ends
}

/// What the daemon does, on stderr: `RUST_LOG` says how much of it.
fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,minion_host=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
