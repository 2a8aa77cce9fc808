//! What a command says that comes to nothing: a line for people, and a document for a program that asked for JSON.

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::screen::{complain, print};

/// Why a command of either program came to nothing: the error of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind, of those that `docs/json.md` lists.
    pub kind: &'static str,
    /// What was wrong, and behind a semicolon what to do about it: one line.
    pub message: String,
    /// The id of the job, where one was made before the command failed.
    pub job: Option<String>,
    /// What the program exits with.
    pub exit: Exit,
}

impl Failure {
    /// Something on this host did not work.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { kind: "failed", message: message.to_string(), job: None, exit: Exit::Failed }
    }

    /// The command line or the request is wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::failed(message).into_usage()
    }

    /// The same, where it is the command line that was wrong.
    pub fn into_usage(self) -> Self {
        Self { kind: "usage", exit: Exit::Usage, ..self }
    }

    /// Fails with this message where something does not hold.
    pub fn unless(holds: bool, message: impl fmt::Display) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::failed(message)) }
    }

    /// Says the failure on stderr, and on stdout as the last line where the command line asked for JSON.
    pub fn say(&self, program: &str) {
        complain(program, &self.message);
        self.tell();
    }

    /// Says the failure on stdout where the command line asked for JSON.
    pub(crate) fn tell(&self) {
        if WANTED.get() == Some(&true) {
            // A program that does not read it has the line on stderr and the exit code.
            let _ = print(self.document());
        }
    }

    fn document(&self) -> Value {
        let (message, hint) = parted(&self.message);
        let mut document = json!({ "error": { "kind": self.kind, "message": message, "hint": hint } });
        if let Some(job) = &self.job {
            document["job"] = json!(job);
        }
        document
    }
}

/// The end of a program: says why its command came to nothing, where it did, unless nobody reads what it prints.
pub fn end(program: &str, ended: Result<Exit, Failure>) -> ExitCode {
    let exit = ended.unwrap_or_else(|failure| {
        if failure.exit != Exit::ClosedPipe {
            failure.say(program);
        }
        failure.exit
    });
    exit.into()
}

/// What was wrong, and what to do about it: the part of a message behind a semicolon, or behind a colon where that
/// part names a command.
fn parted(message: &str) -> (&str, Option<&str>) {
    let names_command = |hint: &str| hint.contains('`');
    let at_colon = message.rsplit_once(": ").filter(|(_, hint)| names_command(hint));
    match message.split_once("; ").or(at_colon) {
        Some((message, hint)) => (message, Some(hint)),
        None => (message, None),
    }
}

/// Whether the command line asked for JSON; set once, by [`listen`].
static WANTED: OnceLock<bool> = OnceLock::new();

/// Remembers whether these words ask for JSON. What stands behind `--` is no flag.
pub(crate) fn listen(words: impl IntoIterator<Item = OsString>) {
    // A second command line in one process can only be that of a test.
    let _ = WANTED.set(asks(words));
}

fn asks(words: impl IntoIterator<Item = OsString>) -> bool {
    words.into_iter().take_while(|word| word != "--").any(|word| word == "--json" || word == "--jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_a_field_of_its_own() {
        let failure = Failure {
            job: Some("01J".into()),
            kind: "lost",
            ..Failure::failed("it is gone; dial again; or not")
        };
        let expected = json!({
            "job": "01J", "error": { "kind": "lost", "message": "it is gone", "hint": "dial again; or not" },
        });
        assert_eq!(failure.document(), expected);
        let expected = json!({ "error": { "kind": "usage", "message": "no", "hint": null } });
        assert_eq!(Failure::usage("no").document(), expected);
        assert_eq!(parted("it is off: start it with `it on`"), ("it is off", Some("start it with `it on`")));
        assert_eq!(parted("cannot read: gone"), ("cannot read: gone", None));
    }

    #[test]
    fn json_is_asked_for_by_a_flag_and_not_by_an_argument() {
        let asks = |line: &str| asks(line.split(' ').map(OsString::from));
        assert!(asks("call web1 test.ping --json") && asks("call --jsonl web1 test.ping"));
        assert!(!asks("call web1 test.echo-string -- --json"));
    }
}
