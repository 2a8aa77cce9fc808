//! How much one job of a module may use.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::given::{self, at_least_one};
use crate::size::ByteSize;

/// The most that a job of a module may use. Each of these is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of all linear memories together. Default 64 MiB.
    pub memory: u64,
    /// The elements of all tables together. Default 20,000.
    pub table: u64,
    /// The time on a processor. Default 10 s.
    pub cpu: Duration,
    /// The time by the clock, from the start of the guest. Default 60 s.
    pub wall: Duration,
    /// The bytes of the result and of emitted chunks together, each element counted with its place. Default 4 MiB.
    pub output: u64,
    /// The bytes of log lines with their fields, stdout and stderr among them. What goes beyond is dropped and
    /// counted. Default 1 MiB.
    pub log: u64,
    /// The number of log lines, those of stdout and stderr among them. What goes beyond is dropped and counted.
    /// Default 1,000.
    pub log_lines: u64,
    /// The bytes of what the host holds for the job besides its memory, its output and its log: resources of WASI
    /// and HTTP, values and input on their way. Default 16 MiB.
    pub held: u64,
    /// The file descriptors: folders, open files, connections and the pipes of programs. Default 128.
    pub descriptors: u64,
    /// The processes: programs with everything that they start. Default 64.
    pub processes: u64,
    /// The jobs of the module that run at once; further ones wait. Default 32.
    pub jobs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            table: 20_000,
            cpu: Duration::from_secs(10),
            wall: Duration::from_secs(60),
            output: 4 << 20,
            log: 1 << 20,
            log_lines: 1_000,
            held: 16 << 20,
            descriptors: 128,
            processes: 64,
            jobs: 32,
        }
    }
}

/// The `limits` of one policy entry: only what it changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LimitChanges {
    memory: Option<ByteSize>,
    table: Option<u64>,
    #[serde(default, deserialize_with = "duration")]
    cpu: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    wall: Option<Duration>,
    output: Option<ByteSize>,
    log: Option<ByteSize>,
    log_lines: Option<u64>,
    held: Option<ByteSize>,
    descriptors: Option<u64>,
    processes: Option<u64>,
    #[serde(default, deserialize_with = "jobs")]
    jobs: Option<usize>,
}

impl LimitChanges {
    /// Puts what this entry says over `limits`.
    pub(crate) fn apply(&self, limits: &mut Limits) {
        fn set<T: Clone>(limit: &mut T, change: Option<&T>) {
            if let Some(change) = change {
                *limit = change.clone();
            }
        }
        set(&mut limits.memory, self.memory.map(|size| size.0).as_ref());
        set(&mut limits.table, self.table.as_ref());
        set(&mut limits.cpu, self.cpu.as_ref());
        set(&mut limits.wall, self.wall.as_ref());
        set(&mut limits.output, self.output.map(|size| size.0).as_ref());
        set(&mut limits.log, self.log.map(|size| size.0).as_ref());
        set(&mut limits.log_lines, self.log_lines.as_ref());
        set(&mut limits.held, self.held.map(|size| size.0).as_ref());
        set(&mut limits.descriptors, self.descriptors.as_ref());
        set(&mut limits.processes, self.processes.as_ref());
        set(&mut limits.jobs, self.jobs.as_ref());
    }
}

/// Reads a number of jobs, which is at least one. A key that is left out changes nothing.
fn jobs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    at_least_one(deserializer).map(Some)
}

/// Reads a duration as people write it. A key that is left out changes nothing.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    given::duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> Result<Limits, String> {
        let changes: LimitChanges = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut limits = Limits::default();
        changes.apply(&mut limits);
        Ok(limits)
    }

    #[test]
    fn a_limit_that_is_written_is_set_and_the_others_stay() {
        assert_eq!(changed(""), Ok(Limits::default()));
        let text = "memory = '1GiB'\ntable = 2\ncpu = '3s'\nwall = '4m 5s'\noutput = 5\nlog = '6KiB'\n\
                    log-lines = 7\nheld = '8 MiB'\ndescriptors = 9\nprocesses = 10\njobs = 11";
        let all = Limits {
            memory: 1 << 30,
            table: 2,
            cpu: Duration::from_secs(3),
            wall: Duration::from_secs(245),
            output: 5,
            log: 6 << 10,
            log_lines: 7,
            held: 8 << 20,
            descriptors: 9,
            processes: 10,
            jobs: 11,
        };
        assert_eq!(changed(text), Ok(all));
        assert_eq!(changed("jobs = 1"), Ok(Limits { jobs: 1, ..Limits::default() }));
    }

    #[test]
    fn a_limit_that_is_none_is_refused_with_what_to_write() {
        for (text, told) in [
            ("jobs = 0", "with 0 no job would ever run: write 1 to run one after the other"),
            (
                "cpu = 'fast'",
                "\"fast\" is not a duration (expected number at 0): write \"10s\", \"2m 30s\" or \"7d\"",
            ),
            (
                "memory = '64MB'",
                "\"64MB\" is not a size: write a number with B, KiB, MiB, GiB or TiB, for example \"64MiB\"",
            ),
        ] {
            assert_eq!(changed(text).expect_err(text), told);
        }
        assert!(changed("memroy = 1").is_err());
    }
}
