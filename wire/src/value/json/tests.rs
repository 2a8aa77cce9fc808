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

/// A result whose error carries this.
fn side(err: Type) -> Type {
    Type::Result(None, Some(Box::new(err)))
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
        (Type::U64, Value::Unsigned((1 << 53) + 1), json!("9007199254740993")),
        (Type::S64, Value::Signed(1 << 53), json!(9_007_199_254_740_992_i64)),
        (Type::S64, Value::Signed(-(1 << 53)), json!(-9_007_199_254_740_992_i64)),
        (Type::S64, Value::Signed((1 << 53) + 1), json!("9007199254740993")),
        (Type::F32, Value::F32(0.1), json!(0.1)),
        (Type::F64, Value::F64(f64::INFINITY), json!("Infinity")),
        (Type::F32, Value::F32(f32::NEG_INFINITY), json!("-Infinity")),
        (Type::Char, Value::Char('☃'), json!("☃")),
        (list(Type::U8), Value::Bytes(b"hi!!".to_vec()), json!("aGkhIQ==")),
        (option(Type::Bool), Value::Option(None), json!(null)),
        (Type::Result(None, None), Value::Result(Ok(None)), json!({"ok": null})),
        (Type::Result(None, None), Value::Result(Err(None)), json!({"err": null})),
        (side(Type::U8), Value::Result(Err(Some(Box::new(Value::Unsigned(7))))), json!({"err": 7})),
        (
            side(option(Type::U8)),
            Value::Result(Err(Some(Box::new(Value::Option(None))))),
            json!({"err": null}),
        ),
        (Type::Flags(vec!["r".into(), "w".into()]), Value::Flags(vec!["w".into()]), json!(["w"])),
        (Type::Variant(vec![("a".into(), None)]), Value::Variant("a".into(), None), json!("a")),
    ];
    for (ty, value, json) in cases {
        assert_eq!(to_json(&value), json, "{ty}");
        assert_eq!(from_json(&ty, &json), Ok(value), "{ty}");
    }
    assert_eq!(to_json(&Value::F64(f64::NAN)), json!("NaN"));
    let Ok(Value::F64(nan)) = from_json(&Type::F64, &json!("NaN")) else { panic!("NaN is a float") };
    assert!(nan.is_nan());
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

#[test]
fn what_is_of_another_type_is_refused_with_what_was_meant() {
    let nested = option(option(Type::U8));
    let nothing = Type::Result(None, None);
    for (ty, json, said) in [
        (Type::Bool, json!("true"), "expected bool, got \"true\": write true or false, without quotes"),
        (Type::Bool, json!(1), "expected bool, got 1"),
        (Type::F64, json!("much"), "expected f64, got \"much\""),
        (Type::F32, json!("infinity"), "expected f32, got \"infinity\""),
        (Type::Char, json!("xy"), "expected char, got \"xy\""),
        (Type::Char, json!(""), "expected char, got \"\""),
        (Type::String, json!([1]), "expected string, got [1]"),
        (list(Type::U8), json!("a!"), "\"a!\" is not base64 (standard alphabet, padded)"),
        (list(Type::U8), json!([1.5]), "[0]: expected u8, got 1.5"),
        (list(Type::U8), json!([-1]), "[0]: -1 is out of range for u8"),
        (list(Type::U8), json!(7), "expected list<u8>, got 7"),
        (Type::Tuple(vec![Type::Bool; 2]), json!([true]), "expected 2 elements, got 1"),
        (nested.clone(), json!(3), "expected option<option<u8>>, got 3"),
        (
            nested.clone(),
            json!({"some": 3, "more": 4}),
            "expected option<option<u8>>, got {\"some\":3,\"more\":4}",
        ),
        (nested, json!({"some": 300}), "some: 300 is out of range for u8"),
        (nothing.clone(), json!({"ok": 1}), "\"ok\" takes no payload"),
        (
            nothing.clone(),
            json!({"ok": null, "err": null}),
            "expected result, got {\"ok\":null,\"err\":null}",
        ),
        (nothing, json!("ok"), "expected result, got \"ok\""),
        (side(Type::U8), json!({"err": null}), "err: expected u8, got null"),
        (Type::Flags(vec!["r".into()]), json!(["w"]), "unknown flag \"w\"; it has r"),
        (Type::Flags(vec!["r".into()]), json!(["r", "r"]), "flag \"r\" is given twice"),
        (Type::Enum(vec!["a".into()]), json!("b"), "unknown case \"b\"; it has a"),
        (Type::Opaque("stream<u8>".into()), json!(1), "stream<u8> cannot be passed from outside"),
    ] {
        assert_eq!(message(&ty, json), said);
    }
}
