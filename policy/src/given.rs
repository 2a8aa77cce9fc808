//! Values as people write them in a policy or a configuration, for serde's `deserialize_with`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::size::ByteSize;

/// How long finished jobs are kept: a table `[retention]`, in which every key may be left out. Without them it is for `DAYS`,
/// and `MIB` mebibytes of jobs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention<const DAYS: u64, const MIB: u64> {
    /// For how long a job is kept, counted from its end.
    #[serde(default = "days::<DAYS>", deserialize_with = "duration")]
    pub age: Duration,
    /// How much room finished jobs may take; those that ended first go first.
    #[serde(default = "mebibytes::<MIB>")]
    pub size: ByteSize,
}

impl<const DAYS: u64, const MIB: u64> Default for Retention<DAYS, MIB> {
    fn default() -> Self {
        Self { age: days::<DAYS>(), size: mebibytes::<MIB>() }
    }
}

fn days<const DAYS: u64>() -> Duration {
    Duration::from_secs(DAYS * 24 * 3600)
}

fn mebibytes<const MIB: u64>() -> ByteSize {
    ByteSize(MIB << 20)
}

/// Reads a duration as people write it: `7d`, `1h 30m`.
///
/// # Errors
/// Where the text is no duration.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!(
            "\"{text}\" is not a duration ({error}): write \"10s\", \"2m 30s\" or \"7d\""
        ))
    })
}

/// Reads a duration as [`duration`] does, where a duration of zero would make the rule do nothing.
///
/// # Errors
/// Where the text is no duration, or is zero.
pub fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match duration(deserializer)? {
        Duration::ZERO => {
            Err(serde::de::Error::custom("no time at all does nothing: write \"10m\", or leave it out"))
        }
        time => Ok(time),
    }
}

/// Reads a number of jobs, of which at least one must be let run.
///
/// # Errors
/// Where the number is zero or none.
pub fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => {
            Err(serde::de::Error::custom("with 0 no job would ever run: write 1 to run one after the other"))
        }
        jobs => Ok(jobs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_retention_that_is_left_out_has_the_default_of_its_side() {
        type Given = Retention<7, 256>;
        let read = |text: &str| toml::from_str::<Given>(text);
        assert_eq!(read(""), Ok(Given::default()));
        let (hour, week) = (Duration::from_secs(3600), Duration::from_secs(7 * 24 * 3600));
        assert_eq!(read("age = \"1h\""), Ok(Given { age: hour, size: ByteSize(256 << 20) }));
        assert_eq!(read("size = \"1KiB\""), Ok(Given { age: week, size: ByteSize(1024) }));
        assert!(read("ages = \"1h\"").is_err());
    }
}
