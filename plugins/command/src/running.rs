//! Programs while they run.

use std::ops::ControlFlow;

use failure::{Error, Failure, pieces, tail};
use minion_sdk::process::{self, Piece, Status};
use minion_sdk::{job, log};

use crate::exports::minion::command::command::Output;
use crate::program::Asked;

/// How much of each output is kept, which is what the host keeps.
const MOST_KEPT: usize = 1 << 20;
/// How much of a line is shown before its end has come.
const MOST_HELD: usize = 16 << 10;

/// How a program ended, and what it wrote.
struct Ended {
    status: Status,
    stdout: Kept,
    stderr: Kept,
}

/// The beginning of an output.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    dropped: u64,
}

/// Runs a program to its end.
///
/// # Errors
/// Where it cannot be started, its time is up, or the job is cancelled.
pub(crate) fn run(asked: Asked) -> Result<Output, Error> {
    let program = asked.argv.first().map(String::as_str).unwrap_or_default();
    job::progress(0, 0, &format!("{program} runs"));
    let ended = if asked.streamed { streamed(&asked) } else { at_once(&asked) }.map_err(of_host)?;
    let Ended { status, stdout, stderr } = ended;
    let (stdout, stderr) = (stdout.text("output"), stderr.text("error"));
    match status {
        Status::Exited(exit) => match of_wrapper(&asked, exit, &stdout, &stderr) {
            Some(error) => Err(error),
            None => Ok(Output { exit, stdout, stderr }),
        },
        Status::Signalled(signal) => Ok(Output { exit: 128 + signal, stdout, stderr }),
        Status::TimedOut => {
            let seconds = asked.timeout.unwrap_or_default().as_secs();
            let stderr = format!("{}\nended after {seconds} s, which was its timeout", tail(&stderr));
            Err(Error::Failed(Failure {
                argv: asked.argv,
                exit: None,
                stderr: stderr.trim_start().to_owned(),
            }))
        }
    }
}

fn at_once(asked: &Asked) -> Result<Ended, process::Error> {
    let process::Output { status, stdout, stderr, stdout_dropped, stderr_dropped } = asked.command.run()?;
    let kept = |bytes, dropped| Kept { bytes, dropped };
    Ok(Ended { status, stdout: kept(stdout, stdout_dropped), stderr: kept(stderr, stderr_dropped) })
}

fn streamed(asked: &Asked) -> Result<Ended, process::Error> {
    let child = asked.command.start()?;
    child.close_stdin()?;
    let (mut stdout, mut stderr) = (Kept::default(), Kept::default());
    let (mut shown, mut shown_errors) = (Shown::default(), Shown::default());
    let status = pieces(&child, &mut |piece| {
        let (bytes, shown, kept) = match &piece {
            Piece::Stdout(bytes) => (bytes, &mut shown, &mut stdout),
            Piece::Stderr(bytes) => (bytes, &mut shown_errors, &mut stderr),
        };
        shown.add(bytes);
        kept.add(bytes);
        Ok::<_, process::Error>(ControlFlow::Continue(()))
    })?;
    shown.end();
    shown_errors.end();
    Ok(Ended { status: status.map_or_else(|| child.wait(), Ok)?, stdout, stderr })
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = MOST_KEPT.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }

    fn text(self, which: &str) -> String {
        let Self { bytes, dropped } = self;
        if dropped > 0 {
            log::warn!(dropped = dropped; "{dropped} bytes of the program's standard {which} are left out");
        }
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Shows what a program writes, whole lines at a time.
#[derive(Default)]
struct Shown {
    held: Vec<u8>,
    /// Whether the job has put out all that it may: the program goes on all the same.
    full: bool,
}

impl Shown {
    fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let ready = match self.held.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.held.len() > MOST_HELD => self.held.len(),
            None => return,
        };
        let lines: Vec<u8> = self.held.drain(..ready).collect();
        self.show(&lines);
    }

    fn end(mut self) {
        let rest = std::mem::take(&mut self.held);
        if !rest.is_empty() {
            self.show(&rest);
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        if self.full {
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        if let Err(job::Error::Limit(limit)) = job::emit(text.trim_end_matches('\n')) {
            log::warn!("no more of the program's output is shown: {limit}");
            self.full = true;
        }
    }
}

fn of_host(error: process::Error) -> Error {
    match error {
        // Of a program that the operator names, it says nothing of what the host can do.
        process::Error::NotFound(text) => Error::NotFound(text),
        error => failure::of_host(error),
    }
}

/// What it means that the program which was to become another user says something itself.
fn of_wrapper(asked: &Asked, exit: i32, stdout: &str, stderr: &str) -> Option<Error> {
    let own = asked.wrapped && exit != 0 && stdout.is_empty() && stderr.starts_with("setpriv: ");
    let text = stderr.trim().to_owned();
    match stderr.contains("failed to execute") {
        _ if !own => None,
        true => Some(Error::NotFound(text)),
        false => Some(Error::Denied(text)),
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::testing::Host;

    use super::*;
    use crate::exports::minion::command::command::Options;
    use crate::none_said;

    fn asked(argv: &[&str], options: Options) -> Asked {
        Asked::of(argv.iter().map(|word| (*word).to_owned()).collect(), options).expect("meant")
    }

    #[test]
    fn an_exit_code_is_no_error_and_a_signal_counts_as_in_a_shell() {
        let mut killed = process::Output::printed("out", 0);
        killed.status = Status::Signalled(9);
        let mut late = process::Output::printed("", 0);
        late.status = Status::TimedOut;
        let _host = Host::new()
            .program(&["false"], process::Output::printed("no\n", 1))
            .program(&["sh"], killed)
            .program(&["sleep"], late);
        let output = |exit, stdout: &str| Output { exit, stdout: stdout.into(), stderr: String::new() };
        assert_eq!(run(asked(&["false"], none_said())), Ok(output(1, "no\n")));
        assert_eq!(run(asked(&["sh"], none_said())), Ok(output(137, "out")));
        let options = Options { timeout: Some(5), ..none_said() };
        let Err(Error::Failed(Failure { argv, exit: None, stderr })) = run(asked(&["sleep"], options)) else {
            panic!("its time was up");
        };
        assert_eq!(
            (argv, stderr.as_str()),
            (vec!["sleep".to_owned()], "ended after 5 s, which was its timeout")
        );
    }

    #[test]
    fn what_is_streamed_is_shown_in_lines_and_is_in_the_result() {
        let host = Host::new().program(&["x"], process::Output::printed("one\ntwo\nthr", 0));
        let output = run(asked(&["x"], Options { streamed: Some(true), ..none_said() })).expect("runs");
        assert_eq!((output.exit, output.stdout.as_str()), (0, "one\ntwo\nthr"));
        assert_eq!(host.emitted(), ["one\ntwo", "thr"]);
    }

    #[test]
    fn only_the_beginning_is_kept() {
        let mut kept = Kept::default();
        kept.add(&vec![b'x'; MOST_KEPT - 1]);
        kept.add(b"yz");
        assert_eq!((kept.bytes.len(), kept.bytes.last(), kept.dropped), (MOST_KEPT, Some(&b'y'), 1));
    }
}
