//! Values on their way into a guest and out of it: from the values of `wire` to those of the engine, and back.

use wasmtime::component::Val;
use wire::value::Value;
use wire::value::method::{Type, TypeId, TypeRef};

/// The error for a value that does not have the type that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value is not of its type")]
pub(in crate::sandbox) struct Mismatch;

/// The engine's value for a value that was bound to this type.
///
/// The type decides the width of numbers, and a record is built field by field in its order.
///
/// # Errors
/// [`Mismatch`], where the value is not of the type.
pub(in crate::sandbox) fn lower(ty: TypeRef<'_>, value: Value) -> Result<Val, Mismatch> {
    Ok(match (ty.kind(), value) {
        (Type::Bool, Value::Bool(value)) => Val::Bool(value),
        (Type::S8, Value::Signed(value)) => Val::S8(narrow(value)?),
        (Type::S16, Value::Signed(value)) => Val::S16(narrow(value)?),
        (Type::S32, Value::Signed(value)) => Val::S32(narrow(value)?),
        (Type::S64, Value::Signed(value)) => Val::S64(value),
        (Type::U8, Value::Unsigned(value)) => Val::U8(narrow(value)?),
        (Type::U16, Value::Unsigned(value)) => Val::U16(narrow(value)?),
        (Type::U32, Value::Unsigned(value)) => Val::U32(narrow(value)?),
        (Type::U64, Value::Unsigned(value)) => Val::U64(value),
        (Type::F32, Value::F32(value)) => Val::Float32(value),
        (Type::F64, Value::F64(value)) => Val::Float64(value),
        (Type::Char, Value::Char(value)) => Val::Char(value),
        (Type::String, Value::String(value)) => Val::String(value),
        (Type::List(_), Value::Bytes(bytes)) if ty.is_bytes() => {
            Val::List(bytes.into_iter().map(Val::U8).collect())
        }
        (Type::List(element), Value::List(values)) => Val::List(each(ty.part(*element), values)?),
        (Type::Tuple(types), Value::Tuple(values)) if types.len() == values.len() => {
            let lowered = types.iter().zip(values).map(|(part, value)| lower(ty.part(*part), value));
            Val::Tuple(lowered.collect::<Result<_, _>>()?)
        }
        (Type::Record(fields), Value::Record(values)) => Val::Record(record(ty, fields, values)?),
        (Type::Variant(cases), Value::Variant(case, payload)) => {
            let (_, carried) = cases.iter().find(|(name, _)| *name == case).ok_or(Mismatch)?;
            Val::Variant(case, side(ty.maybe(*carried), payload)?)
        }
        (Type::Enum(cases), Value::Enum(case)) if cases.contains(&case) => Val::Enum(case),
        (Type::Option(_), Value::Option(None)) => Val::Option(None),
        (Type::Option(inner), Value::Option(Some(value))) => {
            Val::Option(Some(Box::new(lower(ty.part(*inner), *value)?)))
        }
        (Type::Result(ok, _), Value::Result(Ok(value))) => Val::Result(Ok(side(ty.maybe(*ok), value)?)),
        (Type::Result(_, err), Value::Result(Err(value))) => Val::Result(Err(side(ty.maybe(*err), value)?)),
        (Type::Flags(names), Value::Flags(set)) if set.iter().all(|name| names.contains(name)) => {
            Val::Flags(set)
        }
        _ => return Err(Mismatch),
    })
}

/// The value for what a guest returned as this type.
///
/// # Errors
/// [`Mismatch`], where it is not of the type.
pub(in crate::sandbox) fn lift(ty: TypeRef<'_>, value: Val) -> Result<Value, Mismatch> {
    Ok(match (ty.kind(), value) {
        (Type::Bool, Val::Bool(value)) => Value::Bool(value),
        (Type::S8, Val::S8(value)) => Value::Signed(value.into()),
        (Type::S16, Val::S16(value)) => Value::Signed(value.into()),
        (Type::S32, Val::S32(value)) => Value::Signed(value.into()),
        (Type::S64, Val::S64(value)) => Value::Signed(value),
        (Type::U8, Val::U8(value)) => Value::Unsigned(value.into()),
        (Type::U16, Val::U16(value)) => Value::Unsigned(value.into()),
        (Type::U32, Val::U32(value)) => Value::Unsigned(value.into()),
        (Type::U64, Val::U64(value)) => Value::Unsigned(value),
        (Type::F32, Val::Float32(value)) => Value::F32(value),
        (Type::F64, Val::Float64(value)) => Value::F64(value),
        (Type::Char, Val::Char(value)) => Value::Char(value),
        (Type::String, Val::String(value)) => Value::String(value),
        (Type::List(_), Val::List(values)) if ty.is_bytes() => Value::Bytes(lift_bytes(values)?),
        (Type::List(element), Val::List(values)) => {
            let element = ty.part(*element);
            Value::List(values.into_iter().map(|value| lift(element, value)).collect::<Result<_, _>>()?)
        }
        (Type::Tuple(types), Val::Tuple(values)) => {
            let lifted = types.iter().zip(values).map(|(part, value)| lift(ty.part(*part), value));
            Value::Tuple(lifted.collect::<Result<_, _>>()?)
        }
        (Type::Record(fields), Val::Record(values)) => {
            let lifted = fields
                .iter()
                .zip(values)
                .map(|((_, part), (name, value))| Ok((name, lift(ty.part(*part), value)?)));
            Value::Record(lifted.collect::<Result<_, _>>()?)
        }
        (Type::Variant(cases), Val::Variant(case, payload)) => {
            let (_, carried) = cases.iter().find(|(name, _)| *name == case).ok_or(Mismatch)?;
            Value::Variant(case, lift_side(ty.maybe(*carried), payload)?)
        }
        (Type::Enum(_), Val::Enum(case)) => Value::Enum(case),
        (Type::Option(inner), Val::Option(value)) => Value::Option(match value {
            Some(value) => Some(Box::new(lift(ty.part(*inner), *value)?)),
            None => None,
        }),
        (Type::Result(ok, _), Val::Result(Ok(value))) => Value::Result(Ok(lift_side(ty.maybe(*ok), value)?)),
        (Type::Result(_, err), Val::Result(Err(value))) => {
            Value::Result(Err(lift_side(ty.maybe(*err), value)?))
        }
        (Type::Flags(_), Val::Flags(names)) => Value::Flags(names),
        _ => return Err(Mismatch),
    })
}

/// The engine's values for the elements of a list.
fn each(element: TypeRef<'_>, values: Vec<Value>) -> Result<Vec<Val>, Mismatch> {
    values.into_iter().map(|value| lower(element, value)).collect()
}

/// The engine's values for the fields of a record, which must be those of the type and in its order.
fn record(
    ty: TypeRef<'_>,
    fields: &[(String, TypeId)],
    values: Vec<(String, Value)>,
) -> Result<Vec<(String, Val)>, Mismatch> {
    if fields.len() != values.len() {
        return Err(Mismatch);
    }
    let lowered = fields.iter().zip(values).map(|((name, part), (given, value))| {
        if *name == given { Ok((given, lower(ty.part(*part), value)?)) } else { Err(Mismatch) }
    });
    lowered.collect()
}

/// The engine's value for what a case carries, where its type says that it carries something.
fn side(ty: Option<TypeRef<'_>>, value: Option<Box<Value>>) -> Result<Option<Box<Val>>, Mismatch> {
    match (ty, value) {
        (Some(ty), Some(value)) => Ok(Some(Box::new(lower(ty, *value)?))),
        (None, None) => Ok(None),
        _ => Err(Mismatch),
    }
}

/// The value for what a case carried.
fn lift_side(ty: Option<TypeRef<'_>>, value: Option<Box<Val>>) -> Result<Option<Box<Value>>, Mismatch> {
    match (ty, value) {
        (Some(ty), Some(value)) => Ok(Some(Box::new(lift(ty, *value)?))),
        (None, None) => Ok(None),
        _ => Err(Mismatch),
    }
}

/// The bytes of values each of which stands for one.
fn lift_bytes(values: Vec<Val>) -> Result<Vec<u8>, Mismatch> {
    let byte = |value| if let Val::U8(byte) = value { Ok(byte) } else { Err(Mismatch) };
    values.into_iter().map(byte).collect()
}

/// A number in the width of its type.
fn narrow<T: TryFrom<N>, N>(value: N) -> Result<T, Mismatch> {
    T::try_from(value).map_err(|_| Mismatch)
}

#[cfg(test)]
mod tests {
    use wire::message::v1::Type;

    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    #[test]
    fn every_kind_of_value_survives_the_way_in_and_out() {
        let byte = || Box::new(Type::U8);
        let cases = vec![("none".to_owned(), None), ("some".to_owned(), Some(Type::S16))];
        let ty = Type::Tuple(vec![
            Type::List(byte()),
            Type::List(Box::new(Type::F32)),
            Type::Record(vec![("a".into(), Type::Char), ("b".into(), Type::Option(Box::new(Type::Bool)))]),
            Type::Variant(cases),
            Type::Enum(vec!["x".into(), "y".into()]),
            Type::Result(Some(Box::new(Type::S64)), None),
            Type::Flags(vec!["r".into(), "w".into()]),
            Type::Option(Box::new(Type::Option(Box::new(Type::U64)))),
            Type::String,
        ]);
        let value = Value::Tuple(vec![
            Value::Bytes(vec![]),
            Value::List(vec![Value::F32(1.5)]),
            Value::Record(vec![
                ("a".into(), Value::Char('ß')),
                ("b".into(), Value::Option(Some(Box::new(Value::Bool(true))))),
            ]),
            Value::Variant("some".into(), Some(Box::new(Value::Signed(-3)))),
            Value::Enum("y".into()),
            Value::Result(Err(None)),
            Value::Flags(vec!["w".into()]),
            Value::Option(Some(Box::new(Value::Option(None)))),
            text("word"),
        ]);
        let ty = ty.interned();
        let lowered = lower(ty.get(), value.clone()).expect("of its type");
        assert_eq!(lift(ty.get(), lowered), Ok(value));
    }

    #[test]
    fn what_is_not_of_its_type_is_refused_before_the_guest_sees_it() {
        let point = Type::Record(vec![("x".into(), Type::U8)]);
        for (ty, value) in [
            (&Type::U8, Value::Unsigned(256)),
            (&Type::S8, Value::Unsigned(1)),
            (&Type::Enum(vec!["a".into()]), Value::Enum("b".into())),
            (&Type::Flags(vec!["a".into()]), Value::Flags(vec!["b".into()])),
            (&point, Value::Record(vec![("y".into(), Value::Unsigned(1))])),
            (&point, Value::Record(vec![])),
            (&Type::Result(None, None), Value::Result(Ok(Some(Box::new(text("x")))))),
        ] {
            assert!(lower(ty.interned().get(), value.clone()).is_err(), "{value:?} was accepted");
        }
    }
}
