//! A host made up for native tests: what it grants is set up first, and what the module did is asked after.
//!
//! ```
//! use minion_sdk::testing::Host;
//! use minion_sdk::{job, kv, log};
//!
//! // A method of the module under test.
//! fn count() -> Result<u8, String> {
//!     let seen = kv::get("seen")?.map_or(0, |value| value[0]) + 1;
//!     kv::set("seen", [seen])?;
//!     job::progress(1, 1, "counted");
//!     log::info!("seen {seen} times");
//!     Ok(seen)
//! }
//!
//! let host = Host::new().kv("seen", [4]);
//! assert_eq!(count(), Ok(5));
//! assert_eq!(host.logged(), ["seen 5 times"]);
//! assert_eq!(host.progress().last().map(|(done, total, _)| (*done, *total)), Some((1, 1)));
//!
//! let host = Host::new().dry_run();
//! assert!(count().is_err());
//! assert_eq!(host.would(), ["set \"seen\" to 1 byte"]);
//! ```

pub(crate) mod facts;
pub(crate) mod job;
pub(crate) mod kv;
pub(crate) mod log;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod settings;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use crate::log::Level;
use crate::probe::Answer;
use crate::process::{Output, Status};

/// The host of the tests of one thread.
///
/// Making another one forgets what the one before it was told and has seen. A module that runs without one meets a
/// host that grants everything and has nothing.
#[derive(Debug)]
pub struct Host(PhantomData<*const ()>);

/// A line that the module logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: Level,
    /// The text of the line.
    pub message: String,
    /// Names and values that belong to the text.
    pub fields: Vec<(String, String)>,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Setting {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Texts(Vec<String>),
}

/// What the host of this thread has been told and has seen.
#[derive(Debug, Default)]
struct State {
    dry_run: bool,
    /// How often the module may still ask whether it is cancelled and hear that it is not; `None` means for ever.
    patience: Option<u32>,
    /// Whether the module has heard that it is cancelled.
    cancelled: bool,
    facts: BTreeMap<String, String>,
    settings: BTreeMap<String, Setting>,
    kv: BTreeMap<String, Vec<u8>>,
    ports: BTreeMap<(String, u16), Answer>,
    programs: Vec<(Vec<String>, Output)>,
    /// The programs that the host does not have.
    missing: Vec<String>,
    logged: Vec<LogLine>,
    progress: Vec<(u64, u64, String)>,
    emitted: Vec<String>,
    ran: Vec<Vec<String>>,
    would: Vec<String>,
}

impl State {
    /// Keeps what a dry run would have done, and returns the text of it.
    fn record(&mut self, what: String) -> String {
        self.would.push(what.clone());
        what
    }
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn state<T>(with: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(with)
}

/// What the host is told.
impl Host {
    /// A host that grants everything and has nothing yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        state(|state| *state = State::default());
        Self(PhantomData)
    }

    /// Makes the job a dry run: changes and programs are recorded instead of done, and [`Host::would`] has the
    /// records.
    pub fn dry_run(self) -> Self {
        state(|state| state.dry_run = true);
        self
    }

    /// Cancels the job once the module has asked so many times whether it is cancelled. With 0 the first question
    /// hears it.
    pub fn cancel_after(self, questions: u32) -> Self {
        state(|state| state.patience = Some(questions));
        self
    }

    /// Adds a fact, such as `os.name`.
    pub fn fact(self, path: impl Into<String>, value: impl Into<String>) -> Self {
        state(|state| state.facts.insert(path.into(), value.into()));
        self
    }

    /// Adds a setting: a truth value, a number, a text or a list of texts. Nested ones have dots in their names.
    pub fn setting(self, name: impl Into<String>, value: impl Into<Setting>) -> Self {
        state(|state| state.settings.insert(name.into(), value.into()));
        self
    }

    /// Puts a value into the module's store, as an earlier job would have.
    pub fn kv(self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        state(|state| state.kv.insert(key.into(), value.into()));
        self
    }

    /// Says what is answered when a port is tried. Of hosts of which nothing was said the module hears that they
    /// have no address.
    pub fn port(self, host: impl Into<String>, port: u16, answer: Answer) -> Self {
        state(|state| state.ports.insert((host.into(), port), answer));
        self
    }

    /// Says what a program leaves behind that is run with exactly these arguments, its own name first. Other
    /// programs are denied.
    pub fn program(self, argv: &[&str], output: Output) -> Self {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        state(|state| state.programs.push((argv, output)));
        self
    }

    /// Has no program of this name, or at this path: running it fails with `NotFound`, whatever its arguments.
    pub fn missing(self, program: impl Into<String>) -> Self {
        state(|state| state.missing.push(program.into()));
        self
    }
}

/// What the host has seen.
impl Host {
    /// The messages of all log lines, in order.
    pub fn logged(&self) -> Vec<String> {
        state(|state| state.logged.iter().map(|line| line.message.clone()).collect())
    }

    /// All log lines with their level and fields, in order.
    pub fn log_lines(&self) -> Vec<LogLine> {
        state(|state| state.logged.clone())
    }

    /// All calls of `progress`, in order: units done, units in all, note.
    pub fn progress(&self) -> Vec<(u64, u64, String)> {
        state(|state| state.progress.clone())
    }

    /// All parts of the result that came ahead of its end, in order.
    pub fn emitted(&self) -> Vec<String> {
        state(|state| state.emitted.clone())
    }

    /// The arguments of all programs that ran, in order, each with the program's own name first.
    pub fn ran(&self) -> Vec<Vec<String>> {
        state(|state| state.ran.clone())
    }

    /// What a dry run would have done, in order, as the errors said it to the module.
    pub fn would(&self) -> Vec<String> {
        state(|state| state.would.clone())
    }

    /// What the module's store has under a key now; `None` where there is no such key.
    pub fn stored(&self, key: &str) -> Option<Vec<u8>> {
        state(|state| state.kv.get(key).cloned())
    }
}

impl Output {
    /// What a program leaves behind that prints `text` to its standard output and ends with this exit code.
    pub fn printed(text: &str, exit_code: i32) -> Self {
        let (stdout, status) = (text.as_bytes().to_vec(), Status::Exited(exit_code));
        Output { status, stdout, stderr: Vec::new(), stdout_dropped: 0, stderr_dropped: 0 }
    }
}

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Setting::Boolean(value)
    }
}

impl From<i64> for Setting {
    fn from(value: i64) -> Self {
        Setting::Integer(value)
    }
}

impl From<f64> for Setting {
    fn from(value: f64) -> Self {
        Setting::Number(value)
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Setting::Text(value.to_owned())
    }
}

impl<const N: usize> From<[&str; N]> for Setting {
    fn from(values: [&str; N]) -> Self {
        Setting::Texts(values.map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Command, Piece};
    use crate::{facts, job, kv, log, process, settings};

    #[test]
    fn a_new_host_forgets_the_one_before() {
        Host::new().fact("os.name", "debian");
        assert_eq!(facts::get("os.name"), Ok(Some("debian".to_owned())));
        Host::new();
        assert_eq!(facts::get("os.name"), Ok(None));
    }

    #[test]
    fn facts_are_listed_by_whole_names() {
        Host::new().fact("os.name", "debian").fact("os.kernel", "6.1").fact("osaka", "a town");
        let paths: Vec<String> =
            facts::list("os").expect("granted").into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["os.kernel", "os.name"]);
    }

    #[test]
    fn a_cancelled_job_is_told_when_it_asks() {
        let host = Host::new().cancel_after(2);
        let mut turns = 0;
        while !job::cancelled() {
            turns += 1;
            job::emit(&turns.to_string()).expect("not cancelled yet");
        }
        assert_eq!(host.emitted(), ["1", "2"]);
        assert_eq!(job::emit("3"), Err(job::Error::Cancelled));
    }

    #[test]
    fn log_lines_keep_their_level_and_fields() {
        let host = Host::new();
        let unit = "nginx";
        log::warn!(unit = unit, tries = 3; "gave up on {unit}");
        let fields = vec![("unit".to_owned(), "nginx".to_owned()), ("tries".to_owned(), "3".to_owned())];
        let message = "gave up on nginx".to_owned();
        assert_eq!(host.log_lines(), [LogLine { level: Level::Warn, message, fields }]);
    }

    #[test]
    fn a_key_changes_only_from_what_was_expected() {
        let host = Host::new().kv("turn", "1");
        assert_eq!(kv::compare_and_set("turn", None, Some(b"0")), Ok(false));
        assert_eq!(kv::compare_and_set("turn", Some(b"1"), Some(b"2")), Ok(true));
        assert_eq!(host.stored("turn"), Some(b"2".to_vec()));
        assert_eq!(kv::compare_and_set("turn", Some(b"2"), None), Ok(true));
        assert_eq!(host.stored("turn"), None);
    }

    #[test]
    fn keys_are_listed_page_by_page() {
        Host::new().kv("a1", "").kv("a2", "").kv("b", "");
        assert_eq!(kv::list("a", None, 1), Ok(vec!["a1".to_owned()]));
        assert_eq!(kv::list("a", Some("a1"), 9), Ok(vec!["a2".to_owned()]));
        assert_eq!(kv::list("a", Some("a2"), 9), Ok(vec![]));
    }

    #[test]
    fn a_program_runs_only_if_the_test_says_so() {
        let host = Host::new().program(&["uptime"], Output::printed("up", 0));
        assert_eq!(Command::new("uptime").run().map(|output| output.stdout_text()), Ok("up".to_owned()));
        let denied = Command::new("rm").args(["-rf", "/"]).run().map_err(String::from);
        assert!(denied.expect_err("denied").contains(r#"["rm", "-rf", "/"]"#));
        assert_eq!(host.ran(), [["uptime"]]);
    }

    #[test]
    fn a_started_program_is_read_to_its_end() {
        Host::new().program(&["tail"], Output::printed("line", 3));
        let child = Command::new("tail").start().expect("it is known");
        assert_eq!(child.read(3), Ok(Some(Piece::Stdout(b"lin".to_vec()))));
        assert_eq!(child.read(80), Ok(Some(Piece::Stdout(b"e".to_vec()))));
        assert_eq!(child.read(80), Ok(None));
        assert_eq!(child.wait(), Ok(process::Status::Exited(3)));
    }

    #[test]
    fn a_setting_of_another_type_is_an_error_that_names_it() {
        Host::new().setting("port", 80).setting("hosts", ["a", "b\"c"]);
        assert_eq!(settings::integer("port"), Ok(Some(80)));
        assert_eq!(settings::number("port"), Ok(Some(80.0)));
        assert_eq!(settings::text("name"), Ok(None));
        assert_eq!(settings::get("hosts").as_deref(), Some(r#"["a","b\"c"]"#));
        let wrong = settings::text("port").map_err(String::from);
        assert_eq!(wrong, Err("setting \"port\" is 80, not a text".to_owned()));
    }
}
