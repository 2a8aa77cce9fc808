//! An operator who was let in.

use wire::name::OperatorName;

use super::Operators;

/// One connection of an operator, which is known as such until this is dropped.
pub(crate) struct Presence {
    operators: Operators,
    name: OperatorName,
    number: u64,
}

impl Presence {
    pub(super) fn new(operators: Operators, name: OperatorName, number: u64) -> Self {
        Self { operators, name, number }
    }

    /// The operator's name.
    pub(crate) fn name(&self) -> &OperatorName {
        &self.name
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.operators.left(&self.name, self.number);
    }
}
