//! The steps from one format to the next, each of which writes all records of one kind anew.
//!
//! The types here are as the older formats have them, and never change again. What they hold of `wire` is as it was then; a
//! type of it that changes is to be frozen here first.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::inventory::Inventory;
use wire::message::module::ModuleState;
use wire::message::v1::{Method, Module};
use wire::name::ModuleName;

use crate::draft::Draft;
use crate::error::LedgerError;
use crate::key::Span;
use crate::keyspace::{Keyspace, Side};
use crate::overlord::Modules;
use crate::record::Record;
use crate::storage::{Changes, Store};
use crate::write::Durability;

/// Where a batch of an upgrade ends although more is to be done, in bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Rewrites each record that is an `Old` one as a `New` one. A record that is neither is left for the reader who
/// sets it aside.
pub(super) fn rewrite<Old: Record, New: Record + From<Old>>(store: &Store) -> Result<(), LedgerError> {
    let mut draft = Draft::new(store);
    for (key, bytes) in store.scan(Old::SPACE, Span::all()) {
        let Some(old) = Old::decode(&key, &bytes) else { continue };
        draft.apply(|draft| Ok(draft.put_record(key.to_vec(), &New::from(old))))?;
        if draft.weight() >= BATCH_BYTES {
            commit(store, [std::mem::replace(&mut draft, Draft::new(store)).into_changes()])?;
        }
    }
    commit(store, [draft.into_changes()])
}

/// Writes changes of an upgrade, which are on disk when this returns.
pub(super) fn commit(store: &Store, changes: impl IntoIterator<Item = Changes>) -> Result<(), LedgerError> {
    let changes = changes.into_iter().flatten().collect();
    store.commit(&changes, Durability::Synced).map_err(|refused| refused.error)
}

#[derive(Serialize, Deserialize)]
struct ModulesV1(Vec<ModuleV1>);

#[derive(Serialize, Deserialize)]
struct ModuleV1 {
    name: ModuleName,
    version: Option<String>,
    digest: Digest,
    description: Option<String>,
    state: ModuleStateV1,
    methods: Vec<Method>,
    imports: Vec<String>,
}

#[derive(Serialize, Deserialize)]
enum ModuleStateV1 {
    Compiling,
    Active,
    Draining,
    Failed(String),
}

impl Record for ModulesV1 {
    const SPACE: Keyspace = Keyspace::Modules;
}

impl From<ModulesV1> for ModulesV2 {
    fn from(ModulesV1(modules): ModulesV1) -> Self {
        ModulesV2(modules.into_iter().map(Module::from).collect())
    }
}

impl From<ModuleV1> for Module {
    fn from(module: ModuleV1) -> Self {
        let ModuleV1 { name, version, digest, description, state, methods, imports } = module;
        let state = ModuleState::from(state);
        // The minion tells them as soon as it connects.
        let versions = Vec::new();
        Module { name, version, digest, description, state, methods, imports, versions }
    }
}

impl From<ModuleStateV1> for ModuleState {
    fn from(state: ModuleStateV1) -> Self {
        match state {
            ModuleStateV1::Compiling => ModuleState::Compiling,
            ModuleStateV1::Active => ModuleState::Active,
            ModuleStateV1::Draining => ModuleState::Draining,
            ModuleStateV1::Failed(reason) => ModuleState::Failed(reason),
        }
    }
}

/// From format 1 to format 2: what minions say of their modules. Nothing of a minion's ledger has changed.
pub(super) fn from_1(store: &Store, side: Side) -> Result<(), LedgerError> {
    match side {
        Side::Overlord => rewrite::<ModulesV1, ModulesV2>(store),
        Side::Minion | Side::Swarm => Ok(()),
    }
}

#[derive(Serialize, Deserialize)]
struct ModulesV2(Vec<Module>);

impl Record for ModulesV2 {
    const SPACE: Keyspace = Keyspace::Modules;
    const VERSION: u8 = 2;
}

impl From<ModulesV2> for Modules {
    fn from(ModulesV2(modules): ModulesV2) -> Self {
        Modules(Inventory::of(modules.into_iter().map(wire::message::module::Module::from).collect()))
    }
}

/// From format 2 to format 3: the types in what minions say of their modules, each once instead of wherever it occurs.
/// Nothing of a minion's ledger has changed.
pub(super) fn from_2(store: &Store, side: Side) -> Result<(), LedgerError> {
    match side {
        Side::Overlord => rewrite::<ModulesV2, Modules>(store),
        Side::Minion | Side::Swarm => Ok(()),
    }
}
