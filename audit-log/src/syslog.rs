//! Handing entries on to the host's syslog, which journald is on most hosts, so that they are also where whoever takes the
//! host over cannot write: syslog sends them on.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use serde::Deserialize;
use syslog::{Facility, Formatter3164, Severity};

/// Where entries go besides the log's own files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// Nowhere.
    #[default]
    Off,
    /// To the syslog of the host, under the facility `authpriv`; journald takes it where that runs.
    Syslog,
}

/// Hands entries on, on a thread of its own: nobody waits for a syslog that does not read.
pub struct Forwarder {
    entries: SyncSender<String>,
    lost: std::sync::atomic::AtomicU64,
}

impl Forwarder {
    /// A forwarder to the host's syslog, under the name of this program.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(program: &'static str) -> std::io::Result<Self> {
        Self::to(program, ["/dev/log", "/var/run/syslog"].map(PathBuf::from).to_vec())
    }

    fn to(program: &'static str, sockets: Vec<PathBuf>) -> std::io::Result<Self> {
        let (entries, waiting) = sync_channel(WAITING);
        thread::Builder::new()
            .name("audit-syslog".into())
            .spawn(move || forward(program, &sockets, &waiting))?;
        Ok(Self { entries, lost: 0.into() })
    }

    /// Hands one entry on. Where too many are waiting it is dropped, which the log says: it is in the files.
    pub fn send(&self, entry: &str) {
        use std::sync::atomic::Ordering::Relaxed;
        match self.entries.try_send(entry.to_owned()) {
            Ok(()) => {
                let lost = self.lost.swap(0, Relaxed);
                if lost > 0 {
                    tracing::warn!(entries = lost, "entries of the audit log were not handed on to syslog");
                }
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Sends what comes, until nothing can come any more. The socket is opened again where it failed.
fn forward(program: &'static str, sockets: &[PathBuf], entries: &Receiver<String>) {
    let formatter = || Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: program.to_owned(),
        pid: std::process::id(),
    };
    let open = || sockets.iter().find_map(|socket| syslog::unix_custom(formatter(), socket).ok());
    let (mut logger, mut failed) = (None, false);
    while let Ok(entry) = entries.recv() {
        let mut sent = false;
        // Once with the socket that is open, and once with a new one: syslog may have been started again.
        for _ in 0..2 {
            if logger.is_none() {
                logger = open();
            }
            let Some(open) = &mut logger else { break };
            sent = syslog::LogFormat::format(
                &open.formatter,
                &mut open.backend,
                Severity::LOG_NOTICE,
                entry.as_str(),
            )
            .is_ok();
            if sent {
                break;
            }
            logger = None;
        }
        if !sent && !failed {
            tracing::warn!("syslog does not take the entries of the audit log, which are in its files only");
        }
        failed = !sent;
    }
}

/// How many entries may wait for syslog.
const WAITING: usize = 1024;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn entries_reach_syslog_also_after_it_was_started_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let receive = |socket: &UnixDatagram| {
            let mut bytes = [0; 4096];
            let length = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        let socket = UnixDatagram::bind(&path).unwrap();
        let forwarder = Forwarder::to("minion", vec![path.clone()]).unwrap();
        forwarder.send("{\"n\":1}");
        let message = receive(&socket);
        // authpriv is facility 10, and a notice has severity 5.
        assert!(
            message.starts_with("<85>") && message.contains("minion[") && message.ends_with("{\"n\":1}"),
            "{message}"
        );
        drop(socket);
        std::fs::remove_file(&path).unwrap();
        let socket = UnixDatagram::bind(&path).unwrap();
        forwarder.send("{\"n\":2}");
        assert!(receive(&socket).ends_with("{\"n\":2}"));
    }
}
