//! Other programs of the host, by their arguments and without a shell.
//!
//! The minion's policy grants them by pattern: `process = [{ command = "systemctl", args = ["restart", "*"] }]`.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use minion_sdk::process::Command;
//!
//! fn restart(unit: &str) -> Result<(), String> {
//!     let output = Command::new("systemctl").args(["restart", unit]).timeout(Duration::from_secs(30)).run()?;
//!     if output.success() { Ok(()) } else { Err(output.stderr_text()) }
//! }
//! ```

use std::time::Duration;

use crate::bindings::minion::process::process as types;
use crate::host::process as host;

pub use crate::bindings::minion::process::process::{Error, Output, Piece, Signal, Status};

/// A program to run, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Command(types::Command);

impl Command {
    /// The program of this name, without arguments, in an empty environment, in the folder `/`.
    ///
    /// A name without a `/` is looked for in the minion's `PATH`.
    pub fn new(program: impl Into<String>) -> Self {
        Self(types::Command {
            argv: vec![program.into()],
            env: Vec::new(),
            cwd: None,
            stdin: None,
            timeout_ms: None,
            max_output: None,
        })
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.0.argv.push(argument.into());
        self
    }

    /// Adds several arguments.
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable, which the grant must name: the program gets these and no others.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.env.push((name.into(), value.into()));
        self
    }

    /// The folder to run it in, an absolute path of the host that the grant names.
    pub fn cwd(mut self, folder: impl Into<String>) -> Self {
        self.0.cwd = Some(folder.into());
        self
    }

    /// What it reads from its standard input.
    pub fn stdin(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.0.stdin = Some(data.into());
        self
    }

    /// After how long it is killed; the job's own limits hold besides.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.0.timeout_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// How many bytes of each of its outputs are kept, up to the minion's limit.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.0.max_output = Some(bytes);
        self
    }

    /// Runs it to its end. A program that ran and failed is not an error here: see [`Output::success`].
    pub fn run(&self) -> Result<Output, Error> {
        host::run(&self.0)
    }

    /// Starts it, to read its output while it runs.
    pub fn start(&self) -> Result<Child, Error> {
        host::start(&self.0).map(Child)
    }
}

impl Output {
    /// Whether it ended by itself with exit code 0.
    pub fn success(&self) -> bool {
        self.status == Status::Exited(0)
    }

    /// Its standard output as text, with `�` for what is not UTF-8.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard error as text, with `�` for what is not UTF-8.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A program that was started. Dropping it kills the program and all that it started.
#[derive(Debug)]
pub struct Child(host::Child);

impl Child {
    /// Its process id on the host.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Writes to its standard input, waiting until it has taken all of it.
    pub fn write(&self, data: &[u8]) -> Result<(), Error> {
        self.0.write(data)
    }

    /// Ends its standard input.
    pub fn close_stdin(&self) -> Result<(), Error> {
        self.0.close_stdin()
    }

    /// Waits for the next piece of its output, at most `limit` bytes; `None` once it has closed both outputs.
    pub fn read(&self, limit: u32) -> Result<Option<Piece>, Error> {
        self.0.read(limit)
    }

    /// Sends it a signal; does nothing once it has ended.
    pub fn send(&self, signal: Signal) -> Result<(), Error> {
        self.0.send(signal)
    }

    /// Waits for its end and drops what was not read.
    pub fn wait(&self) -> Result<Status, Error> {
        self.0.wait()
    }
}

/// The error in words, so that `?` works in methods that return `result<_, string>`.
impl From<Error> for String {
    fn from(error: Error) -> String {
        match error {
            Error::Denied(text) | Error::DryRun(text) | Error::NotFound(text) | Error::Other(text) => text,
            Error::Cancelled => "the job is being cancelled".to_owned(),
        }
    }
}
