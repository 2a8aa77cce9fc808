//! How the bundled modules run programs, and what they say where those fail.
//!
//! The types of `minion:types` are here once for all of them: a module names this crate in `with` of `module!`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use minion_sdk::process::{self, Command, Output, Status};

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

pub use bindings::minion::types::types::{self, Change, Error, Failure, Permissions, Timestamp};

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
    let (program, arguments) = argv.split_first().unwrap_or((&"", &[]));
    Command::new(*program).args(arguments.iter().copied()).env("LC_ALL", "C")
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
    fn only_the_end_of_a_long_error_is_kept() {
        assert_eq!(tail("  no such unit\n"), "no such unit");
        let kept = tail(&format!("{}end", "x".repeat(3000)));
        assert!(kept.starts_with('…') && kept.ends_with("xend") && kept.chars().count() == 2001, "{kept}");
    }
}
