//! Other programs of the host, run by their arguments and without a shell.
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
    /// The program of this name, without arguments, with no environment variables of its own, in the folder `/`.
    ///
    /// A name without a `/` is looked for in the minion's `PATH`; any other is a whole path.
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

    /// Adds several arguments. None of them is ever read by a shell; put `--` before what users give.
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable. The program gets these, the minion's `PATH` and what the grant sets, and no
    /// others. Variables of language, time zone and terminal may be set where the grant says nothing of variables,
    /// all others only where it names them.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.env.push((name.into(), value.into()));
        self
    }

    /// Sets the folder to run it in, an absolute path of the host that the grant names.
    pub fn cwd(mut self, folder: impl Into<String>) -> Self {
        self.0.cwd = Some(folder.into());
        self
    }

    /// Sets what the program reads from its standard input: the place for secrets, which do not belong among the
    /// arguments. With [`Command::run`] the input ends behind it, with [`Command::start`] it stays open.
    pub fn stdin(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.0.stdin = Some(data.into());
        self
    }

    /// Sets after how long the program is killed, counted in whole milliseconds; the job's own limits hold
    /// besides.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.0.timeout_ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Sets how many bytes of each of the two outputs are kept, up to the minion's limit. Has no meaning for
    /// [`Command::start`].
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.0.max_output = Some(bytes);
        self
    }

    /// Runs the program to its end. A program that ran and failed is not an error here: see [`Output::success`].
    ///
    /// # Errors
    /// [`Error::Denied`] where the policy does not grant these arguments, which names the line that would;
    /// [`Error::NotFound`] where there is no such program; [`Error::DryRun`] in a dry run, unless the grant marks
    /// the program as one that only reads; and [`Error::Cancelled`] where the job was cancelled and the program
    /// killed.
    pub fn run(&self) -> Result<Output, Error> {
        host::run(&self.0)
    }

    /// Starts the program, to read its output or write its input while it runs. Where that is not needed,
    /// [`Command::run`] is shorter.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub fn start(&self) -> Result<Child, Error> {
        host::start(&self.0).map(Child)
    }
}

impl Output {
    /// Whether the program ended by itself with exit code 0.
    pub fn success(&self) -> bool {
        self.status == Status::Exited(0)
    }

    /// The standard output as text, with `�` for what is not UTF-8. What was over the cap is missing at its end.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The standard error as text, with `�` for what is not UTF-8. What was over the cap is missing at its end.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A program that was started. Dropping it kills the program and all that it started.
#[derive(Debug)]
pub struct Child(host::Child);

impl Child {
    /// The program's process id on the host.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Writes to the program's standard input, and waits until it has taken all of it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the job is being cancelled, and [`Error::Other`] where the input is closed or the
    /// program's own timeout has passed, which killed it.
    pub fn write(&self, data: &[u8]) -> Result<(), Error> {
        self.0.write(data)
    }

    /// Ends the program's standard input.
    pub fn close_stdin(&self) -> Result<(), Error> {
        self.0.close_stdin()
    }

    /// Waits for the next piece of the program's output, at most `limit` bytes; `None` once it has closed both
    /// outputs.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the job is being cancelled, and [`Error::Other`] where the program's own timeout
    /// has passed, which killed it.
    pub fn read(&self, limit: u32) -> Result<Option<Piece>, Error> {
        self.0.read(limit)
    }

    /// Sends the program a signal; does nothing once it has ended.
    pub fn send(&self, signal: Signal) -> Result<(), Error> {
        self.0.send(signal)
    }

    /// Waits for the program's end, and drops the output that was not read by then. May be called again and
    /// returns the same.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the job is being cancelled.
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
