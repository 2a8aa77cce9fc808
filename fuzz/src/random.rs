//! Random types and values, made from a seed and nothing else.

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Draws from strategies: the same seed gives the same things in the same order.
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
