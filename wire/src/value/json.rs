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
use crate::value::method::{Type, TypeId, TypeRef};
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
        Type::Tuple(types) => read_tuple(ty, types, json.as_array().ok_or_else(unexpected)?, at),
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
        None if value.is_sign_positive() => Json::from("Infinity"),
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

fn read_tuple(
    ty: TypeRef<'_>,
    types: &[TypeId],
    elements: &[Json],
    at: &Place<'_>,
) -> Result<Value, ValueError> {
    if elements.len() != types.len() {
        return Err(at.error(Problem::Length { expected: types.len(), given: elements.len() }));
    }
    let pairs = types.iter().zip(elements).enumerate();
    let values = pairs.map(|(index, (part, json))| read(ty.part(*part), json, &at.down(Step::Index(index))?));
    Ok(Value::Tuple(values.collect::<Result<_, _>>()?))
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
mod tests;
