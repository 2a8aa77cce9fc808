//! A module as a JSON document: the same from a minion, from an overlord and from a file.

use serde_json::{Value, json};

use crate::module::{Module, ModuleState, ModuleVersion};
use crate::schema::{parameters_schema, result_schema};
use crate::signature::Method;

impl Module {
    /// Everything that is known of the module, each method with the JSON Schemas of what it takes and gives.
    pub fn document(&self) -> Value {
        let reason = match &self.state {
            ModuleState::Failed(reason) => Some(reason),
            _ => None,
        };
        json!({
            "name": self.name,
            "version": self.version,
            "digest": self.digest.to_string(),
            "description": self.description,
            "state": self.state.as_str(),
            "reason": reason,
            "versions": self.versions.iter().map(version).collect::<Vec<_>>(),
            "methods": self.methods.iter().map(method).collect::<Vec<_>>(),
            "imports": self.imports,
        })
    }
}

fn version(version: &ModuleVersion) -> Value {
    let reason = match &version.state {
        ModuleState::Failed(reason) => Some(reason),
        _ => None,
    };
    json!({
        "digest": version.digest.to_string(),
        "version": version.version,
        "state": version.state.as_str(),
        "reason": reason,
        "since": version.since,
        "signer": version.signer,
    })
}

fn method(method: &Method) -> Value {
    let schema = |of: fn(&Method) -> Value| method.not_callable.is_none().then(|| of(method));
    json!({
        "name": method.name,
        "interface": method.interface,
        "signature": method.to_string(),
        "docs": method.docs,
        "not_callable": method.not_callable,
        "parameters": schema(parameters_schema),
        "result": schema(result_schema),
    })
}
