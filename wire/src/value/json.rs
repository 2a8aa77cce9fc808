//! Values as JSON, in and out.
//!
//! Record → object, tuple and list → array, `list<u8>` → base64 string, variant → `"case"` or
//! `{"case": payload}`, enum → string, option → value or null, option of option → `{"some": …}`, result →
//! `{"ok": …}` or `{"err": …}`, flags → array of names, char → string. Integers beyond 2^53 are decimal
//! strings, NaN and infinities are strings. On the way in a missing option field is none, bytes may be an
//! array of numbers, and integers may be either form; anything else that differs is an error that names
//! its place.

use data_encoding::BASE64;
use serde_json::{Map, Number, Value as Json};

use crate::value::Value;
use crate::value::error::{Place, Problem, Step, ValueError, clipped, echoed, quoted};
use crate::value::integer;
use crate::value::method::{Type, TypeRef};
use crate::value::shape;

/// Writes a value in its JSON form, which needs no type.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Signed(value) if value.unsigned_abs() > integer::MAX_EXACT => Json::String(value.to_string()),
        Value::Signed(value) => Json::from(*value),
        Value::Unsigned(value) if *value > integer::MAX_EXACT => Json::String(value.to_string()),
        Value::Unsigned(value) => Json::from(*value),
        // An f32 becomes JSON by way of its text, so that 0.1 does not come out as 0.10000000149011612.
        Value::F32(value) => float(value.to_string().parse().unwrap_or(f64::from(*value))),
        Value::F64(value) => float(*value),
        Value::Char(value) => Json::String(value.to_string()),
        Value::String(value) => Json::String(value.clone()),
        Value::Bytes(bytes) => Json::String(BASE64.encode(bytes)),
        Value::List(values) | Value::Tuple(values) => Json::Array(values.iter().map(to_json).collect()),
        Value::Record(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
        }
        Value::Variant(case, None) => Json::String(case.clone()),
        Value::Variant(case, Some(payload)) => tagged(case, to_json(payload)),
        Value::Enum(case) => Json::String(case.clone()),
        Value::Option(None) => Json::Null,
        Value::Option(Some(inner)) if matches!(**inner, Value::Option(_)) => tagged("some", to_json(inner)),
        Value::Option(Some(inner)) => to_json(inner),
        Value::Result(Ok(payload)) => tagged("ok", payload.as_deref().map_or(Json::Null, to_json)),
        Value::Result(Err(payload)) => tagged("err", payload.as_deref().map_or(Json::Null, to_json)),
        Value::Flags(names) => Json::Array(names.iter().cloned().map(Json::String).collect()),
    }
}

/// Reads a value of type `ty` from its JSON form. JSON that an operator wrote goes through
/// [`crate::value::arguments::bind`] instead, which also refuses keys that are given twice.
///
/// # Errors
/// [`ValueError`], with the place of the first part that is not of its type.
pub fn from_json(ty: TypeRef<'_>, json: &Json) -> Result<Value, ValueError> {
    read(ty, json, &Place::top(""))
}

/// Reads a value of type `ty` that stands at `at`.
pub(crate) fn read(ty: TypeRef<'_>, json: &Json, at: &Place<'_>) -> Result<Value, ValueError> {
    let unexpected = || at.unexpected(ty, echoed(json));
    match ty.kind() {
        Type::Bool => json.as_bool().map(Value::Bool).ok_or_else(|| match json {
            Json::String(_) => at.written(ty, echoed(json), "write true or false, without quotes".to_owned()),
            _ => unexpected(),
        }),
        Type::S8 | Type::U8 | Type::S16 | Type::U16 | Type::S32 | Type::U32 | Type::S64 | Type::U64 => {
            read_integer(ty, json, at)
        }
        Type::F32 | Type::F64 => read_float(ty, json, at),
        Type::Char => {
            let mut chars = json.as_str().unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Ok(Value::Char(only)),
                _ => Err(unexpected()),
            }
        }
        Type::String => {
            json.as_str().map(|text| Value::String(text.to_owned())).ok_or_else(|| no_string(ty, json, at))
        }
        Type::List(_) if ty.is_bytes() => read_bytes(ty, json, at),
        Type::List(element) => {
            let element = ty.part(*element);
            let elements = json.as_array().ok_or_else(unexpected)?.iter().enumerate();
            let values = elements.map(|(index, json)| read(element, json, &at.down(Step::Index(index))?));
            Ok(Value::List(values.collect::<Result<_, _>>()?))
        }
        Type::Tuple(types) => {
            let elements = json.as_array().ok_or_else(unexpected)?;
            if elements.len() != types.len() {
                return Err(at.error(Problem::Length { expected: types.len(), given: elements.len() }));
            }
            let pairs = types.iter().zip(elements).enumerate();
            let values =
                pairs.map(|(index, (part, json))| read(ty.part(*part), json, &at.down(Step::Index(index))?));
            Ok(Value::Tuple(values.collect::<Result<_, _>>()?))
        }
        Type::Record(fields) => {
            let given = json.as_object().ok_or_else(unexpected)?;
            let names = given.iter().map(|(name, json)| (name.as_str(), json));
            shape::record(ty, fields, names, |name| given.get(name), read, at)
        }
        Type::Variant(cases) => match (json, only_entry(json)) {
            (Json::String(case), _) => shape::variant(ty, cases, case, None, read, at),
            (_, Some((case, payload))) => shape::variant(ty, cases, case, Some(payload), read, at),
            _ => Err(unexpected()),
        },
        Type::Enum(cases) => shape::enumeration(cases, json.as_str().ok_or_else(unexpected)?, at),
        Type::Option(inner) => read_option(ty, ty.part(*inner), json, at),
        Type::Result(ok, err) => match only_entry(json) {
            Some(("ok", payload)) => Ok(Value::Result(Ok(read_side("ok", ty.maybe(*ok), payload, at)?))),
            Some(("err", payload)) => Ok(Value::Result(Err(read_side("err", ty.maybe(*err), payload, at)?))),
            _ => Err(unexpected()),
        },
        Type::Flags(names) => {
            let given = json.as_array().ok_or_else(unexpected)?.iter().map(Json::as_str);
            let given: Vec<&str> = given.collect::<Option<_>>().ok_or_else(unexpected)?;
            shape::flags(names, &given, at)
        }
        Type::Opaque(name) => Err(at.error(Problem::NotPassable(clipped(name)))),
    }
}

fn float(value: f64) -> Json {
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => Json::from("NaN"),
        None if value > 0.0 => Json::from("Infinity"),
        None => Json::from("-Infinity"),
    }
}

fn tagged(tag: &str, payload: Json) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), payload)]))
}

fn only_entry(json: &Json) -> Option<(&str, &Json)> {
    let object = json.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, json)| (name.as_str(), json))
}

fn read_integer(ty: TypeRef<'_>, json: &Json, at: &Place<'_>) -> Result<Value, ValueError> {
    let number = match json {
        Json::Number(number) => number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)),
        Json::String(text) => integer::decimal(text),
        _ => None,
    };
    let number = number.ok_or_else(|| at.unexpected(ty, echoed(json)))?;
    integer::value(ty.kind(), number)
        .ok_or_else(|| at.error(Problem::OutOfRange { ty: ty.to_string(), got: echoed(json) }))
}

fn read_float(ty: TypeRef<'_>, json: &Json, at: &Place<'_>) -> Result<Value, ValueError> {
    let out_of_range = || at.error(Problem::OutOfRange { ty: ty.to_string(), got: echoed(json) });
    let value = match json {
        // An f32 is read from the text: by way of an f64 it would be rounded twice.
        Json::Number(number) if *ty.kind() == Type::F32 => match number.to_string().parse::<f32>() {
            Ok(value) if value.is_finite() => return Ok(Value::F32(value)),
            _ => return Err(out_of_range()),
        },
        Json::Number(number) => number.as_f64().filter(|value| value.is_finite()).ok_or_else(out_of_range)?,
        Json::String(text) if text == "NaN" => f64::NAN,
        Json::String(text) if text == "Infinity" => f64::INFINITY,
        Json::String(text) if text == "-Infinity" => f64::NEG_INFINITY,
        _ => return Err(at.unexpected(ty, echoed(json))),
    };
    Ok(if *ty.kind() == Type::F32 { Value::F32(value as f32) } else { Value::F64(value) })
}

fn read_bytes(ty: TypeRef<'_>, json: &Json, at: &Place<'_>) -> Result<Value, ValueError> {
    if let Json::String(text) = json {
        let bytes = BASE64.decode(text.as_bytes());
        return bytes.map(Value::Bytes).map_err(|_| at.error(Problem::NotBase64(quoted(text))));
    }
    let elements = json.as_array().ok_or_else(|| at.unexpected(ty, echoed(json)))?.iter().enumerate();
    let bytes = elements.map(|(index, json)| {
        let byte = json.as_u64().and_then(|number| u8::try_from(number).ok());
        let at = at.down(Step::Index(index))?;
        byte.ok_or_else(|| match json {
            Json::Number(number) if !number.is_f64() => {
                at.error(Problem::OutOfRange { ty: "u8".to_owned(), got: echoed(json) })
            }
            _ => at.error(Problem::Unexpected { expected: "u8".to_owned(), got: echoed(json) }),
        })
    });
    Ok(Value::Bytes(bytes.collect::<Result<_, _>>()?))
}

/// The error that something is no string, with how it would be one where its quotes are all that is missing.
fn no_string(ty: TypeRef<'_>, json: &Json, at: &Place<'_>) -> ValueError {
    match json {
        Json::Bool(_) | Json::Number(_) => {
            at.written(ty, echoed(json), format!("as a string it stands in double quotes, \"{json}\""))
        }
        _ => at.unexpected(ty, echoed(json)),
    }
}

fn read_option(
    ty: TypeRef<'_>,
    inner: TypeRef<'_>,
    json: &Json,
    at: &Place<'_>,
) -> Result<Value, ValueError> {
    let (json, step) = match (json, inner.kind(), only_entry(json)) {
        (Json::Null, _, _) => return Ok(Value::Option(None)),
        (_, Type::Option(_), Some(("some", payload))) => (payload, Step::Field("some")),
        (_, Type::Option(_), _) => return Err(at.unexpected(ty, echoed(json))),
        _ => (json, Step::Inside),
    };
    Ok(Value::Option(Some(Box::new(read(inner, json, &at.down(step)?)?))))
}

/// Reads a side of a result; one that carries nothing is null.
fn read_side(
    name: &str,
    ty: Option<TypeRef<'_>>,
    payload: &Json,
    at: &Place<'_>,
) -> Result<Option<Box<Value>>, ValueError> {
    let nothing = ty.is_none() && payload.is_null();
    shape::side(name, ty, (!nothing).then_some(payload), read, at)
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::message::v1::Type;
    use crate::value::arbitrary::{json_of_any_kind, typed_value, types};

    fn from_json(ty: &Type, json: &Json) -> Result<Value, ValueError> {
        super::from_json(ty.interned().get(), json)
    }

    fn list(ty: Type) -> Type {
        Type::List(Box::new(ty))
    }

    fn option(ty: Type) -> Type {
        Type::Option(Box::new(ty))
    }

    fn message(ty: &Type, json: Json) -> String {
        from_json(ty, &json).unwrap_err().to_string()
    }

    proptest! {
        /// By way of text, as it travels: what is printed is what is read.
        #[test]
        fn json_to_value_to_json_is_the_identity((ty, value) in typed_value()) {
            let json = to_json(&value);
            let text = serde_json::to_string(&json).unwrap();
            let parsed: Json = serde_json::from_str(&text).unwrap();
            let back = from_json(&ty, &parsed).unwrap();
            prop_assert_eq!(to_json(&back).to_string(), text);
            // NaN is not equal to itself, so values are compared as they print.
            prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
        }

        #[test]
        fn any_json_for_any_type_is_a_value_or_a_short_error(ty in types(), json in json_of_any_kind()) {
            match from_json(&ty, &json) {
                Ok(value) => prop_assert!(crate::value::check::check(ty.interned().get(), &value).is_ok()),
                Err(error) => prop_assert!(error.problem.to_string().chars().count() < 300, "{}", error),
            }
        }

        #[test]
        fn every_f32_prints_shortest_and_comes_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let json: Json = serde_json::from_str(&to_json(&Value::F32(value)).to_string()).unwrap();
            prop_assert_eq!(from_json(&Type::F32, &json), Ok(Value::F32(value)));
        }
    }

    #[test]
    fn each_type_has_the_form_that_is_promised() {
        let cases = [
            (Type::S64, Value::Signed(-5), json!(-5)),
            (Type::U64, Value::Unsigned(1 << 53), json!(9_007_199_254_740_992_u64)),
            (Type::U64, Value::Unsigned(u64::MAX), json!("18446744073709551615")),
            (Type::S64, Value::Signed(i64::MIN), json!("-9223372036854775808")),
            (Type::F32, Value::F32(0.1), json!(0.1)),
            (Type::F64, Value::F64(f64::INFINITY), json!("Infinity")),
            (Type::F32, Value::F32(f32::NEG_INFINITY), json!("-Infinity")),
            (Type::Char, Value::Char('☃'), json!("☃")),
            (list(Type::U8), Value::Bytes(b"hi!!".to_vec()), json!("aGkhIQ==")),
            (option(Type::Bool), Value::Option(None), json!(null)),
            (Type::Result(None, None), Value::Result(Ok(None)), json!({"ok": null})),
            (Type::Flags(vec!["r".into(), "w".into()]), Value::Flags(vec!["w".into()]), json!(["w"])),
            (Type::Variant(vec![("a".into(), None)]), Value::Variant("a".into(), None), json!("a")),
        ];
        for (ty, value, json) in cases {
            assert_eq!(to_json(&value), json, "{ty}");
            assert_eq!(from_json(&ty, &json), Ok(value), "{ty}");
        }
        assert_eq!(to_json(&Value::F64(f64::NAN)), json!("NaN"));
    }

    #[test]
    fn an_option_of_an_option_keeps_its_levels_apart() {
        let ty = option(option(Type::U8));
        let some = |inner| Value::Option(Some(Box::new(inner)));
        for (value, json) in [
            (Value::Option(None), json!(null)),
            (some(Value::Option(None)), json!({"some": null})),
            (some(some(Value::Unsigned(3))), json!({"some": 3})),
        ] {
            assert_eq!(to_json(&value), json);
            assert_eq!(from_json(&ty, &json), Ok(value));
        }
    }

    #[test]
    fn more_is_understood_than_is_printed() {
        assert_eq!(from_json(&Type::S64, &json!("12")), Ok(Value::Signed(12)));
        assert_eq!(from_json(&list(Type::U8), &json!([104, 105])), Ok(Value::Bytes(b"hi".to_vec())));
        let ty = Type::Record(vec![("a".into(), option(Type::U8)), ("b".into(), Type::U8)]);
        let value = Value::Record(vec![("a".into(), Value::Option(None)), ("b".into(), Value::Unsigned(1))]);
        assert_eq!(from_json(&ty, &json!({"b": 1})), Ok(value));
    }

    #[test]
    fn an_error_names_its_place() {
        let options = Type::Record(vec![("ro".into(), option(Type::Bool))]);
        let mount = Type::Record(vec![("path".into(), Type::String), ("options".into(), option(options))]);
        let ty = Type::Record(vec![("mounts".into(), list(mount))]);
        let good = json!({"path": "/"});
        let mounts = |third: Json| json!({"mounts": [good, good, third]});
        assert_eq!(
            message(&ty, mounts(json!({"path": "/", "options": {"rw": true}}))),
            r#"mounts[2].options: unknown field "rw"; it has ro"#
        );
        assert_eq!(message(&ty, mounts(json!({}))), r#"mounts[2]: missing field "path""#);
        assert_eq!(
            message(&ty, mounts(json!({"path": 7}))),
            "mounts[2].path: expected string, got 7: as a string it stands in double quotes, \"7\""
        );
        assert_eq!(message(&list(Type::U8), json!([1, 256])), "[1]: 256 is out of range for u8");
    }

    #[test]
    fn each_width_has_its_range() {
        for (ty, low, high) in [
            (Type::S8, json!(-129), json!(128)),
            (Type::U8, json!(-1), json!(256)),
            (Type::S16, json!(-32769), json!(32768)),
            (Type::U16, json!(-1), json!(65536)),
            (Type::S32, json!(-2_147_483_649_i64), json!(2_147_483_648_i64)),
            (Type::U32, json!(-1), json!(4_294_967_296_i64)),
            (Type::S64, json!("-9223372036854775809"), json!("9223372036854775808")),
            (Type::U64, json!(-1), json!("18446744073709551616")),
        ] {
            assert!(message(&ty, low).ends_with(&format!("is out of range for {ty}")), "{ty}");
            assert!(message(&ty, high).ends_with(&format!("is out of range for {ty}")), "{ty}");
        }
        assert_eq!(message(&Type::F32, json!(1e300)), "1e+300 is out of range for f32");
        assert_eq!(message(&Type::S64, json!(1.5)), "expected s64, got 1.5");
        assert_eq!(message(&Type::S64, json!("0644")), "expected s64, got \"0644\"");
    }

    #[test]
    fn payloads_are_where_they_belong() {
        let ty = Type::Variant(vec![("off".into(), None), ("level".into(), Some(Type::U8))]);
        assert_eq!(message(&ty, json!({"off": 1})), "\"off\" takes no payload");
        assert_eq!(message(&ty, json!("level")), "\"level\" needs a payload: u8, as in 'level(1)'");
        assert_eq!(message(&ty, json!("loud")), "unknown case \"loud\"; it has off, level");
        assert_eq!(message(&ty, json!({"level": 300})), "level: 300 is out of range for u8");
    }

    #[test]
    fn depth_ends_where_the_wire_ends() {
        let deep =
            |levels| (1..levels).fold((Type::Bool, json!(true)), |(ty, json), _| (list(ty), json!([json])));
        let (ty, json) = deep(crate::value::MAX_DEPTH);
        let value = from_json(&ty, &json).unwrap();
        assert!(postcard::from_bytes::<Value>(&postcard::to_stdvec(&value).unwrap()).is_ok());
    }
}
