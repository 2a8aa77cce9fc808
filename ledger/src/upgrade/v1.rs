//! From format 1 to format 2: what minions say of their modules.
//!
//! The types here are as format 1 has them, and never change again. What they hold of `wire` is as it was
//! then; a type of it that changes is to be frozen here first.

use serde::{Deserialize, Serialize};
use wire::digest::Digest;
use wire::message::module::ModuleState;
use wire::message::v1::{Method, Module};
use wire::name::ModuleName;

use super::rewrite::rewrite;
use super::v2::ModulesV2;
use crate::error::LedgerError;
use crate::keyspace::{Keyspace, Side};
use crate::record::Record;
use crate::storage::Store;

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

/// Rewrites what an overlord knows of modules. Nothing of a minion's ledger has changed.
pub(super) fn upgrade(store: &Store, side: Side) -> Result<(), LedgerError> {
    match side {
        Side::Overlord => rewrite::<ModulesV1, ModulesV2>(store),
        Side::Minion | Side::Swarm => Ok(()),
    }
}
