//! A daemon of ours as a child process, with what it logs.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::said::PATIENCE;

/// A running daemon. It is killed when it is dropped.
pub struct Daemon {
    name: String,
    child: Child,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    /// Whether the daemon has closed its stderr.
    ended: bool,
}

impl Daemon {
    /// Starts it and reads its log from then on.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let log = Arc::new(Log::default());
        let stderr = child.stderr.take().unwrap_or_else(|| panic!("{name} has no stderr"));
        let writer = log.clone();
        // Ends when the daemon closes its stderr.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                writer.lines().all.push(line);
                writer.grown.notify_all();
            }
            writer.lines().ended = true;
            writer.grown.notify_all();
        });
        Self { name: name.to_owned(), child, log }
    }

    /// Waits until a line with this text has been logged, the `nth` one counted from 1. Returns it.
    ///
    /// # Panics
    /// Where it does not come: the log is shown.
    pub fn logged(&self, text: &str, nth: usize) -> String {
        let logged =
            |lines: &Lines| lines.all.iter().filter(|line| line.contains(text)).nth(nth - 1).cloned();
        self.await_log(&format!("logged \"{text}\""), logged)
    }

    /// How many lines with this text have been logged so far.
    pub fn count(&self, text: &str) -> usize {
        self.log.lines().all.iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until it has died as by `kill -9`.
    ///
    /// # Panics
    /// Where it lives on, or ends in another way: the log is shown.
    pub fn await_kill(mut self) {
        self.await_log("died", |lines| lines.ended.then_some(()));
        let status = self.child.wait().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let log = self.log.lines().all.join("\n");
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "{}: {status}\n{log}", self.name);
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it has now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most memory that it has ever had, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        status_bytes(self.pid(), field).expect("it lives")
    }

    /// Kills it as `kill -9` does and waits until it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    /// Where it does not stop in good order.
    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert!(status.success(), "{} stopped with {status}", self.name);
    }

    /// Lets it read its configuration again.
    pub fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Halts it where it is, and waits until each of its threads stands still: the signal stops none of them by
    /// itself but the one that takes it.
    ///
    /// # Panics
    /// Where it cannot be halted.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitid(Id::Pid(self.nix_pid()), WaitPidFlag::WSTOPPED);
        assert!(matches!(stopped, Ok(WaitStatus::Stopped(..))), "{} was not halted: {stopped:?}", self.name);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn await_log<T>(&self, what: &str, found: impl Fn(&Lines) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.log.lines();
        loop {
            if let Some(found) = found(&lines) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} never {what}:\n{}", self.name, lines.all.join("\n"));
            lines = self.log.grown.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn signal(&self, signal: Signal) {
        kill(self.nix_pid(), signal).unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    fn nix_pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    fn end(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that a process has ever had, in bytes; `None` where it has ended.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(value.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

impl Log {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}
