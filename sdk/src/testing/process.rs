//! Programs of the made-up host: what they leave behind is said before they run, and none is ever run.

use std::cell::RefCell;

use super::state;
use crate::bindings::minion::process::process::Command;
use crate::process::{Error, Output, Piece, Signal, Status};

pub(crate) fn run(command: &Command) -> Result<Output, Error> {
    state(|state| {
        if state.dry_run {
            return Err(Error::DryRun(state.record(format!("run {:?}", command.argv))));
        }
        if let Some(program) = command.argv.first().filter(|program| state.missing.contains(program)) {
            return Err(Error::NotFound(format!("there is no program {program:?}")));
        }
        let known = state.programs.iter().find(|(argv, _)| *argv == command.argv);
        let (argv, output) = known.cloned().ok_or_else(|| {
            Error::Denied(format!("the test's host was told of no program {:?}", command.argv))
        })?;
        state.ran.push(argv);
        Ok(output)
    })
}

pub(crate) fn start(command: &Command) -> Result<Child, Error> {
    let output = run(command)?;
    let pieces = [Piece::Stderr(output.stderr), Piece::Stdout(output.stdout)];
    Ok(Child { status: output.status, unread: RefCell::new(pieces.into()) })
}

#[derive(Debug)]
pub(crate) struct Child {
    status: Status,
    /// The next piece is the last one.
    unread: RefCell<Vec<Piece>>,
}

impl Child {
    pub(crate) fn id(&self) -> u32 {
        4711
    }

    pub(crate) fn write(&self, _data: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn close_stdin(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn read(&self, limit: u32) -> Result<Option<Piece>, Error> {
        let mut unread = self.unread.borrow_mut();
        while let Some(mut piece) = unread.pop() {
            let (Piece::Stdout(bytes) | Piece::Stderr(bytes)) = &mut piece;
            let rest = bytes.split_off(bytes.len().min(limit as usize));
            match (&piece, rest.is_empty()) {
                (Piece::Stdout(bytes) | Piece::Stderr(bytes), true) if bytes.is_empty() => continue,
                (_, true) => {}
                (Piece::Stdout(_), false) => unread.push(Piece::Stdout(rest)),
                (Piece::Stderr(_), false) => unread.push(Piece::Stderr(rest)),
            }
            return Ok(Some(piece));
        }
        Ok(None)
    }

    pub(crate) fn send(&self, _signal: Signal) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn wait(&self) -> Result<Status, Error> {
        Ok(self.status)
    }
}
