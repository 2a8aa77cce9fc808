//! `minion call --watch`: the author's loop.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A module file and a `minion call` that watches it.
struct Watched {
    folder: TempDir,
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Watched {
    fn start(module: &[u8], call: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("answer.wasm"), module).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_minion"));
        command
            .current_dir(folder.path())
            .args([&["call", "--watch", "answer.wasm"], call].concat())
            .env("MINION_DIR", folder.path().join("minion"))
            .env("XDG_CACHE_HOME", std::env::temp_dir().join("minion-tests"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self { folder, child, out, err }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("answer.wasm")
    }

    /// Puts another module in the place of the one that is there, as compilers do.
    fn replace(&self, module: &[u8]) {
        let beside = self.folder.path().join("beside");
        fs::write(&beside, module).unwrap();
        fs::rename(beside, self.file()).unwrap();
    }

    fn next_out(&self) -> String {
        self.out.recv_timeout(PATIENCE).unwrap()
    }

    fn next_err(&self) -> String {
        self.err.recv_timeout(PATIENCE).unwrap()
    }

    /// Presses Ctrl-C, and gives back the exit code.
    fn interrupt(&mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    // Ends with the program, which closes the pipe.
    std::thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

/// A component whose method `answer` returns this number.
fn answering(number: u32) -> Vec<u8> {
    let component = format!(
        r#"(component
            (core module $m (func (export "answer") (result i32) i32.const {number}))
            (core instance $i (instantiate $m))
            (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#
    );
    wat::parse_str(component).unwrap()
}

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_watched_call_is_made_again_with_each_module_that_is_whole() {
    let mut watched = Watched::start(&answering(1), &["answer"]);
    assert_eq!(watched.next_out(), "1");

    watched.replace(&answering(2));
    let separator = watched.next_err();
    assert!(separator.starts_with("--- ") && separator.ends_with(": answer.wasm has changed"), "{separator}");
    let time: Vec<&str> = separator["--- ".len()..].split(':').take(3).collect();
    assert!(time.iter().all(|part| part.len() == 2 && part.parse::<u8>().is_ok()), "{separator}");
    assert_eq!(watched.next_out(), "2");

    // What cannot be run is told, and is not the end.
    watched.replace(b"no component");
    assert!(watched.next_err().ends_with("has changed"));
    let told = watched.next_err();
    assert!(told.starts_with("minion: module \"answer\" is "), "{told}");

    // Nor is half of a file run: it would be told.
    let third = answering(3);
    watched.replace(&third[..third.len() / 2]);
    assert_eq!(watched.next_err(), "waiting for the rest of answer.wasm");
    watched.replace(&third);
    assert!(watched.next_err().ends_with("has changed"));
    assert_eq!(watched.next_out(), "3");

    assert_eq!(watched.interrupt(), Some(130));
    assert_eq!(watched.out.recv_timeout(PATIENCE).ok(), None, "it ran once more");
}

#[test]
fn the_same_file_again_is_no_change() {
    let watched = Watched::start(&answering(1), &["answer"]);
    assert_eq!(watched.next_out(), "1");
    watched.replace(&answering(1));
    watched.replace(&answering(2));
    assert!(watched.next_err().ends_with("has changed"));
    assert_eq!(watched.next_out(), "2");
}

#[test]
fn ctrl_c_stops_the_job_and_the_watch_with_it() {
    let module = fs::read(xtask::guests::module("test")).unwrap();
    let mut watched = Watched::start(&module, &["count", "1000000", "10"]);
    assert_eq!(watched.next_err(), "part: 1");
    assert_eq!(watched.interrupt(), Some(130));
}
