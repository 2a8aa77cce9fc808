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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::message::v1::{self, Type};
    use crate::value::method::{self, Builder, Method, Methods};

    fn module() -> Module {
        let echo = v1::Method {
            interface: Some("acme:test/tools@1.0.0".into()),
            name: "echo".into(),
            params: vec![("text".into(), Type::String)],
            result: Some(Type::Bool),
            is_async: false,
            not_callable: None,
            docs: Some("Says it.".into()),
        };
        Module {
            name: "test".parse().expect("a name"),
            version: Some("1.2.0".into()),
            digest: Digest::ZERO,
            description: Some("Tests.".into()),
            state: ModuleState::Active,
            methods: echo.interned(),
            imports: vec!["minion:job/job@0.1.0".into()],
            versions: Vec::new(),
        }
    }

    #[test]
    fn a_module_is_told_with_its_methods_and_how_it_stands() {
        let digest = "0".repeat(64);
        let parameters = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "description": "Says it.",
            "type": "object",
            "properties": { "text": { "type": "string" } },
            "required": ["text"],
            "additionalProperties": false,
        });
        let result = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "boolean" });
        let echo = json!({
            "name": "echo", "path": "echo", "interface": "acme:test/tools@1.0.0",
            "signature": "echo(text: string) -> bool", "docs": "Says it.", "not_callable": null,
            "parameters": parameters, "result": result,
        });
        let contents = json!({
            "name": "test", "version": "1.2.0", "digest": digest, "description": "Tests.",
            "methods": [echo], "imports": ["minion:job/job@0.1.0"],
        });
        let standing = json!({
            "name": "test", "version": "1.2.0", "digest": digest, "state": "active", "reason": null, "versions": [],
        });
        let module = module();
        assert_eq!(module.contents(), contents);
        assert_eq!(Value::Object(module.standing()), standing);
        let mut whole = contents;
        for key in ["state", "reason", "versions"] {
            whole[key] = standing[key].clone();
        }
        assert_eq!(module.document(), whole);
        whole["methods"] = json!([]);
        assert_eq!(module.document_of(std::iter::empty()), whole);
    }

    #[test]
    fn what_failed_says_why_and_each_version_since_when() {
        let failed = ModuleState::Failed("it traps".into());
        let version = |state: ModuleState, signer: Option<&str>| ModuleVersion {
            digest: Digest::ZERO,
            version: Some("1.1.0".into()),
            state,
            since: 1_000,
            signer: signer.map(str::to_owned),
        };
        let versions = vec![version(failed.clone(), None), version(ModuleState::Active, Some("KEY"))];
        let standing = Module { state: failed, versions, ..module() }.standing();
        assert_eq!((&standing["state"], &standing["reason"]), (&json!("failed"), &json!("it traps")));
        let told = |state: &str, reason: Value, signer: Value| {
            json!({
                "digest": "0".repeat(64), "version": "1.1.0", "state": state, "reason": reason,
                "since_at": "1970-01-01T00:00:01.000Z", "signer": signer,
            })
        };
        let versions =
            [told("failed", json!("it traps"), Value::Null), told("active", Value::Null, json!("KEY"))];
        assert_eq!(standing["versions"], Value::from(versions.to_vec()));
    }

    #[test]
    fn a_method_that_cannot_be_called_has_no_schemas_but_why() {
        let old = v1::trees(&module().methods).remove(0);
        let methods = v1::Method { not_callable: Some("it takes a stream".into()), ..old }.interned();
        let contents = Module { methods, ..module() }.contents();
        let told = &contents["methods"][0];
        assert_eq!(told["not_callable"], "it takes a stream");
        assert_eq!(
            (&told["parameters"], &told["result"], told.get("note")),
            (&Value::Null, &Value::Null, None)
        );
    }

    #[test]
    fn schemas_are_left_out_where_those_of_a_module_are_too_large_together() {
        let mut table = Builder::default();
        let names = (0..MAX_SCHEMAS / 100).map(|place| format!("a-name-{place}")).collect();
        let large = table.add(None, method::Type::Enum(names)).expect("room");
        let small = table.add(None, method::Type::Bool).expect("room");
        let method = |name: &str, ty| Method {
            interface: None,
            name: name.into(),
            params: vec![("p".into(), ty)],
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        let types = table.build();
        let held = types.get(large).map_or(0, TypeRef::held);
        assert!((MAX_SCHEMAS / 2..MAX_SCHEMAS).contains(&held), "one fits and two do not: {held}");
        let methods = vec![method("first", large), method("second", large), method("third", small)];
        let methods = Methods::new(types, methods).expect("defined");
        let contents = Module { methods, ..module() }.contents();
        let note = "its schemas are left out: those of the module are too large together";
        let told = contents["methods"].as_array().expect("methods");
        assert!(told[0]["parameters"].is_object() && told[0].get("note").is_none());
        for left_out in &told[1..] {
            assert!(left_out["parameters"].is_null() && left_out["result"].is_null());
            assert_eq!(left_out["note"], note);
        }
    }
}
