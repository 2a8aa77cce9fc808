//! How the bundled modules run programs, and what they say where those fail.
//!
//! The types of `minion:types` are here once for all of them: a module names this crate in `with` of `module!`.

mod host;
mod install;
mod lines;
mod systemd;

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use minion_sdk::process::{self, Child, Command, Output, Piece, Status};

pub use host::check_host;
pub use install::{Package, or_install};
pub use lines::{Each, Lines};
pub use systemd::{lacks_systemd, of_systemd};

mod bindings {
    minion_sdk::wit_bindgen::generate!({
        path: "../types",
        inline: "package minion:failure; world failure { import minion:types/types@0.1.0; }",
        runtime_path: "minion_sdk::wit_bindgen::rt",
        additional_derives: [PartialEq, Eq],
        generate_all,
        generate_unused_types: true,
    });
}

pub use bindings::minion::types::types::{self, Change, Error, Failure, Kind, Permissions, Timestamp};

/// The longest regular expression that a method takes, in bytes: what is made of one is a thousand times as long.
pub const MAX_EXPRESSION: usize = 4096;

/// What becomes of an error of the host's where a program was to run.
pub fn of_host(error: process::Error) -> Error {
    match error {
        process::Error::Denied(text) => Error::Denied(text),
        process::Error::Cancelled => Error::Cancelled,
        process::Error::DryRun(text) => Error::DryRun(text),
        process::Error::NotFound(text) => Error::Unsupported(text),
        process::Error::Other(text) => Error::Other(text),
    }
}

/// Whether something was done, or would be in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Now,
    /// It was recorded: the job is a dry run.
    Recorded,
}

/// Runs a program that only reads, to its end; `argv` begins with its name.
///
/// # Errors
/// Also where it ran and failed.
pub fn read(argv: &[&str]) -> Result<Output, Error> {
    let output = run(argv)?;
    if output.success() { Ok(output) } else { Err(failed(argv, &output)) }
}

/// Runs a program that only reads, to its end, whatever it says about that: [`failed`] makes an error of it.
///
/// # Errors
/// Where it cannot be run.
pub fn run(argv: &[&str]) -> Result<Output, Error> {
    command(argv).run().map_err(of_host)
}

/// Runs a program that changes something, unless the job is a dry run.
///
/// # Errors
/// Also where it ran and failed.
pub fn change(argv: &[&str]) -> Result<Done, Error> {
    done(argv, command(argv))
}

/// The same, where the program reads this from its standard input: what nobody but it must see.
///
/// # Errors
/// Also where it ran and failed.
pub fn change_with(argv: &[&str], stdin: String) -> Result<Done, Error> {
    done(argv, command(argv).stdin(stdin))
}

/// Runs a program to its end and hands over each line of its standard output as soon as it is there; none in a dry run,
/// unless the program only reads. What it left behind has the end of its standard error, and no standard output.
///
/// It has the environment that its grant sets, and nothing else.
///
/// # Errors
/// Where it cannot be run: [`failed`] makes an error of one that ran and failed.
pub fn watch(argv: &[&str], mut line: impl FnMut(&str)) -> Result<Option<Output>, Error> {
    let child = match bare(argv).start() {
        Ok(child) => child,
        Err(process::Error::DryRun(_)) => return Ok(None),
        Err(error) => return Err(of_host(error)),
    };
    let (mut lines, mut stderr) = (Lines::of(KEPT), Vec::new());
    let mut shown = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        line(text.strip_suffix('\r').unwrap_or(&text));
        Ok(())
    };
    let status = pieces(&child, &mut |piece| {
        match piece {
            Piece::Stdout(bytes) => lines.split(&bytes, &mut shown)?,
            Piece::Stderr(bytes) => {
                stderr.extend(bytes);
                stderr.drain(..stderr.len().saturating_sub(KEPT));
            }
        }
        Ok::<_, Error>(ControlFlow::Continue(()))
    })?;
    lines.end(&mut shown)?;
    let status = status.map_or_else(|| child.wait().map_err(of_host), Ok)?;
    Ok(Some(Output { status, stdout: Vec::new(), stderr, stdout_dropped: 0, stderr_dropped: 0 }))
}

/// Hands over what a program writes, piece by piece, until its end, which is its timeout where it has one and takes longer.
/// How it ended; nothing where it goes on because a piece was enough.
///
/// # Errors
/// Where it cannot be read, the job is cancelled, or `each` fails.
pub fn pieces<E: From<process::Error>>(
    child: &Child,
    each: &mut dyn FnMut(Piece) -> Result<ControlFlow<()>, E>,
) -> Result<Option<Status>, E> {
    loop {
        match child.read(PIECE) {
            Ok(Some(piece)) => {
                if each(piece)?.is_break() {
                    return Ok(None);
                }
            }
            Ok(None) => return Ok(Some(child.wait()?)),
            Err(process::Error::Other(text)) => {
                return match child.wait()? {
                    Status::TimedOut => Ok(Some(Status::TimedOut)),
                    _ => Err(process::Error::Other(text).into()),
                };
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl From<process::Error> for Error {
    fn from(error: process::Error) -> Self {
        of_host(error)
    }
}

/// How many bytes of a program's output are read at once.
const PIECE: u32 = 64 << 10;

/// How many bytes of a line, and of the standard error, of a program that is watched are kept.
const KEPT: usize = 64 << 10;

fn done(argv: &[&str], command: Command) -> Result<Done, Error> {
    match command.run() {
        Ok(output) if output.success() => Ok(Done::Now),
        Ok(output) => Err(failed(argv, &output)),
        Err(process::Error::DryRun(_)) => Ok(Done::Recorded),
        Err(error) => Err(of_host(error)),
    }
}

/// A program with its arguments, whose words are those of no language but the plain one.
fn command(argv: &[&str]) -> Command {
    bare(argv).env("LC_ALL", "C")
}

fn bare(argv: &[&str]) -> Command {
    let (program, arguments) = argv.split_first().unwrap_or((&"", &[]));
    Command::new(*program).args(arguments.iter().copied())
}

/// How a program failed.
pub fn failed(argv: &[&str], output: &Output) -> Error {
    let exit = match output.status {
        Status::Exited(code) => Some(code),
        Status::Signalled(_) | Status::TimedOut => None,
    };
    let argv = argv.iter().map(|argument| (*argument).to_owned()).collect();
    Error::Failed(Failure { argv, exit, stderr: tail(&output.stderr_text()) })
}

/// What a method answers that has changed these things, or none.
pub fn changed(changes: Vec<String>) -> Change {
    Change { changed: !changes.is_empty(), changes }
}

/// What has been changed so far.
#[derive(Default)]
pub struct Changes(Vec<String>);

impl Changes {
    /// Changes something by a program, and keeps the words for that.
    ///
    /// # Errors
    /// Where the program cannot be run, or fails.
    pub fn make(&mut self, words: &str, argv: &[&str]) -> Result<(), Error> {
        change(argv)?;
        self.add(words);
        Ok(())
    }

    /// Keeps the words for what has been changed.
    pub fn add(&mut self, words: impl Into<String>) {
        self.0.push(words.into());
    }

    /// Whether nothing has been changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a method answers that has changed these things, or none.
    pub fn told(self) -> Change {
        changed(self.0)
    }
}

/// A point in time that is so many seconds after 1970.
pub fn time(seconds: i64) -> Timestamp {
    /// The last second that RFC 3339 can say.
    const LAST: u64 = 253_402_300_799;
    let text = match u64::try_from(seconds) {
        Ok(after) if after <= LAST => {
            humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(after)).to_string()
        }
        _ => format!("@{seconds}"),
    };
    Timestamp { text, seconds }
}

/// Whether a text is a day of the calendar, as in RFC 3339: `2027-12-31`.
pub fn is_day(text: &str) -> bool {
    let begins = humantime::parse_rfc3339(&format!("{text}T00:00:00Z"));
    begins.is_ok_and(|begins| time_of(begins).text.strip_suffix("T00:00:00Z") == Some(text))
}

/// The same of what a clock or a file system tells.
pub fn time_of(system: SystemTime) -> Timestamp {
    let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    time(match system.duration_since(UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    })
}

/// The end of a text, without what surrounds it.
pub fn tail(text: &str) -> String {
    const MOST: usize = 2000;
    let text = text.trim();
    match text.char_indices().rev().nth(MOST) {
        Some((start, c)) => format!("…{}", &text[start + c.len_utf8()..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates_as_far_as_those_go() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_795_639_823, "2026-11-25T20:50:23Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "@253402300800"),
            (-1, "@-1"),
        ] {
            assert_eq!(time(seconds), Timestamp { text: date.to_owned(), seconds });
        }
        assert_eq!(time_of(UNIX_EPOCH - Duration::from_secs(5)), time(-5));
        assert_eq!(time_of(UNIX_EPOCH + Duration::from_secs(5)), time(5));
    }

    #[test]
    fn lines_are_handed_over_whole_and_errors_kept() {
        let left = Output {
            status: Status::Exited(3),
            stdout: format!("one\n{}\nlast", "x".repeat(20_000)).into_bytes(),
            stderr: b"why".to_vec(),
            stdout_dropped: 0,
            stderr_dropped: 0,
        };
        let host = minion_sdk::testing::Host::new().program(&["apt-get", "update"], left);
        let mut lines = Vec::new();
        let output = watch(&["apt-get", "update"], |line| lines.push(line.to_owned())).expect("runs");
        let output = output.expect("runs");
        assert_eq!(lines, ["one", &"x".repeat(20_000), "last"]);
        assert_eq!((output.status, output.stderr_text().as_str()), (Status::Exited(3), "why"));
        drop(host);
        let _dry = minion_sdk::testing::Host::new().dry_run();
        assert_eq!(watch(&["apt-get", "update"], |_| ()), Ok(None));
    }

    #[test]
    fn only_the_end_of_a_long_error_is_kept() {
        assert_eq!(tail("  no such unit\n"), "no such unit");
        let kept = tail(&format!("{}end", "x".repeat(3000)));
        assert!(kept.starts_with('…') && kept.ends_with("xend") && kept.chars().count() == 2001, "{kept}");
    }
}
