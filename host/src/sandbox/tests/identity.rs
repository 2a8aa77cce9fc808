//! Random values of random types, through a guest that gives back what it gets.

use std::fmt::Write as _;

use proptest::prelude::*;
use wire::message::outcome::Outcome;
use wire::message::v1::Type;
use wire::value::Value;
use wire::value::arbitrary::{types, values};
use wire::value::arguments::Arguments;
use wire::value::json::{from_json, to_json};

use super::{ModulePolicy, Rig, of_wit, sandbox};

/// How many `u8` follow the value as parameters: so many that all are passed in memory.
const PADDING: usize = 17;

/// Gets all parameters in memory, and says that the result is there: the value comes first in both.
const CORE: &str = r#"(module
    (memory (export "memory") 16)
    (global $free (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
    (func (export "t:t/t#echo") (param i32) (result i32) (local.get 0)))"#;

/// A component that exports `echo` for this type.
fn echo(ty: &Type) -> Vec<u8> {
    let mut definitions = String::new();
    let name = written(ty, &mut definitions);
    let padding: String = (0..PADDING).map(|n| format!(", p{n}: u8")).collect();
    let text = format!(
        "package t:t; interface t {{ {definitions} echo: func(x: {name}{padding}) -> tuple<{name}, u8>; }} \
         world w {{ export t; }}"
    );
    of_wit(&text, CORE)
}

/// The type in WIT; what must have a name there is defined before.
fn written(ty: &Type, definitions: &mut String) -> String {
    let defined = |definitions: &mut String, kind: &str, members: Vec<String>| {
        let name = format!("t{}", definitions.lines().count());
        writeln!(definitions, "{kind} {name} {{ {} }}", members.join(", ")).unwrap();
        name
    };
    let escaped = |names: &[String]| names.iter().map(|name| format!("%{name}")).collect();
    match ty {
        Type::List(inner) => format!("list<{}>", written(inner, definitions)),
        Type::Option(inner) => format!("option<{}>", written(inner, definitions)),
        Type::Tuple(types) => {
            let types: Vec<_> = types.iter().map(|ty| written(ty, definitions)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        Type::Result(ok, err) => {
            let [ok, err] = [ok, err]
                .map(|side| side.as_ref().map_or_else(|| "_".to_owned(), |ty| written(ty, definitions)));
            format!("result<{ok}, {err}>").replace("<_, _>", "").replace(", _>", ">")
        }
        Type::Record(fields) => {
            let fields = fields.iter().map(|(name, ty)| format!("%{name}: {}", written(ty, definitions)));
            let fields = fields.collect();
            defined(definitions, "record", fields)
        }
        Type::Variant(cases) => {
            let cases = cases.iter().map(|(name, ty)| match ty {
                Some(ty) => format!("%{name}({})", written(ty, definitions)),
                None => format!("%{name}"),
            });
            let cases = cases.collect();
            defined(definitions, "variant", cases)
        }
        Type::Enum(names) => defined(definitions, "enum", escaped(names)),
        Type::Flags(names) => defined(definitions, "flags", escaped(names)),
        simple => simple.to_string(),
    }
}

/// Sends a value through a guest of its type.
async fn sent(ty: &Type, value: Value) -> Value {
    let module = sandbox().load("guest".parse().unwrap(), &echo(ty), &ModulePolicy::default());
    let rig = Rig::of(module.unwrap_or_else(|error| panic!("{error}")));
    let method = rig.module.method("echo").unwrap();
    let (_, found) = method.param(0).unwrap();
    assert_eq!(Type::of(found), *ty, "reflection found another type");
    let mut values = vec![value];
    values.extend((0..PADDING).map(|_| Value::Unsigned(7)));
    match rig.run("echo", Arguments::Values(values)).await.outcome {
        Outcome::Ok(Some(Value::Tuple(mut parts))) => parts.swap_remove(0),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_of_any_type_comes_back_as_it_went(
        (ty, value) in types().prop_flat_map(|ty| (Just(ty.clone()), values(&ty))),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let json = to_json(&value);
        let read = from_json(ty.interned().get(), &json).unwrap();
        let returned = runtime.block_on(sent(&ty, read));
        // NaN is not equal to itself as a value, and is as JSON.
        prop_assert_eq!(to_json(&returned), json);
    }
}
