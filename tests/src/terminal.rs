//! A command at a terminal, where it asks.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};

use crate::said::{PATIENCE, Said};

/// A command whose stdin and stderr are a terminal.
pub struct Terminal {
    child: Child,
    /// The user's end of it.
    screen: File,
}

impl Terminal {
    /// Starts the command.
    ///
    /// # Panics
    /// Where there is no terminal, or it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let OpenptyResult { master, slave } = openpty(None, None).unwrap_or_else(|error| panic!("{error}"));
        let copy = |slave: &OwnedFd| slave.try_clone().unwrap_or_else(|error| panic!("{error}"));
        command.stdin(copy(&slave)).stdout(Stdio::piped()).stderr(copy(&slave));
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        // The command holds copies of the terminal, which would keep it open here.
        drop((command, slave));
        Self { child, screen: master.into() }
    }

    /// All that a command shows on a terminal that it has to itself, until it has ended, and its exit code. The terminal
    /// does not know its size.
    ///
    /// # Panics
    /// Where there is no terminal, or it cannot be started.
    pub fn shown(command: Command) -> (String, i32) {
        Self::shown_on(command, None)
    }

    /// The same on a terminal of so many columns.
    ///
    /// # Panics
    /// Where there is no terminal, or it cannot be started.
    pub fn shown_at(command: Command, columns: u16) -> (String, i32) {
        Self::shown_on(command, Some(Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }))
    }

    fn shown_on(mut command: Command, size: Option<Winsize>) -> (String, i32) {
        let pty = openpty(size.as_ref(), None);
        let OpenptyResult { master, slave } = pty.unwrap_or_else(|error| panic!("{error}"));
        let copy = |slave: &OwnedFd| slave.try_clone().unwrap_or_else(|error| panic!("{error}"));
        command.stdin(copy(&slave)).stdout(copy(&slave)).stderr(copy(&slave));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        // The command holds copies of the terminal, which would keep it open here.
        drop((command, slave));
        let (mut screen, mut shown) = (File::from(master), Vec::new());
        // At its end a terminal fails; what was read by then stays.
        let _ = screen.read_to_end(&mut shown);
        let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
        (String::from_utf8_lossy(&shown).into_owned(), status.code().unwrap_or(-1))
    }

    /// Waits until it has asked whether to go on.
    ///
    /// # Panics
    /// Where it ends without a question.
    pub fn asks(&mut self) -> String {
        let mut shown = Vec::new();
        let mut byte = [0];
        while !shown.ends_with(b"Type y for yes:") {
            // At its end a terminal fails.
            if !self.screen.read(&mut byte).is_ok_and(|read| read == 1) {
                panic!("it never asked: {}", String::from_utf8_lossy(&shown));
            }
            shown.push(byte[0]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// The command's process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Waits until it has ended. What it says by then is in what it said to stderr.
    ///
    /// # Panics
    /// Where it stays.
    pub fn ended(mut self) -> Said {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap_or_else(|error| panic!("{error}")).is_none() {
            if Instant::now() > end {
                // It may have ended by itself in this moment.
                let _ = self.child.kill();
                panic!("it does not end: {:?}", self.child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let (mut rest, mut byte) = (Vec::new(), [0]);
        while self.screen.read(&mut byte).is_ok_and(|read| read == 1) {
            rest.push(byte[0]);
        }
        let output = self.child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        Said { err: String::from_utf8_lossy(&rest).into_owned(), ..output.into() }
    }
}
