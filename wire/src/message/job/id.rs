//! Job ids, which sort by the time at which they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use machine::clock;

/// How much two ids differ at most whose order the clock does not give: 2^40 of them fit into a millisecond.
const STEP: u128 = (1 << 40) - 1;

/// Declares an id type: a ULID, so that ids sort by the time they were made.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// Makes a new id from the clock and 80 random bits.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Ulid::from_datetime(clock::now()))
            }

            /// Makes a new id that sorts after `previous`, whatever the clock says.
            pub fn after(previous: Self) -> Self {
                let fresh = Self::new();
                if fresh > previous {
                    return fresh;
                }
                // The step is random: where a ledger was restored, its next id must not be one that was given out
                // before.
                let step = 1 + (fresh.0.random() & STEP);
                Self(Ulid(previous.0.0.saturating_add(step)))
            }

            /// The id as sixteen bytes that sort as the id does.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The id of sixteen bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// When the id was made, in milliseconds since 1970.
            pub fn made_at(self) -> u64 {
                self.0.timestamp_ms()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0.to_string())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                Ulid::from_string(text).map(Self).map_err(|_| BadId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.to_bytes().serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
                }
            }
        }
    };
}

id! {
    /// Names one overlord job, everywhere. The key under which a minion starts a job at most once.
    JobId
}

id! {
    /// Names one minion's part of a job in that minion's own ledger.
    MinionJobId
}

/// The error for a text that is not a job id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a job id: a job id has 26 letters and digits, as `overlord job list` shows them")]
pub struct BadId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_sorts_after_the_one_before_it_even_if_that_is_of_the_future() {
        let hour_ahead = Ulid::from_parts(clock::now_ms() + 3_600_000, u128::MAX);
        let mut last = JobId(hour_ahead);
        for _ in 0..1000 {
            let next = JobId::after(last);
            assert!(next > last);
            last = next;
        }
        assert!(last.made_at() - hour_ahead.timestamp_ms() <= 1, "the clock would never catch up");
        let past = JobId(Ulid::from_parts(1, 0));
        assert!(JobId::after(past).made_at() > 1_000_000_000_000, "the clock counts where it is ahead");
    }

    #[test]
    fn ids_survive_text_and_bytes_and_sort_by_time() {
        let (first, later) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        assert!(first < later && first.to_string() < later.to_string());
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!("nonsense".parse::<JobId>(), Err(BadId));
    }

    #[test]
    fn ids_that_follow_the_same_one_differ() {
        let future = JobId(Ulid::from_parts(clock::now_ms() + 3_600_000, 0));
        let ids: std::collections::HashSet<JobId> = (0..1000).map(|_| JobId::after(future)).collect();
        assert_eq!(ids.len(), 1000, "a ledger that was restored must not give out an id again");
    }
}
