//! Random types, and random values of them, for property tests here and in other crates.

use proptest::prelude::*;

use crate::message::v1::Type;
use crate::value::Value;

/// Any type whose values can be passed from outside, at most a few levels deep.
pub fn types() -> BoxedStrategy<Type> {
    use Type::{Bool, Char, Enum, F32, F64, Flags, S8, S16, S32, S64, String as Text, U8, U16, U32, U64};
    let names = || prop::collection::vec("[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", 1..5).prop_map(unique);
    let leaf = prop_oneof![
        prop::sample::select(vec![Bool, S8, U8, S16, U16, S32, U32, S64, U64, F32, F64, Char, Text]),
        names().prop_map(Enum),
        names().prop_map(Flags),
    ];
    let inner = leaf.prop_recursive(4, 24, 4, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let side = prop::option::of(boxed.clone());
        let members = (names(), prop::collection::vec(inner.clone(), 4));
        let cases = (names(), prop::collection::vec(prop::option::of(inner.clone()), 4));
        prop_oneof![
            boxed.clone().prop_map(Type::List),
            boxed.prop_map(Type::Option),
            prop::collection::vec(inner, 1..4).prop_map(Type::Tuple),
            members.prop_map(|(names, types)| Type::Record(names.into_iter().zip(types).collect())),
            cases.prop_map(|(names, types)| Type::Variant(names.into_iter().zip(types).collect())),
            (side.clone(), side).prop_map(|(ok, err)| Type::Result(ok, err)),
        ]
    });
    inner.boxed()
}

/// Any value of this type.
///
/// # Panics
/// Where the type has an opaque part, which no value has.
pub fn values(ty: &Type) -> BoxedStrategy<Value> {
    let boxed = |ty: &Type| values(ty).prop_map(Box::new);
    let side = |ty: Option<&Type>| match ty {
        Some(ty) => boxed(ty).prop_map(Some).boxed(),
        None => Just(None).boxed(),
    };
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(|n| Value::Signed(n.into())).boxed(),
        Type::S16 => any::<i16>().prop_map(|n| Value::Signed(n.into())).boxed(),
        Type::S32 => any::<i32>().prop_map(|n| Value::Signed(n.into())).boxed(),
        Type::S64 => any::<i64>().prop_map(Value::Signed).boxed(),
        Type::U8 => any::<u8>().prop_map(|n| Value::Unsigned(n.into())).boxed(),
        Type::U16 => any::<u16>().prop_map(|n| Value::Unsigned(n.into())).boxed(),
        Type::U32 => any::<u32>().prop_map(|n| Value::Unsigned(n.into())).boxed(),
        Type::U64 => any::<u64>().prop_map(Value::Unsigned).boxed(),
        Type::F32 => {
            prop::num::f32::ANY.prop_map(|n| Value::F32(if n.is_nan() { f32::NAN } else { n })).boxed()
        }
        Type::F64 => {
            prop::num::f64::ANY.prop_map(|n| Value::F64(if n.is_nan() { f64::NAN } else { n })).boxed()
        }
        Type::Char => any::<char>().prop_map(Value::Char).boxed(),
        Type::String => any::<String>().prop_map(Value::String).boxed(),
        Type::List(element) if **element == Type::U8 => {
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes).boxed()
        }
        Type::List(element) => prop::collection::vec(values(element), 0..4).prop_map(Value::List).boxed(),
        Type::Tuple(types) => types.iter().map(values).collect::<Vec<_>>().prop_map(Value::Tuple).boxed(),
        Type::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
            let parts: Vec<_> = fields.iter().map(|(_, ty)| values(ty)).collect();
            parts.prop_map(move |parts| Value::Record(names.iter().cloned().zip(parts).collect())).boxed()
        }
        Type::Variant(cases) => {
            let case = |(name, ty): &(String, Option<Type>)| {
                let name = name.clone();
                side(ty.as_ref()).prop_map(move |payload| Value::Variant(name.clone(), payload)).boxed()
            };
            prop::strategy::Union::new(cases.iter().map(case)).boxed()
        }
        Type::Enum(cases) => prop::sample::select(cases.clone()).prop_map(Value::Enum).boxed(),
        Type::Option(inner) => prop::option::of(boxed(inner)).prop_map(Value::Option).boxed(),
        Type::Result(ok, err) => prop_oneof![
            side(ok.as_deref()).prop_map(|payload| Value::Result(Ok(payload))),
            side(err.as_deref()).prop_map(|payload| Value::Result(Err(payload))),
        ]
        .boxed(),
        Type::Flags(names) => {
            prop::sample::subsequence(names.clone(), 0..=names.len()).prop_map(Value::Flags).boxed()
        }
        Type::Opaque(name) => panic!("there are no values of {name}"),
    }
}

/// Any type and a value of it.
pub fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(|ty| (Just(ty.clone()), values(&ty)))
}

/// Any JSON, a few levels deep.
pub fn json_of_any_kind() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,200}".prop_map(serde_json::Value::from),
        "-?[0-9]{1,25}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-z]{1,3}|some|ok|err", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn unique(mut names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
