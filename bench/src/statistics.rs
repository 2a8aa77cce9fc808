//! Many times in a few numbers.

use std::time::Duration;

/// How the times of many calls are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half of them took no longer.
    pub p50: Duration,
    /// 90 of 100 took no longer.
    pub p90: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// 999 of 1000 took no longer.
    pub p99_9: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// That of these times, in any order; all zero where there are none.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let [p50, p90, p99, p99_9, max] = [500, 900, 990, 999, 1000].map(|share| at(&times, share));
        Self { p50, p90, p99, p99_9, max }
    }
}

/// The shortest of the sorted times that is not shorter than so many in a thousand of them.
pub(super) fn at(sorted: &[Duration], share: usize) -> Duration {
    let place = (sorted.len() * share).div_ceil(1000).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

/// The middle one of some numbers, in any order; zero where there are none.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
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
        let times = (1..=2000).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(times);
        assert_eq!(spread.p50, Duration::from_millis(1000));
        assert_eq!(spread.p90, Duration::from_millis(1800));
        assert_eq!(spread.p99, Duration::from_millis(1980));
        assert_eq!(spread.p99_9, Duration::from_millis(1998));
        assert_eq!(spread.max, Duration::from_millis(2000));
    }

    #[test]
    fn one_time_is_all_shares_and_none_is_zero() {
        let second = Duration::from_secs(1);
        let all = Spread { p50: second, p90: second, p99: second, p99_9: second, max: second };
        assert_eq!(Spread::of(vec![second]), all);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn a_rate_is_per_second() {
        assert_eq!(rate(500, Duration::from_millis(250)), 2000.0);
    }

    #[test]
    fn one_round_that_was_disturbed_does_not_move_the_median() {
        assert_eq!(median(vec![3.0, 900.0, 1.0, 2.0, 4.0]), 3.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
