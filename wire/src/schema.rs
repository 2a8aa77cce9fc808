//! JSON Schemas (2020-12) of what a method takes and gives, in the JSON form of [`crate::json`].

use serde_json::{Map, Value as Json, json};

use crate::integer;
use crate::signature::{Method, Type};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a method's arguments as an object by parameter name.
pub fn parameters_schema(method: &Method) -> Json {
    let mut schema = object(&method.params);
    describe(&mut schema, method.docs.as_deref());
    schema
}

/// The schema of the value of an outcome `ok`: of a `result`, its ok side.
pub fn result_schema(method: &Method) -> Json {
    let mut schema = match &method.result {
        Some(Type::Result(ok, _)) => payload(ok.as_deref()),
        other => payload(other.as_ref()),
    };
    describe(&mut schema, None);
    schema
}

/// The schema of one type.
pub fn type_schema(ty: &Type) -> Json {
    match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 | Type::S64 | Type::U64 => {
            json!({"anyOf": [number(ty), {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$"}]})
        }
        Type::F32 | Type::F64 => {
            json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
        }
        Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Type::String => json!({"type": "string"}),
        Type::List(element) if **element == Type::U8 => json!({"anyOf": [
            {"type": "string", "contentEncoding": "base64"},
            {"type": "array", "items": number(&Type::U8)},
        ]}),
        Type::List(element) => json!({"type": "array", "items": type_schema(element)}),
        Type::Tuple(types) => json!({
            "type": "array",
            "prefixItems": types.iter().map(type_schema).collect::<Vec<_>>(),
            "items": false,
            "minItems": types.len(),
        }),
        Type::Record(fields) => object(fields),
        Type::Variant(cases) => {
            let case = |(name, ty): &(String, Option<Type>)| match ty {
                None => json!({"const": name}),
                Some(ty) => tagged(name, type_schema(ty)),
            };
            json!({"oneOf": cases.iter().map(case).collect::<Vec<_>>()})
        }
        Type::Enum(cases) => json!({"enum": cases}),
        Type::Option(inner) if matches!(**inner, Type::Option(_)) => {
            json!({"anyOf": [tagged("some", type_schema(inner)), {"type": "null"}]})
        }
        Type::Option(inner) => json!({"anyOf": [type_schema(inner), {"type": "null"}]}),
        Type::Result(ok, err) => json!({"oneOf": [
            tagged("ok", payload(ok.as_deref())),
            tagged("err", payload(err.as_deref())),
        ]}),
        Type::Flags(names) => json!({"type": "array", "items": {"enum": names}, "uniqueItems": true}),
        Type::Opaque(name) => json!({"not": {}, "$comment": format!("{name} cannot be passed from outside")}),
    }
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

/// An object with these members, of which options may be missing.
fn object(members: &[(String, Type)]) -> Json {
    let properties: Map<String, Json> =
        members.iter().map(|(name, ty)| (name.clone(), type_schema(ty))).collect();
    let required: Vec<&String> =
        members.iter().filter(|(_, ty)| !matches!(ty, Type::Option(_))).map(|(name, _)| name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn tagged(tag: &str, payload: Json) -> Json {
    json!({"type": "object", "properties": {tag: payload}, "required": [tag], "additionalProperties": false})
}

fn payload(ty: Option<&Type>) -> Json {
    ty.map_or_else(|| json!({"type": "null"}), type_schema)
}

fn describe(schema: &mut Json, docs: Option<&str>) {
    schema["$schema"] = Json::from(DIALECT);
    if let Some(docs) = docs {
        schema["description"] = Json::from(docs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(params: Vec<(&str, Type)>, result: Option<Type>) -> Method {
        Method {
            interface: None,
            name: "mount".into(),
            params: params.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect(),
            result,
            is_async: false,
            not_callable: None,
            docs: Some("Mounts it.".into()),
        }
    }

    #[test]
    fn parameters_are_an_object_whose_options_may_be_missing() {
        let schema = parameters_schema(&method(
            vec![("path", Type::String), ("size", Type::Option(Box::new(Type::U8)))],
            None,
        ));
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
        let result = Type::Result(Some(Box::new(Type::String)), Some(Box::new(Type::U8)));
        assert_eq!(result_schema(&method(vec![], Some(result)))["type"], "string");
        let nothing = Type::Result(None, Some(Box::new(Type::U8)));
        assert_eq!(result_schema(&method(vec![], Some(nothing)))["type"], "null");
        assert_eq!(result_schema(&method(vec![], None))["type"], "null");
    }

    #[test]
    fn sixty_four_bits_have_their_whole_range() {
        let schema = type_schema(&Type::U64);
        assert_eq!(schema["anyOf"][0]["maximum"], json!(u64::MAX));
        assert_eq!(type_schema(&Type::S64)["anyOf"][0]["minimum"], json!(i64::MIN));
    }
}
