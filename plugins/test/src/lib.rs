//! The module `test`: tries a minion out without touching its host, unless it is granted a folder. What each
//! method does is said in `wit/test.wit`.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use minion_sdk::{job, log};

use exports::minion::test::test::{Context, Guest, Level, Permissions, Point, Shape};

minion_sdk::module!({ path: "wit" });

struct Test;

export!(Test);

impl Guest for Test {
    fn ping() -> String {
        "pong".to_owned()
    }

    fn add(a: i64, b: i64) -> i64 {
        // Not `a + b`, which would be silently wrong.
        a.checked_add(b).expect("the sum does not fit 64 bits")
    }

    fn concat(a: String, b: String) -> String {
        a + &b
    }

    fn sleep(ms: u64) -> u64 {
        let slept = rest(ms, |slept| job::progress(slept, ms, "sleeping"));
        job::progress(slept.min(ms), ms, "awake");
        slept
    }

    fn count(to: u32, pause: Option<u64>) -> Result<u32, String> {
        for number in 1..=to {
            if job::cancelled() {
                return Ok(number - 1);
            }
            job::emit(&number.to_string())?;
            job::progress(number.into(), to.into(), "counting");
            if number < to {
                std::thread::sleep(Duration::from_millis(pause.unwrap_or(100)));
            }
        }
        Ok(to)
    }

    fn append(path: String, line: String, pause: Option<u64>) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("cannot append to \"{path}\": {error}");
        let mut file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        // One write, so that the lines of several jobs never mix.
        file.write_all(format!("{line}\n").as_bytes()).map_err(failed)?;
        rest(pause.unwrap_or(0), |_| ());
        Ok(())
    }

    fn log(message: String, level: Option<Level>) {
        match level.unwrap_or(Level::Info) {
            Level::Debug => log::debug!("{message}"),
            Level::Info => log::info!("{message}"),
            Level::Warn => log::warn!("{message}"),
            Level::Error => log::error!("{message}"),
        }
    }

    fn job() -> Context {
        let since_1970 = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
        Context {
            id: job::id(),
            method: job::method(),
            operator: job::operator(),
            deadline: job::deadline().and_then(since_1970).and_then(|left| left.as_millis().try_into().ok()),
            dry_run: job::dry_run(),
        }
    }

    fn fail(message: Option<String>) -> Result<String, String> {
        Err(message.unwrap_or_else(|| "failed as asked".to_owned()))
    }

    fn explode(message: Option<String>) {
        panic!("{}", message.as_deref().unwrap_or("exploded as asked"));
    }

    fn spin() {
        loop {
            std::hint::spin_loop();
        }
    }

    fn echo_bool(value: bool) -> bool {
        value
    }

    fn echo_s64(value: i64) -> i64 {
        value
    }

    fn echo_u64(value: u64) -> u64 {
        value
    }

    fn echo_f64(value: f64) -> f64 {
        value
    }

    fn echo_char(value: char) -> char {
        value
    }

    fn echo_string(value: String) -> String {
        value
    }

    fn echo_bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }

    fn echo_list(value: Vec<String>) -> Vec<String> {
        value
    }

    fn echo_tuple(value: (String, i64)) -> (String, i64) {
        value
    }

    fn echo_record(value: Point) -> Point {
        value
    }

    fn echo_variant(value: Shape) -> Shape {
        value
    }

    fn echo_enum(value: Level) -> Level {
        value
    }

    fn echo_option(value: Option<String>) -> Option<String> {
        value
    }

    fn echo_result(value: Result<String, String>) -> Result<String, String> {
        value
    }

    fn echo_flags(value: Permissions) -> Permissions {
        value
    }
}

/// Sleeps until so many milliseconds are over or the job is cancelled, saying about ten times a second how many
/// were slept, and gives back how many it were.
fn rest(ms: u64, say: impl Fn(u64)) -> u64 {
    let start = Instant::now();
    let slept = || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    while slept() < ms && !job::cancelled() {
        say(slept());
        std::thread::sleep(Duration::from_millis((ms - slept().min(ms)).min(100)));
    }
    slept()
}
