//! Who wants a change of a module.

use wire::message::link::Carried;
use wire::name::OperatorName;

/// The operator in whose name a module is changed, and what that operator has signed of it.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// The operator.
    pub(crate) operator: OperatorName,
    /// What the operator has signed, for minions that want that.
    pub(crate) mandate: Carried,
}
