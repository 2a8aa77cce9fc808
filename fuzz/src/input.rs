//! Inputs: what good ones are drawn from, and damage to them.

use fastrand::Rng;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Draws random types and values from strategies: the same seed gives the same things in the same order.
pub(crate) struct Draws(TestRunner);

impl Draws {
    /// Draws as this seed says.
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self(TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng))
    }

    /// One thing of this kind.
    pub(crate) fn draw<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.0).expect("the strategies reject nothing").current()
    }
}

/// The longest input that damage makes longer.
const MAX_LENGTH: usize = 256 << 10;

/// Bytes that mean something to one of the readers: limits of integers, lengths of varints, notation.
const TELLING: [&[u8]; 18] = [
    &[0],
    &[1],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    b"[",
    b"{\"",
    b"some(",
    b"\\u0000",
    b"\\ud800",
    b"-9223372036854775809",
    b"1e999",
    b"\"\"\"\n",
    b"\0asm\x0d\0\x01\0",
    "\u{202e}☃".as_bytes(),
    b"null",
];

/// Damages an input in one to six places; `other` is another input, of which parts may be taken over.
pub(crate) fn mutate(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..=6) {
        let at = rng.usize(0..=bytes.len());
        match rng.u8(0..9) {
            0 | 1 => change(&mut bytes, at, |byte| byte ^ 1 << rng.u8(0..8)),
            2 => change(&mut bytes, at, |_| rng.u8(..)),
            3 => change(&mut bytes, at, |byte| byte.wrapping_add(rng.choice([1, 0xff]).unwrap_or(1))),
            4 if rng.u8(0..8) == 0 => bytes.truncate(at),
            4 | 5 => {
                let telling = TELLING[rng.usize(0..TELLING.len())];
                let replaced = at..(at + rng.usize(0..=telling.len())).min(bytes.len());
                bytes.splice(replaced, telling.iter().copied());
            }
            6 => {
                bytes.drain(range(rng, &bytes, at));
            }
            7 => {
                let from = rng.usize(0..=other.len());
                let taken = &other[range(rng, other, from)];
                let replaced = at..(at + rng.usize(0..=taken.len())).min(bytes.len());
                bytes.splice(replaced, taken.iter().copied());
            }
            _ => {
                // Many times over now and then: this is how depth and great counts come about.
                let repeated = bytes[range(rng, &bytes, at)].to_vec();
                let times = if rng.u8(0..8) == 0 { rng.usize(1..2000) } else { 1 };
                let times = times.min(MAX_LENGTH.saturating_sub(bytes.len()) / repeated.len().max(1));
                bytes.splice(at..at, repeated.repeat(times));
            }
        }
    }
    bytes
}

fn change(bytes: &mut [u8], at: usize, to: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = to(*byte);
    }
}

/// A range from here on, mostly a short one.
fn range(rng: &mut Rng, bytes: &[u8], from: usize) -> std::ops::Range<usize> {
    let left = bytes.len() - from;
    let most = if rng.u8(0..4) == 0 { left } else { left.min(16) };
    from..from + rng.usize(0..=most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage_and_no_input_is_too_short_for_it() {
        for seed in 0..2_000 {
            for input in [&b""[..], b"a", b"a longer input"] {
                let damage = || mutate(&mut Rng::with_seed(seed), input, b"other");
                assert_eq!(damage(), damage());
            }
        }
    }
}
