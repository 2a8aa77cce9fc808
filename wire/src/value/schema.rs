//! JSON Schemas (2020-12) of what a method takes and returns, in the JSON form of [`crate::value::json`].
//!
//! A type that has a name, or would be large wherever it occurs, is defined once under `$defs`.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use crate::value::integer;
use crate::value::method::{Signature, Type, TypeId, TypeRef};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The largest type, by [`TypeRef::written`], that is written out wherever it occurs.
const MAX_INLINE: u64 = 256;

/// The schema of a method's arguments, as an object by parameter name.
pub fn parameters_schema(method: Signature<'_>) -> Json {
    let mut pen = Pen::default();
    let mut schema = pen.object(method.params());
    if let Some(docs) = &method.docs {
        schema["description"] = Json::from(docs.as_str());
    }
    pen.finish(schema)
}

/// The schema of the value that an outcome `ok` has: of a method that returns a `result`, its ok side.
pub fn result_schema(method: Signature<'_>) -> Json {
    let mut pen = Pen::default();
    let schema = match method.result().map(|ty| (ty, ty.kind())) {
        Some((ty, Type::Result(ok, _))) => pen.payload(ty.maybe(*ok)),
        other => pen.payload(other.map(|(ty, _)| ty)),
    };
    pen.finish(schema)
}

/// Writes schemas, and remembers which types they refer to.
#[derive(Default)]
struct Pen<'a> {
    /// Types that a schema refers to and that are not defined yet.
    open: Vec<TypeRef<'a>>,
    /// All types that a schema ever referred to.
    referred: HashSet<TypeId>,
}

impl<'a> Pen<'a> {
    /// The schema with its dialect, and with the definitions of all that it refers to.
    fn finish(mut self, mut schema: Json) -> Json {
        let mut definitions = Map::new();
        while let Some(ty) = self.open.pop() {
            definitions.insert(definition_name(ty), self.definition(ty));
        }
        schema["$schema"] = Json::from(DIALECT);
        if !definitions.is_empty() {
            schema["$defs"] = Json::Object(definitions);
        }
        schema
    }

    /// The schema of a type at a place where it occurs: a reference to it where it has a definition.
    fn ty(&mut self, ty: TypeRef<'a>) -> Json {
        if ty.name().is_none() && ty.written() <= MAX_INLINE {
            return self.definition(ty);
        }
        if self.referred.insert(ty.id()) {
            self.open.push(ty);
        }
        json!({"$ref": format!("#/$defs/{}", definition_name(ty))})
    }

    /// The schema that defines a type.
    fn definition(&mut self, ty: TypeRef<'a>) -> Json {
        match ty.kind() {
            Type::Bool => json!({"type": "boolean"}),
            Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 | Type::S64 | Type::U64 => {
                json!({"anyOf": [number(ty.kind()), {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$"}]})
            }
            Type::F32 | Type::F64 => {
                json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
            }
            Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Type::String => json!({"type": "string"}),
            Type::List(_) if ty.is_bytes() => json!({"anyOf": [
                {"type": "string", "contentEncoding": "base64"},
                {"type": "array", "items": number(&Type::U8)},
            ]}),
            Type::List(element) => json!({"type": "array", "items": self.ty(ty.part(*element))}),
            Type::Tuple(types) => json!({
                "type": "array",
                "prefixItems": types.iter().map(|part| self.ty(ty.part(*part))).collect::<Vec<_>>(),
                "items": false,
                "minItems": types.len(),
            }),
            Type::Record(fields) => {
                self.object(fields.iter().map(|(name, field)| (name.as_str(), ty.part(*field))))
            }
            Type::Variant(cases) => {
                let case = |(name, carried): &(String, Option<TypeId>)| match ty.maybe(*carried) {
                    None => json!({"const": name}),
                    Some(carried) => tagged(name, self.ty(carried)),
                };
                json!({"oneOf": cases.iter().map(case).collect::<Vec<_>>()})
            }
            Type::Enum(cases) => json!({"enum": cases}),
            Type::Option(inner) => {
                let inner = ty.part(*inner);
                let some = match inner.kind() {
                    Type::Option(_) => tagged("some", self.ty(inner)),
                    _ => self.ty(inner),
                };
                json!({"anyOf": [some, {"type": "null"}]})
            }
            Type::Result(ok, err) => json!({"oneOf": [
                tagged("ok", self.payload(ty.maybe(*ok))),
                tagged("err", self.payload(ty.maybe(*err))),
            ]}),
            Type::Flags(names) => json!({"type": "array", "items": {"enum": names}, "uniqueItems": true}),
            Type::Opaque(name) => {
                json!({"not": {}, "$comment": format!("{name} cannot be passed from outside")})
            }
        }
    }

    /// The schema of an object with these members, of which those of type `option` may be missing.
    fn object(&mut self, members: impl Iterator<Item = (&'a str, TypeRef<'a>)>) -> Json {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, ty) in members {
            if !matches!(ty.kind(), Type::Option(_)) {
                required.push(name);
            }
            properties.insert(name.to_owned(), self.ty(ty));
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn payload(&mut self, ty: Option<TypeRef<'a>>) -> Json {
        ty.map_or_else(|| json!({"type": "null"}), |ty| self.ty(ty))
    }
}

/// The name of a type under `$defs`.
fn definition_name(ty: TypeRef<'_>) -> String {
    // No name in WIT begins with a digit, so the place of a type is not taken for one.
    ty.name().map_or_else(|| ty.id().to_string(), |name| name.replace('~', "~0").replace('/', "."))
}

fn number(ty: &Type) -> Json {
    let mut schema = json!({"type": "integer"});
    if let Some(range) = integer::range(ty) {
        let bound = |n: i128| i64::try_from(n).map(Json::from).unwrap_or_else(|_| Json::from(u64::MAX));
        schema["minimum"] = bound(*range.start());
        schema["maximum"] = bound(*range.end());
    }
    schema
}

fn tagged(tag: &str, payload: Json) -> Json {
    json!({"type": "object", "properties": {tag: payload}, "required": [tag], "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::v1;
    use crate::value::method::{Builder, Method, Methods};

    fn method(params: Vec<(&str, v1::Type)>, result: Option<v1::Type>) -> Methods {
        v1::Method {
            interface: None,
            name: "mount".into(),
            params: params.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect(),
            result,
            is_async: false,
            not_callable: None,
            docs: Some("Mounts it.".into()),
        }
        .interned()
    }

    fn first(methods: &Methods) -> Signature<'_> {
        methods.iter().next().expect("a method")
    }

    #[test]
    fn parameters_are_an_object_whose_options_may_be_missing() {
        let option = v1::Type::Option(Box::new(v1::Type::U8));
        let methods = method(vec![("path", v1::Type::String), ("size", option)], None);
        let schema = parameters_schema(first(&methods));
        let size = json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 255},
            {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$"},
        ]});
        let expected = json!({
            "$schema": DIALECT,
            "description": "Mounts it.",
            "type": "object",
            "properties": {"path": {"type": "string"}, "size": {"anyOf": [size, {"type": "null"}]}},
            "required": ["path"],
            "additionalProperties": false,
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn the_result_is_the_ok_side() {
        use v1::Type;
        let schema = |result| result_schema(first(&method(vec![], result)))["type"].clone();
        let result = Type::Result(Some(Box::new(Type::String)), Some(Box::new(Type::U8)));
        assert_eq!(schema(Some(result)), "string");
        assert_eq!(schema(Some(Type::Result(None, Some(Box::new(Type::U8))))), "null");
        assert_eq!(schema(None), "null");
    }

    #[test]
    fn each_type_has_the_schema_of_its_json() {
        use v1::Type;
        let two = || vec!["a".to_owned(), "b".to_owned()];
        let text = json!({"type": "string"});
        let byte = json!({"type": "integer", "minimum": 0, "maximum": 255});
        let tag = |name: &str, payload: Json| json!({"type": "object", "properties": {name: payload}, "required": [name], "additionalProperties": false});
        let boxed = |ty: Type| Box::new(ty);
        let cases = vec![("a".to_owned(), None), ("b".to_owned(), Some(Type::String))];
        let fields =
            vec![("a".to_owned(), Type::String), ("b".to_owned(), Type::Option(boxed(Type::String)))];
        for (ty, expected) in [
            (Type::Bool, json!({"type": "boolean"})),
            (Type::F32, json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})),
            (Type::Char, json!({"type": "string", "minLength": 1, "maxLength": 1})),
            (Type::List(boxed(Type::String)), json!({"type": "array", "items": text})),
            (
                Type::List(boxed(Type::U8)),
                json!({"anyOf": [
                    {"type": "string", "contentEncoding": "base64"}, {"type": "array", "items": byte},
                ]}),
            ),
            (
                Type::Tuple(vec![Type::String, Type::Bool]),
                json!({
                    "type": "array", "prefixItems": [text, {"type": "boolean"}], "items": false, "minItems": 2,
                }),
            ),
            (
                Type::Record(fields),
                json!({
                    "type": "object",
                    "properties": {"a": text, "b": {"anyOf": [text, {"type": "null"}]}},
                    "required": ["a"],
                    "additionalProperties": false,
                }),
            ),
            (Type::Variant(cases), json!({"oneOf": [{"const": "a"}, tag("b", text.clone())]})),
            (Type::Enum(two()), json!({"enum": ["a", "b"]})),
            (
                Type::Flags(two()),
                json!({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true}),
            ),
            (
                Type::Option(boxed(Type::Option(boxed(Type::String)))),
                json!({"anyOf": [tag("some", json!({"anyOf": [text, {"type": "null"}]})), {"type": "null"}]}),
            ),
            (
                Type::Result(Some(boxed(Type::String)), None),
                json!({"oneOf": [tag("ok", text.clone()), tag("err", json!({"type": "null"}))]}),
            ),
            (
                Type::Opaque("stream<u8>".to_owned()),
                json!({"not": {}, "$comment": "stream<u8> cannot be passed from outside"}),
            ),
        ] {
            let schema = parameters_schema(first(&method(vec![("p", ty.clone())], None)));
            assert_eq!(schema["properties"]["p"], expected, "{ty}");
            assert_eq!(schema.get("$defs"), None);
        }
    }

    #[test]
    fn sixty_four_bits_have_their_whole_range() {
        let schema = |ty| result_schema(first(&method(vec![], Some(ty))));
        assert_eq!(schema(v1::Type::U64)["anyOf"][0]["maximum"], json!(u64::MAX));
        assert_eq!(schema(v1::Type::S64)["anyOf"][0]["minimum"], json!(i64::MIN));
    }

    #[test]
    fn a_type_with_a_name_is_defined_once() {
        let mut table = Builder::default();
        let number = table.add(None, Type::U32).expect("room");
        let fields = vec![("x".to_owned(), number), ("y".to_owned(), number)];
        let point = table.add(Some("point"), Type::Record(fields)).expect("room");
        let line = table.add(None, Type::Tuple(vec![point, point])).expect("room");
        let line = Method {
            interface: None,
            name: "draw".into(),
            params: vec![("line".into(), line)],
            result: Some(point),
            is_async: false,
            not_callable: None,
            docs: None,
        };
        let methods = Methods::new(table.build(), vec![line]).expect("defined");
        let schema = parameters_schema(first(&methods));
        let reference = json!({"$ref": "#/$defs/point"});
        assert_eq!(schema["properties"]["line"]["prefixItems"], json!([reference, reference]));
        assert_eq!(schema["$defs"]["point"]["required"], json!(["x", "y"]));
        assert_eq!(result_schema(first(&methods))["$ref"], "#/$defs/point");
    }

    #[test]
    fn what_is_large_as_a_tree_is_small_as_a_schema() {
        let mut table = Builder::default();
        let mut ty = table.add(None, Type::U8).expect("room");
        for _ in 0..40 {
            ty = table.add(None, Type::Tuple(vec![ty; 16])).expect("room");
        }
        let method = Method {
            interface: None,
            name: "f".into(),
            params: vec![("p".into(), ty)],
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        };
        let methods = Methods::new(table.build(), vec![method]).expect("defined");
        let schema = parameters_schema(first(&methods));
        let definitions = schema["$defs"].as_object().expect("definitions");
        for definition in definitions.values().chain([&schema["properties"]["p"]]) {
            let parts = definition
                .get("prefixItems")
                .map_or(vec![definition], |items| items.as_array().expect("an array").iter().collect());
            for reference in parts.iter().filter_map(|part| part["$ref"].as_str()) {
                let name = reference.strip_prefix("#/$defs/").expect("a definition");
                assert!(definitions.contains_key(name), "{reference} leads nowhere");
            }
        }
        // All but the innermost, which is small enough to be written out.
        assert_eq!(definitions.len(), 39);
        let text = schema.to_string();
        assert!(text.len() < 100_000, "{} bytes", text.len());
        assert!(first(&methods).to_string().chars().count() < 5000);
    }
}
