//! Many times in a few numbers.

use std::time::Duration;

/// How the times of many calls are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// That of these times, in any order; all zero where there are none.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { p50: share(&times, 50), p99: share(&times, 99), max: share(&times, 100) }
    }
}

/// The shortest of the sorted times that is not shorter than so many in a hundred of them.
fn share(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

/// How many a second.
pub(super) fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_times_that_were_measured() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(times);
        assert_eq!(spread.p50, Duration::from_millis(100));
        assert_eq!(spread.p99, Duration::from_millis(198));
        assert_eq!(spread.max, Duration::from_millis(200));
    }

    #[test]
    fn one_time_is_all_shares_and_none_is_zero() {
        let second = Duration::from_secs(1);
        assert_eq!(Spread::of(vec![second]), Spread { p50: second, p99: second, max: second });
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn a_rate_is_per_second() {
        assert_eq!(rate(500, Duration::from_millis(250)), 2000.0);
    }
}
