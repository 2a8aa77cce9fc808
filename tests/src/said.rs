//! What commands say, and tests where they are skipped.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything that has to come may take, however slow and busy the machine is. Only what never comes
/// takes that long.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl Said {
    /// The one JSON document on its stdout.
    ///
    /// # Panics
    /// Where that is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The one of this name in a list, as JSON documents have lists of minions and of modules.
///
/// # Panics
/// Where it is not in it.
pub fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().and_then(|list| list.iter().find(|one| one["name"] == name));
    found.unwrap_or_else(|| panic!("no \"{name}\" in {list:#}"))
}

/// What a command says until it has ended.
///
/// # Panics
/// Where it cannot be run.
pub fn said(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}")).into()
}

/// What a daemon says that does not come up.
///
/// # Panics
/// Where it stays.
pub fn refused_start(command: &mut Command) -> Said {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap_or_else(|error| panic!("{command:?}: {error}")).is_none() {
        if Instant::now() > end {
            // It may have ended by itself in this moment.
            let _ = child.kill();
            panic!("it came up: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
}

/// Says that the test that runs is skipped, and why, past the runner, which hides what passing tests print.
pub fn say_skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Without a stderr nobody is there to be told.
    let _ = writeln!(std::io::stderr(), "{test} is skipped: {why}");
}
