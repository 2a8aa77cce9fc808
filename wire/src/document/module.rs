//! A module as a JSON document: the same from a minion, from an overlord and from a file.

use serde_json::{Map, Value, json};

use crate::message::method_names::MethodNames;
use crate::message::module::{Module, ModuleState, ModuleVersion};
use crate::value::method::{Signature, TypeRef};
use crate::value::schema::{parameters_schema, result_schema};
use machine::clock::rfc3339;

impl Module {
    /// Everything that is known of the module, each method with the JSON Schemas of what it takes and returns.
    pub fn document(&self) -> Value {
        self.document_of(self.methods.iter())
    }

    /// Like [`Module::document`], with only these of its methods.
    pub fn document_of<'m>(&'m self, methods: impl Iterator<Item = Signature<'m>>) -> Value {
        let mut document = self.contents_of(methods);
        for (key, value) in self.standing() {
            document[key] = value;
        }
        document
    }

    /// What is in the module's file: the same on every minion that has this version, and in the file itself. How
    /// the module stands on a minion is in [`Module::standing`].
    pub fn contents(&self) -> Value {
        self.contents_of(self.methods.iter())
    }

    /// How the module stands on one minion: the state, its reason, and the versions that the minion knows.
    pub fn standing(&self) -> Map<String, Value> {
        let reason = match &self.state {
            ModuleState::Failed(reason) => Some(reason),
            _ => None,
        };
        Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("version".to_owned(), json!(self.version)),
            ("digest".to_owned(), json!(self.digest.to_string())),
            ("state".to_owned(), json!(self.state.as_str())),
            ("reason".to_owned(), json!(reason)),
            ("versions".to_owned(), self.versions.iter().map(version).collect()),
        ])
    }

    fn contents_of<'m>(&'m self, methods: impl Iterator<Item = Signature<'m>>) -> Value {
        let names = MethodNames::of(&self.methods);
        let mut room = MAX_SCHEMAS;
        json!({
            "name": self.name,
            "version": self.version,
            "digest": self.digest.to_string(),
            "description": self.description,
            "methods": methods.map(|one| method(one, &names.shortest(&one), &mut room)).collect::<Vec<_>>(),
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
        "since_at": rfc3339(version.since),
        "signer": version.signer,
    })
}

/// A method with its schemas, where `room` bytes are enough for the types in them; without them and with a note
/// where they are not.
fn method(method: Signature<'_>, path: &str, room: &mut usize) -> Value {
    let types: usize = method.types().into_iter().map(TypeRef::held).sum();
    let fits = types <= *room;
    *room = room.saturating_sub(types);
    let told = method.not_callable.is_none() && fits;
    let mut document = json!({
        "name": method.name,
        "path": path,
        "interface": method.interface,
        "signature": method.to_string(),
        "docs": method.docs,
        "not_callable": method.not_callable,
        "parameters": told.then(|| parameters_schema(method)),
        "result": told.then(|| result_schema(method)),
    });
    if !fits {
        document["note"] =
            Value::from("its schemas are left out: those of the module are too large together");
    }
    document
}

/// The most bytes of types that the schemas of a module are written from. The schemas of each method are whole in
/// themselves, so a type is counted for each method that has it.
const MAX_SCHEMAS: usize = 4 << 20;
