//! How often whoever dialled gives a sign of life on a connection on which nothing is said.
//!
//! A few minions give one every five seconds, so that it is soon known of each whether it is there, and so that all of them hear at
//! once where their overlord has begun anew. Of many minions the overlord wants them less often: together they are to cost next to
//! nothing.

use std::time::Duration;

use machine::failpoint;

/// How often there is one where nobody says otherwise.
const USUAL: Duration = Duration::from_secs(5);
/// The longest pause between two, for as many minions as there may be. What is between an overlord and its minions may forget a
/// connection that is silent for half a minute.
const LONGEST: Duration = Duration::from_secs(25);
/// How many an overlord gets in a second, from all of its minions together, before it wants them less often.
const A_SECOND: u32 = 400;
/// After as many without an answer a connection is given up.
const MISSED: u32 = 3;

/// The pause between two signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heartbeat(Duration);

impl Default for Heartbeat {
    fn default() -> Self {
        Self(failpoint::idle(USUAL * MISSED) / MISSED)
    }
}

impl Heartbeat {
    /// What an overlord wants of each of so many minions.
    pub fn of_each_of(minions: usize) -> Self {
        Self::between(Duration::from_secs(minions as u64) / A_SECOND)
    }

    /// What an overlord has said that it wants, in milliseconds, as far as that is sensible.
    pub fn told(milliseconds: u64) -> Self {
        Self::between(Duration::from_millis(milliseconds))
    }

    fn between(pause: Duration) -> Self {
        let Self(usual) = Self::default();
        Self(pause.min(LONGEST).max(usual))
    }

    /// The pause.
    pub fn pause(self) -> Duration {
        self.0
    }

    /// A connection without a sign of life for this long is given up.
    pub fn silence(self) -> Duration {
        self.0 * MISSED
    }

    /// The longest silence of whoever dials, which a listener therefore bears.
    pub(super) fn longest_silence() -> Duration {
        failpoint::idle(LONGEST * MISSED)
    }

    /// Whether the two differ by so much that a connection is dialled anew for it.
    pub fn is_far_from(self, other: Self) -> bool {
        self >= Self(other.0 * 2) || other >= Self(self.0 * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_of_life_of_a_fleet_are_as_many_as_four_hundred_a_second() {
        for (minions, milliseconds) in
            [(0, 5000), (1, 5000), (2000, 5000), (4000, 10_000), (10_000, 25_000), (usize::MAX, 25_000)]
        {
            let wanted = Heartbeat::of_each_of(minions);
            assert_eq!(wanted.pause(), Duration::from_millis(milliseconds), "of {minions}");
            assert_eq!(wanted.silence(), 3 * wanted.pause());
            assert!(wanted.silence() <= Heartbeat::longest_silence());
        }
    }

    #[test]
    fn what_an_overlord_says_is_followed_as_far_as_it_is_sensible() {
        for (told, followed) in [(0, 5000), (7000, 7000), (60_000, 25_000), (u64::MAX, 25_000)] {
            assert_eq!(Heartbeat::told(told).pause(), Duration::from_millis(followed));
        }
    }

    #[test]
    fn only_twice_the_pause_or_half_of_it_is_far() {
        let far = |one, other| Heartbeat::told(one).is_far_from(Heartbeat::told(other));
        assert!(far(10_000, 5000) && far(5000, 10_000) && far(25_000, 12_500));
        assert!(!far(9999, 5000) && !far(5000, 9999) && !far(5000, 5000));
    }
}
