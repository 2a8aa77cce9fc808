use proptest::prelude::*;

use super::Word;
use super::*;
use crate::message::v1::{self, Type};
use crate::value::arbitrary::{json_of_any_kind, typed_value, types};
use crate::value::json::to_json;
use crate::value::method::Methods;

fn method(params: &[(&str, Type)]) -> Methods {
    v1::Method {
        interface: None,
        name: "add".into(),
        params: params.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect(),
        result: Some(Type::S64),
        is_async: false,
        not_callable: None,
        docs: None,
    }
    .interned()
}

fn bound(params: &[(&str, Type)], arguments: &Arguments) -> Result<Vec<Value>, ArgumentError> {
    bind(method(params).iter().next().unwrap(), &"test".parse().unwrap(), arguments)
}

fn words(words: &[&str]) -> Arguments {
    Arguments::Words(words.iter().map(|word| Word::Text((*word).to_owned())).collect())
}

/// What one word means for a parameter "a" of this type.
fn word(ty: &Type, word: &str) -> Result<Value, String> {
    let values = bound(&[("a", ty.clone())], &words(&[word])).map_err(|error| error.to_string())?;
    Ok(values.into_iter().next().unwrap())
}

fn option(ty: Type) -> Type {
    Type::Option(Box::new(ty))
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}

fn sum() -> [(&'static str, Type); 2] {
    [("a", Type::S64), ("b", Type::S64)]
}

proptest! {
    #[test]
    fn any_word_for_any_type_is_a_value_or_a_short_error(ty in types(), given in ".{0,300}") {
        match bound(&[("a", ty.clone())], &words(&[&given])) {
            Ok(values) => prop_assert!(check::check(ty.interned().get(), &values[0]).is_ok()),
            Err(error) => prop_assert!(error.to_string().chars().count() < 1000, "{}", error),
        }
    }

    #[test]
    fn words_that_look_like_notation_never_panic(
        ty in types(),
        given in r#"(-|[0-9]{1,3}|[a-z]{1,3}|some|none|ok|err|inf|nan|%|\(|\)|\[|\]|\{|\}|:|,|"|'|\\|"""| |\n|☃){0,24}"#,
    ) {
        if let Ok(values) = bound(&[("a", ty.clone())], &words(&[&given])) {
            prop_assert!(check::check(ty.interned().get(), &values[0]).is_ok());
        }
    }

    /// Everything but bare strings, which a word is already, and what an option of one makes of it.
    #[test]
    fn the_json_of_a_value_is_a_word_for_it((ty, value) in typed_value()) {
        prop_assume!(!matches!(&ty, Type::String | Type::Char | Type::Option(_)));
        let back = word(&ty, &to_json(&value).to_string()).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn json_and_values_for_any_type_never_panic(ty in types(), json in json_of_any_kind(), (_, value) in typed_value()) {
        let _ = bound(&[("a", ty.clone())], &Arguments::Json(format!("[{json}]")));
        let _ = bound(&[("a", ty.clone())], &Arguments::Json(json.to_string()));
        let _ = bound(&[("a", ty)], &Arguments::Values(vec![value]));
    }
}

#[test]
fn an_error_names_the_signature_the_parameter_and_what_was_given() {
    let error = bound(&sum(), &words(&["2", "x"])).unwrap_err().to_string();
    assert_eq!(error, r#"argument "b" of test.add(a: s64, b: s64) -> s64: expected s64, got "x""#);
    let error = bound(&sum(), &words(&["2"])).unwrap_err().to_string();
    assert_eq!(error, "test.add(a: s64, b: s64) -> s64 takes 2 arguments, 1 given");
    let error = bound(&[("a", option(Type::U8))], &words(&["1", "2"])).unwrap_err().to_string();
    assert_eq!(error, "test.add(a: option<u8>) -> s64 takes 0 to 1 argument, 2 given");
    let error = bound(&[], &words(&["1"])).unwrap_err().to_string();
    assert_eq!(error, "test.add() -> s64 takes no arguments, 1 given");
    let error = word(&Type::S64, &"9".repeat(500)).unwrap_err();
    assert!(error.chars().count() < 200, "{error}");
}

#[test]
fn a_path_begins_with_the_parameter() {
    let mount = Type::Record(vec![("ro".into(), option(Type::Bool))]);
    let params = [("mounts", Type::List(Box::new(mount)))];
    let tail = "mounts[1]: unknown field \"rw\"; it has ro";
    let error = bound(&params, &words(&[r#"[{}, {"rw": 1}]"#])).unwrap_err().to_string();
    assert!(error.ends_with(tail), "{error}");
    let error = bound(&params, &words(&["[{:}, {rw: 1}]"])).unwrap_err().to_string();
    assert!(error.ends_with(tail), "{error}");
    let json = r#"{"mounts": [{"ro": true}, {"ro": 7}]}"#;
    let error = bound(&params, &Arguments::Json(json.into())).unwrap_err().to_string();
    assert!(error.ends_with("mounts[1].ro: expected bool, got 7"), "{error}");
}

#[test]
fn trailing_options_may_be_left_out() {
    let params = [("a", Type::U8), ("b", option(Type::U8)), ("c", option(Type::U8))];
    let nothing = Value::Option(None);
    let expected = vec![Value::Unsigned(1), nothing.clone(), nothing.clone()];
    assert_eq!(bound(&params, &words(&["1"])), Ok(expected.clone()));
    assert_eq!(bound(&params, &Arguments::Json("[1]".into())), Ok(expected.clone()));
    assert_eq!(bound(&params, &Arguments::Json(r#"{"a": 1}"#.into())), Ok(expected.clone()));
    assert_eq!(bound(&params, &Arguments::Values(vec![Value::Unsigned(1)])), Ok(expected));
    let json = Arguments::Json(r#"{"c": 3, "a": 1}"#.into());
    assert_eq!(bound(&params, &json), Ok(vec![Value::Unsigned(1), nothing, some(Value::Unsigned(3))]));
}

#[test]
fn json_arguments_are_named_exactly() {
    let error = |json: &str| bound(&sum(), &Arguments::Json(json.into())).unwrap_err().to_string();
    let signature = "test.add(a: s64, b: s64) -> s64";
    assert_eq!(error(r#"{"a": 1, "c": 2}"#), format!("{signature} has no parameter \"c\""));
    assert_eq!(error(r#"{"a": 1}"#), format!("argument \"b\" of {signature} is missing"));
    assert!(error("7").ends_with("an object by parameter name, not 7"));
    assert!(error("[1,").starts_with(&format!("the arguments of {signature} are not JSON: EOF")));
}

#[test]
fn a_flood_of_elements_is_refused_before_it_is_read_and_texts_are_none() {
    let error = |json: &str| bound(&sum(), &Arguments::Json(json.into())).unwrap_err().to_string();
    let signature = "test.add(a: s64, b: s64) -> s64";
    let flood = format!("[{}0]", "0,".repeat(MAX_JSON_ELEMENTS));
    let said = "are too large: 1048577 elements are over the limit of 1048576";
    assert_eq!(error(&flood), format!("the arguments of {signature} {said}"));
    let most = format!("[{}", ",".repeat(MAX_JSON_ELEMENTS - 1));
    assert!(error(&most).contains("are not JSON"), "as many as that are read");
    let commas = ",".repeat(MAX_JSON_ELEMENTS + 1);
    for text in
        [commas.clone(), format!("\\\"{commas}"), format!("\\\\\\\"{commas}"), "\\\",".repeat(commas.len())]
    {
        assert!(!error(&format!("[\"{text}\"]")).contains("limit"), "{}", &text[..8]);
    }
    assert!(error(&format!("[\"\\\\\"{commas}")).contains("limit"), "the text ends before them");
}

#[test]
fn json_is_read_up_to_its_length_and_no_further() {
    let padded = |length: usize| Arguments::Json(format!("[1, 2]{}", " ".repeat(length - 6)));
    let both = vec![Value::Signed(1), Value::Signed(2)];
    assert_eq!(bound(&sum(), &padded(MAX_JSON)), Ok(both));
    let error = bound(&sum(), &padded(MAX_JSON + 1)).unwrap_err().to_string();
    assert!(error.ends_with("are too large: 16777217 bytes are over the limit of 16777216"), "{error}");
}

#[test]
fn the_arguments_of_a_call_have_a_most_together() {
    let params = [("a", Type::String), ("b", Type::String)];
    let given = |bytes: usize| {
        Arguments::Values(vec![Value::String("x".repeat(bytes - 3)), Value::String("abc".into())])
    };
    assert!(bound(&params, &given(MAX_ARGUMENTS as usize)).is_ok());
    let error = bound(&params, &given(MAX_ARGUMENTS as usize + 1)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the arguments of test.add(a: string, b: string) -> s64 are too large: 8388609 bytes, and 8 MiB is the most \
         of one call; bring it in parts, or put it into a folder that the module is granted and pass its path"
    );
}

#[test]
fn a_long_signature_is_cut_in_an_error() {
    let names: Vec<String> = (0..60).map(|place| format!("parameter-{place}")).collect();
    let params: Vec<(&str, Type)> = names.iter().map(|name| (name.as_str(), Type::S64)).collect();
    let error = bound(&params, &words(&[])).unwrap_err().to_string();
    let (signature, rest) = error.split_once('…').unwrap();
    assert_eq!((signature.chars().count(), rest), (300, " takes 60 arguments, 0 given"));
}

#[test]
fn values_are_checked() {
    let given = Arguments::Values(vec![Value::Signed(1), Value::Bool(true)]);
    let error = bound(&sum(), &given).unwrap_err().to_string();
    assert!(error.ends_with("expected s64, got true"), "{error}");
}
