//! Values as people write them in a policy or a configuration, for serde's `deserialize_with`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

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
