//! What is known beside an expression: groups, and what minions said of themselves.

use std::sync::Arc;

use crate::name::MinionName;
use serde_json::Value as Json;

use super::expression::Expression;

/// What expressions ask about groups and minions.
pub trait Lookup {
    /// The expression that says which minions are members of a group; `None` where there is no such group.
    fn group(&self, name: &str) -> Option<Arc<Expression>>;

    /// The facts of a minion, as one JSON object; `None` where it never told any.
    fn facts(&self, minion: &MinionName) -> Option<Arc<Json>>;
}

/// Knows no group and no facts.
impl Lookup for () {
    fn group(&self, _: &str) -> Option<Arc<Expression>> {
        None
    }

    fn facts(&self, _: &MinionName) -> Option<Arc<Json>> {
        None
    }
}
