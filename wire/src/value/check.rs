//! Whether a value is of a type: for values that come from a peer, which were not read by their type.

use crate::value::Value;
use crate::value::error::{Place, Problem, Step, ValueError, echoed};
use crate::value::integer;
use crate::value::json::to_json;
use crate::value::method::{Type, TypeId, TypeRef};
use crate::value::shape;

/// Checks that `value` is a value of type `ty`, in the one form that reading it would have given.
///
/// # Errors
/// [`ValueError`], with the place of the first part that is not.
pub fn check(ty: TypeRef<'_>, value: &Value) -> Result<(), ValueError> {
    check_at(ty, value, &Place::top(""))
}

/// Checks a value that stands at `at`.
pub(crate) fn check_at(ty: TypeRef<'_>, value: &Value, at: &Place<'_>) -> Result<(), ValueError> {
    let unexpected = || at.unexpected(ty, kind(value));
    match (ty.kind(), value) {
        (Type::Bool, Value::Bool(_))
        | (Type::F32, Value::F32(_))
        | (Type::F64, Value::F64(_))
        | (Type::Char, Value::Char(_))
        | (Type::String, Value::String(_)) => Ok(()),
        (Type::List(_), Value::Bytes(_)) if ty.is_bytes() => Ok(()),
        (Type::List(element), Value::List(values)) if !ty.is_bytes() => {
            let element = ty.part(*element);
            let mut values = values.iter().enumerate();
            values.try_for_each(|(index, value)| check_at(element, value, &at.down(Step::Index(index))?))
        }
        (Type::Tuple(types), Value::Tuple(values)) => {
            if types.len() != values.len() {
                return Err(at.error(Problem::Length { expected: types.len(), given: values.len() }));
            }
            let mut pairs = types.iter().zip(values).enumerate();
            pairs.try_for_each(|(index, (part, value))| {
                check_at(ty.part(*part), value, &at.down(Step::Index(index))?)
            })
        }
        (Type::Record(fields), Value::Record(values)) => {
            let same = |((field, _), (name, _)): (&(String, TypeId), &(String, Value))| field == name;
            if fields.len() != values.len() || !fields.iter().zip(values).all(same) {
                return Err(at.unexpected(ty, "a record of other fields"));
            }
            let mut pairs = fields.iter().zip(values);
            pairs.try_for_each(|((name, part), (_, value))| {
                check_at(ty.part(*part), value, &at.down(Step::Field(name))?)
            })
        }
        (Type::Variant(cases), Value::Variant(case, payload)) => {
            let payload = payload.as_deref();
            shape::variant(ty, cases, case, payload, checked, at).map(drop)
        }
        (Type::Enum(cases), Value::Enum(case)) => shape::enumeration(cases, case, at).map(drop),
        (Type::Option(_), Value::Option(None)) => Ok(()),
        (Type::Option(inner), Value::Option(Some(value))) => {
            check_at(ty.part(*inner), value, &at.down(Step::Inside)?)
        }
        (Type::Result(ok, err), Value::Result(value)) => {
            let (name, carried, payload) = match value {
                Ok(payload) => ("ok", ok, payload),
                Err(payload) => ("err", err, payload),
            };
            shape::side(name, ty.maybe(*carried), payload.as_deref(), checked, at).map(drop)
        }
        (Type::Flags(names), Value::Flags(given)) => {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            let ordered = shape::flags(names, &given, at)?;
            if ordered == *value { Ok(()) } else { Err(at.unexpected(ty, "flags in another order")) }
        }
        (_, Value::Signed(number)) => check_integer(ty, (*number).into(), value, at),
        (_, Value::Unsigned(number)) => check_integer(ty, (*number).into(), value, at),
        (Type::Opaque(name), _) => Err(at.error(Problem::NotPassable(name.clone()))),
        _ => Err(unexpected()),
    }
}

/// Checks a payload where the shape of its case is shared with the readers, which want a value back.
fn checked(ty: TypeRef<'_>, value: &Value, at: &Place<'_>) -> Result<Value, ValueError> {
    check_at(ty, value, at).map(|()| Value::Bool(true))
}

fn check_integer(ty: TypeRef<'_>, number: i128, value: &Value, at: &Place<'_>) -> Result<(), ValueError> {
    match integer::value(ty.kind(), number) {
        Some(same) if same == *value => Ok(()),
        None if integer::range(ty.kind()).is_some() => {
            Err(at.error(Problem::OutOfRange { ty: ty.to_string(), got: number.to_string() }))
        }
        _ => Err(at.unexpected(ty, kind(value))),
    }
}

/// What an error says of a value of the wrong type: the value where it is small, otherwise its kind.
fn kind(value: &Value) -> String {
    let kind = match value {
        Value::Bytes(_) => "bytes",
        Value::List(_) => "a list",
        Value::Tuple(_) => "a tuple",
        Value::Record(_) => "a record",
        Value::Variant(..) => "a variant",
        Value::Option(_) => "an option",
        Value::Result(_) => "a result",
        Value::Flags(_) => "flags",
        small => return echoed(&to_json(small)),
    };
    kind.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::v1::Type;
    use crate::value::arbitrary::{typed_value, types};

    proptest! {
        #[test]
        fn every_value_of_a_type_passes((ty, value) in typed_value()) {
            prop_assert_eq!(check(ty.interned().get(), &value), Ok(()));
        }

        #[test]
        fn a_value_of_another_type_never_panics_and_passes_only_if_json_agrees(
            ty in types(),
            (_, value) in typed_value(),
        ) {
            if check(ty.interned().get(), &value).is_ok() {
                prop_assert!(crate::value::json::from_json(ty.interned().get(), &to_json(&value)).is_ok());
            }
        }
    }

    fn text(ty: &Type, value: Value) -> String {
        check(ty.interned().get(), &value).expect_err("refused").to_string()
    }

    #[test]
    fn widths_signs_and_orders_are_checked() {
        assert_eq!(text(&Type::U8, Value::Unsigned(256)), "256 is out of range for u8");
        assert_eq!(text(&Type::S64, Value::Unsigned(1)), "expected s64, got 1");
        assert_eq!(text(&Type::S64, Value::String("x".into())), "expected s64, got \"x\"");
        let list = Type::List(Box::new(Type::Bool));
        let values = Value::List(vec![Value::Bool(true), Value::Bytes(vec![1])]);
        assert_eq!(text(&list, values), "[1]: expected bool, got bytes");
        let flags = Type::Flags(vec!["r".into(), "w".into()]);
        assert!(text(&flags, Value::Flags(vec!["w".into(), "r".into()])).contains("another order"));
    }

    #[test]
    fn each_kind_of_value_is_refused_where_another_is_meant() {
        let bytes = Type::List(Box::new(Type::U8));
        let bools = Type::List(Box::new(Type::Bool));
        let pair = Type::Tuple(vec![Type::Bool, Type::Bool]);
        let names = |[a, b]: [&str; 2]| {
            Value::Record(vec![(a.into(), Value::Bool(true)), (b.into(), Value::Bool(true))])
        };
        let record = Type::Record(vec![("a".into(), Type::Bool), ("b".into(), Type::Bool)]);
        let others = "expected record { a: bool, b: bool }, got a record of other fields";
        for (ty, value, said) in [
            (&Type::Bool, Value::Signed(1), "expected bool, got 1"),
            (&Type::Bool, Value::Bytes(vec![]), "expected bool, got bytes"),
            (&Type::Bool, Value::List(vec![]), "expected bool, got a list"),
            (&Type::Bool, Value::Tuple(vec![]), "expected bool, got a tuple"),
            (&Type::Bool, Value::Record(vec![]), "expected bool, got a record"),
            (&Type::Bool, Value::Variant("x".into(), None), "expected bool, got a variant"),
            (&Type::Bool, Value::Option(None), "expected bool, got an option"),
            (&Type::Bool, Value::Result(Ok(None)), "expected bool, got a result"),
            (&Type::Bool, Value::Flags(vec![]), "expected bool, got flags"),
            (&Type::Bool, Value::Enum("x".into()), "expected bool, got \"x\""),
            // Bytes and lists of other things have one form each.
            (&bytes, Value::List(vec![Value::Unsigned(1)]), "expected list<u8>, got a list"),
            (&bools, Value::Bytes(vec![1]), "expected list<bool>, got bytes"),
            (&pair, Value::Tuple(vec![Value::Bool(true)]), "expected 2 elements, got 1"),
            (&record, names(["a", "c"]), others),
            (&record, names(["b", "a"]), others),
            (&record, Value::Record(vec![("a".into(), Value::Bool(true))]), others),
            (
                &Type::Opaque("stream<u8>".into()),
                Value::Bool(true),
                "stream<u8> cannot be passed from outside",
            ),
        ] {
            assert_eq!(text(ty, value), said);
        }
    }
}
