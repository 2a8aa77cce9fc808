//! Values as people write them in a policy or a configuration, for serde.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A duration as people write it: `7d`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!(
            "\"{text}\" is not a duration ({error}): write \"10s\", \"2m 30s\" or \"7d\""
        ))
    })
}

/// The same, where no time at all would do nothing.
pub fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match duration(deserializer)? {
        Duration::ZERO => {
            Err(serde::de::Error::custom("no time at all does nothing: write \"10m\", or leave it out"))
        }
        time => Ok(time),
    }
}

/// A number of jobs that lets some run.
pub fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => {
            Err(serde::de::Error::custom("with 0 no job would ever run: write 1 to run one after the other"))
        }
        jobs => Ok(jobs),
    }
}
