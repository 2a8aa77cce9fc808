//! From format 2 to format 3: the types in what minions say of their modules, each once instead of wherever it occurs.
//!
//! The types here are as format 2 has them, and never change again. What they hold of `wire` is as it was then; a type
//! of it that changes is to be frozen here first.

use serde::{Deserialize, Serialize};
use wire::message::inventory::Inventory;
use wire::message::v1::Module;

use super::rewrite::rewrite;
use crate::error::LedgerError;
use crate::keyspace::{Keyspace, Side};
use crate::overlord::Modules;
use crate::record::Record;
use crate::storage::Store;

#[derive(Serialize, Deserialize)]
pub(super) struct ModulesV2(pub(super) Vec<Module>);

impl Record for ModulesV2 {
    const SPACE: Keyspace = Keyspace::Modules;
    const VERSION: u8 = 2;
}

impl From<ModulesV2> for Modules {
    fn from(ModulesV2(modules): ModulesV2) -> Self {
        Modules(Inventory::of(modules.into_iter().map(wire::message::module::Module::from).collect()))
    }
}

/// Rewrites what an overlord knows of modules. Nothing of a minion's ledger has changed.
pub(super) fn upgrade(store: &Store, side: Side) -> Result<(), LedgerError> {
    match side {
        Side::Overlord => rewrite::<ModulesV2, Modules>(store),
        Side::Minion | Side::Swarm => Ok(()),
    }
}
