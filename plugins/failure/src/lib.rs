//! How the bundled modules run programs, and what they say where those fail.
//!
//! The types of `minion:types` are here once for all of them: a module names this crate in `with` of `module!`.

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

pub use bindings::minion::types::types::{self, Error, Failure};

/// What becomes of an error of the host's where a program was to run.
fn of_host(error: process::Error) -> Error {
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

/// The end of a text, without what surrounds it.
fn tail(text: &str) -> String {
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
    fn only_the_end_of_a_long_error_is_kept() {
        assert_eq!(tail("  no such unit\n"), "no such unit");
        let kept = tail(&format!("{}end", "x".repeat(3000)));
        assert!(kept.starts_with('…') && kept.ends_with("xend") && kept.chars().count() == 2001, "{kept}");
    }
}
