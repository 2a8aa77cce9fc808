//! One word of a command line, read by the type of its parameter.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::value::Value;
use crate::value::error::{Place, Problem, Step, ValueError, quoted};
use crate::value::json;
use crate::value::method::{Type, TypeId, TypeRef};
use crate::value::shape;
use crate::value::specimen::{is_keyword, specimen};
use crate::value::strict_json::{self, BadJson};
use crate::value::wave::{self, BadWave};

/// One word of a command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Word {
    /// The word as it was typed.
    Text(String),
    /// The contents of the file that `@file` named.
    File(Vec<u8>),
}

/// The longest word that is read as JSON or WAVE, in bytes; words for strings may be longer.
const MAX_WORD: usize = 1 << 20;

/// Reads a word as a value of type `ty` that stands at `at`.
pub(crate) fn read(ty: TypeRef<'_>, word: &Word, at: &Place<'_>) -> Result<Value, ValueError> {
    match word {
        Word::Text(text) => read_text(ty, text, at),
        Word::File(bytes) => read_file(ty, bytes, at),
    }
}

/// What a word means where its type is known: a string as it is, a case or a character bare, anything
/// else as JSON or WAVE.
fn read_text(ty: TypeRef<'_>, word: &str, at: &Place<'_>) -> Result<Value, ValueError> {
    match ty.kind() {
        Type::String => Ok(Value::String(word.to_owned())),
        Type::Option(inner) => read_option(ty, ty.part(*inner), word, at),
        Type::Char => {
            let mut chars = word.chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Ok(Value::Char(only)),
                _ => read_notation(ty, word, at),
            }
        }
        Type::Enum(cases) if cases.iter().any(|case| case == word) => shape::enumeration(cases, word, at),
        Type::Variant(cases) if cases.iter().any(|(case, ty)| case == word && ty.is_none()) => {
            Ok(Value::Variant(word.to_owned(), None))
        }
        Type::F32 | Type::F64 if matches!(word, "NaN" | "Infinity" | "-Infinity") => {
            json::read(ty, &Json::from(word), at)
        }
        Type::List(_) if ty.is_bytes() => read_notation(ty, word, at).map_err(|mut error| {
            if let Problem::Unexpected { expected, .. } = &mut error.problem
                && *expected == "list<u8>"
            {
                expected.push_str(" (@FILE, base64 in quotes, or numbers in brackets)");
            }
            error
        }),
        _ => read_notation(ty, word, at),
    }
}

/// Reads the word of an `option` parameter: `none` and `null` are nothing, `some(…)` is what stands in it, and any
/// other word is the value itself.
fn read_option(ty: TypeRef<'_>, inner: TypeRef<'_>, word: &str, at: &Place<'_>) -> Result<Value, ValueError> {
    if matches!(word, "none" | "null") {
        return Ok(Value::Option(None));
    }
    let whole = match inner.kind() {
        // Quotes and brackets belong to a string: only the word `some(…)` is notation.
        Type::String if !word.starts_with("some(") => None,
        _ => Some(read_notation(ty, word, at)),
    };
    match whole {
        Some(Ok(value)) => Ok(value),
        whole => match (read_text(inner, word, &at.down(Step::Inside)?), whole) {
            (Ok(value), _) => Ok(Value::Option(Some(Box::new(value)))),
            (Err(_), Some(Err(error))) | (Err(error), _) => Err(error),
        },
    }
}

/// Reads a word as JSON, and where that fails as WAVE; the error is that of the notation that it is in.
fn read_notation(ty: TypeRef<'_>, word: &str, at: &Place<'_>) -> Result<Value, ValueError> {
    if word.len() > MAX_WORD {
        return Err(at.error(Problem::TooLong { length: word.len(), limit: MAX_WORD }));
    }
    let as_json = match strict_json::parse(word) {
        Ok(json) => Some(json::read(ty, &json, at)),
        Err(BadJson::Twice(message)) => return Err(at.error(Problem::KeyTwice(message))),
        Err(BadJson::Syntax(_)) => None,
    };
    let error = match as_json {
        Some(Ok(value)) => return Ok(value),
        Some(Err(error)) => Some(error),
        None => None,
    };
    let mut error = match (wave::parse(word).map(|wave| wave::read(ty, &wave, at)), error) {
        (Ok(Ok(value)), _) => return Ok(value),
        (_, Some(error)) | (Ok(Err(error)), None) => error,
        (Err(BadWave::FieldTwice(field)), None) => at.error(Problem::FieldTwice(field)),
        (Err(BadWave::FlagTwice(flag)), None) => at.error(Problem::TwiceGiven(flag)),
        (Err(BadWave::Other), None) => neither(ty, word, at),
    };
    if error.path == at.to_string()
        && let Problem::Unexpected { got, .. } = &mut error.problem
    {
        *got = quoted(word);
    }
    Err(error)
}

/// The error for a word that is neither JSON nor WAVE, with what a value of its type looks like.
fn neither(ty: TypeRef<'_>, word: &str, at: &Place<'_>) -> ValueError {
    if let Some(name) = keyword_in(ty, word, KEYWORD_DEPTH) {
        let hint = format!("as a name it is written %{name}, because {name} alone means something else");
        return at.written(ty, quoted(word), hint);
    }
    let simple = matches!(ty.kind(), Type::Enum(_) | Type::Bool | Type::Char) || ty.is_number();
    match specimen(ty).filter(|_| !simple) {
        Some(specimen) => at.written(ty, quoted(word), format!("write it like '{specimen}'")),
        None => at.unexpected(ty, quoted(word)),
    }
}

/// Finds a case of the type that stands in the word, but means something else there.
fn keyword_in<'t>(ty: TypeRef<'t>, word: &str, depth: usize) -> Option<&'t str> {
    let depth = depth.checked_sub(1)?;
    let within = |part: &TypeId| keyword_in(ty.part(*part), word, depth);
    let named = |name: &'t str| {
        let said =
            || word.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '%').any(|part| part == name);
        (is_keyword(name) && said()).then_some(name)
    };
    match ty.kind() {
        Type::Enum(names) => names.iter().find_map(|name| named(name)),
        Type::Variant(cases) => {
            cases.iter().find_map(|(name, part)| named(name).or_else(|| part.as_ref().and_then(within)))
        }
        Type::Record(fields) => fields.iter().find_map(|(_, part)| within(part)),
        Type::Tuple(parts) => parts.iter().find_map(within),
        Type::List(part) | Type::Option(part) => within(part),
        _ => None,
    }
}

/// How many levels of a type are searched for a case that the user could mean.
const KEYWORD_DEPTH: usize = 6;

/// Reads the contents of a file: bytes as they are, or a string where they are UTF-8.
fn read_file(ty: TypeRef<'_>, bytes: &[u8], at: &Place<'_>) -> Result<Value, ValueError> {
    match ty.kind() {
        Type::List(_) if ty.is_bytes() => Ok(Value::Bytes(bytes.to_vec())),
        Type::String => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::String(text.to_owned())),
            Err(_) => Err(at.unexpected(ty, "contents that are not UTF-8")),
        },
        Type::Option(inner) => {
            let inner = read_file(ty.part(*inner), bytes, &at.down(Step::Inside)?)?;
            Ok(Value::Option(Some(Box::new(inner))))
        }
        _ => Err(at.unexpected(ty, "a file (@FILE is for list<u8> and string)")),
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::v1::Type;

    fn option(ty: Type) -> Type {
        Type::Option(Box::new(ty))
    }

    fn some(value: Value) -> Value {
        Value::Option(Some(Box::new(value)))
    }

    fn word(ty: &Type, word: &str) -> Result<Value, String> {
        read(ty.interned().get(), &Word::Text(word.to_owned()), &Place::top(""))
            .map_err(|error| error.to_string())
    }

    fn file(ty: &Type, bytes: &[u8]) -> Result<Value, String> {
        read(ty.interned().get(), &Word::File(bytes.to_vec()), &Place::top(""))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn words_are_understood_by_their_type() {
        let color = Type::Enum(vec!["red".into(), "none".into()]);
        let shape = Type::Variant(vec![("dot".into(), None), ("disc".into(), Some(Type::F32))]);
        let point = Type::Record(vec![("x".into(), Type::S8), ("y".into(), option(Type::S8))]);
        let at = |y| Value::Record(vec![("x".into(), Value::Signed(1)), ("y".into(), y)]);
        let bytes = Type::List(Box::new(Type::U8));
        for (ty, text, value) in [
            (Type::String, "\"x\" [1", Value::String("\"x\" [1".into())),
            (Type::S64, "-12", Value::Signed(-12)),
            (Type::U64, "18446744073709551615", Value::Unsigned(u64::MAX)),
            (Type::F64, "1e3", Value::F64(1000.0)),
            (Type::F64, "-Infinity", Value::F64(f64::NEG_INFINITY)),
            (Type::F32, "inf", Value::F32(f32::INFINITY)),
            (Type::Bool, "true", Value::Bool(true)),
            (Type::Char, "☃", Value::Char('☃')),
            (Type::Char, "'x'", Value::Char('x')),
            (Type::Char, "7", Value::Char('7')),
            (color.clone(), "red", Value::Enum("red".into())),
            (color.clone(), "none", Value::Enum("none".into())),
            (option(color), "red", some(Value::Enum("red".into()))),
            (shape.clone(), "dot", Value::Variant("dot".into(), None)),
            (shape, "disc(0.5)", Value::Variant("disc".into(), Some(Box::new(Value::F32(0.5))))),
            (point.clone(), "{x: 1, y: some(2)}", at(some(Value::Signed(2)))),
            (point, r#"{"x": 1}"#, at(Value::Option(None))),
            (bytes.clone(), "\"aGk=\"", Value::Bytes(b"hi".to_vec())),
            (bytes, "[104, 105]", Value::Bytes(b"hi".to_vec())),
            (Type::Flags(vec!["r".into(), "w".into()]), "{w, r}", Value::Flags(vec!["r".into(), "w".into()])),
            (Type::Flags(vec!["r".into()]), "{}", Value::Flags(vec![])),
            (Type::Result(None, None), "ok", Value::Result(Ok(None))),
        ] {
            assert_eq!(word(&ty, text), Ok(value), "{ty} from {text}");
        }
    }

    #[test]
    fn an_optional_string_is_the_word_itself() {
        let ty = option(Type::String);
        let text = |text: &str| some(Value::String(text.into()));
        assert_eq!(word(&ty, "none"), Ok(Value::Option(None)));
        assert_eq!(word(&ty, "null"), Ok(Value::Option(None)));
        assert_eq!(word(&ty, "some(\"none\")"), Ok(text("none")));
        assert_eq!(word(&ty, "some(thing"), Ok(text("some(thing")));
        assert_eq!(word(&ty, "\"quoted\""), Ok(text("\"quoted\"")));
        assert_eq!(word(&option(option(Type::String)), "x"), Ok(some(text("x"))));
    }

    #[test]
    fn a_file_is_bytes_or_text() {
        assert_eq!(file(&Type::List(Box::new(Type::U8)), b"\xff"), Ok(Value::Bytes(vec![0xff])));
        assert_eq!(file(&option(Type::String), b"hi"), Ok(some(Value::String("hi".into()))));
        assert!(file(&Type::String, b"\xff").unwrap_err().ends_with("got contents that are not UTF-8"));
        for ty in [Type::S64, Type::List(Box::new(Type::String)), option(Type::Bool)] {
            assert!(file(&ty, b"1").unwrap_err().contains("@FILE is for list<u8> and string"), "{ty}");
        }
    }

    #[test]
    fn what_is_written_wrongly_says_how_it_is_written() {
        let strings = Type::List(Box::new(Type::String));
        let names = Type::Enum(vec!["none".into(), "all".into()]);
        let flags = Type::Flags(vec!["inf".into(), "w".into()]);
        let user = Type::Record(vec![("name".into(), Type::String), ("uid".into(), option(Type::U32))]);
        for (ty, text, said) in [
            (
                &strings,
                "[a, b]",
                "[0]: expected string, got a: inside brackets a string stands in double quotes, \"a\"",
            ),
            (&strings, "[\"a\", none]", "[1]: expected string, got none: inside brackets"),
            (&strings, "[\"a\", 7]", "[1]: expected string, got 7"),
            (&strings, "a b", "expected list<string>, got \"a b\": write it like '[\"a\"]'"),
            (
                &Type::List(Box::new(names.clone())),
                "[all, none]",
                "[1]: expected enum { none, all }, got none: as a name it is written %none",
            ),
            (&user, "{name: root}", "name: expected string, got root: inside brackets"),
            (&user, "{name: \"a\", name: \"b\"}", "field \"name\" is given twice"),
            (&user, "name=root", "write it like '{name: \"a\", uid: some(1)}'"),
            (&user, r#"{"name": "a", "name": "b"}"#, "the key \"name\" is given twice at line 1"),
            (&user, r#"{"name": root}"#, "write it like"),
            (
                &strings,
                "[true]",
                "[0]: expected string, got true: as a string it stands in double quotes, \"true\"",
            ),
            (&option(strings.clone()), "a", "write it like '[\"a\"]'"),
            (&flags, "w", "write it like '{%inf}'"),
            (&flags, "{w, w}", "flag \"w\" is given twice"),
            (&Type::Bool, "yes", "expected bool, got \"yes\": write true or false"),
            (&Type::List(Box::new(Type::U8)), "[300]", "[0]: 300 is out of range for u8"),
        ] {
            let error = word(ty, text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let both = Type::Tuple(vec![names, flags]);
        let value = Value::Tuple(vec![Value::Enum("none".into()), Value::Flags(vec!["inf".into()])]);
        assert_eq!(word(&both, "(%none, {%inf})"), Ok(value));
    }

    #[test]
    fn a_keyword_that_is_meant_as_a_name_is_found_wherever_it_stands() {
        let names = || Type::Enum(vec!["all".into(), "some".into()]);
        let case =
            |name: &str, ty: Option<Type>| Type::Variant(vec![("dot".into(), None), (name.into(), ty)]);
        let list = |ty: Type| Type::List(Box::new(ty));
        for (ty, text, name) in [
            (list(names()), "[all,some]", "some"),
            (list(case("some", None)), "[some]", "some"),
            (list(case("inf", Some(Type::Bool))), "[inf(true)]", "inf"),
            (case("disc", Some(names())), "disc(some)", "some"),
            (
                Type::Record(vec![("a".into(), Type::Bool), ("f".into(), names())]),
                "{a: true, f: some}",
                "some",
            ),
            (Type::Tuple(vec![Type::Bool, names()]), "(true, some)", "some"),
            (list(list(names())), "[[some]]", "some"),
            (list(option(names())), "[some(some)]", "some"),
        ] {
            let error = word(&ty, text).unwrap_err();
            let hint =
                format!(": as a name it is written %{name}, because {name} alone means something else");
            assert!(error.ends_with(&hint), "{text}: {error}");
        }
        // What is no such word, or has its mark already, is not what went wrong; and between braces flags need none.
        let flags = Type::Flags(vec!["inf".into(), "w".into()]);
        for (ty, text, like) in [
            (&list(names()), "[all", "'[all]'"),
            (&list(names()), "[%some", "'[all]'"),
            (&list(names()), "[some-more", "'[all]'"),
            (&list(names()), "[somewhat", "'[all]'"),
            (&flags, "{inf", "'{%inf}'"),
            (&flags, "inf", "'{%inf}'"),
        ] {
            let error = word(ty, text).unwrap_err();
            assert!(error.ends_with(&format!(": write it like {like}")), "{text}: {error}");
        }
        assert_eq!(word(&flags, "{inf}"), Ok(Value::Flags(vec!["inf".into()])));
    }

    #[test]
    fn a_name_that_is_a_keyword_needs_no_mark_where_it_is_the_whole_word() {
        let case = Type::Variant(vec![("none".into(), None), ("disc".into(), Some(Type::F32))]);
        assert_eq!(word(&case, "none"), Ok(Value::Variant("none".into(), None)));
        let color = Type::Enum(vec!["red".into()]);
        assert_eq!(word(&color, "\"red\""), Ok(Value::Enum("red".into())), "as its JSON has it");
        assert_eq!(word(&color, "blue"), Err("unknown case \"blue\"; it has red".to_owned()));
        let error = word(&case, "disc").unwrap_err();
        assert_eq!(error, "\"disc\" needs a payload: f32, as in 'disc(1.5)'");
        // The case of a variant has its mark in the example, the side of a result has none: each is WAVE for it.
        for (ty, text, example) in [
            (Type::Variant(vec![("ok".into(), Some(Type::U8))]), "%ok", "%ok(1)"),
            (Type::Result(Some(Box::new(Type::U8)), None), "ok", "ok(1)"),
        ] {
            let said = format!("\"ok\" needs a payload: u8, as in '{example}'");
            assert_eq!(word(&ty, text), Err(said));
            assert!(word(&ty, example).is_ok(), "{example}");
        }
    }

    #[test]
    fn numbers_and_simple_words_are_refused_without_more_words() {
        for (ty, text, said) in [
            (Type::S64, "1.5", "expected s64, got \"1.5\""),
            (Type::S64, "?!", "expected s64, got \"?!\""),
            (Type::Char, "?!", "expected char, got \"?!\""),
            (Type::Bool, "?!", "expected bool, got \"?!\""),
            (Type::F32, "1e300", "1e+300 is out of range for f32"),
            (Type::F64, "1e999", "1e999 is out of range for f64"),
            (Type::F64, "nan?", "expected f64, got \"nan?\""),
            (Type::Enum(vec!["a".into()]), "?!", "expected enum { a }, got \"?!\""),
            (Type::List(Box::new(Type::U32)), "[abc]", "[0]: expected u32, got \"abc\""),
        ] {
            assert_eq!(word(&ty, text), Err(said.to_owned()), "{ty} from {text}");
        }
        let Ok(Value::F64(nan)) = word(&Type::F64, "NaN") else { panic!("NaN is a float") };
        assert!(nan.is_nan());
    }

    #[test]
    fn a_word_is_read_up_to_its_length_and_no_further_unless_it_is_text() {
        let padded = |length: usize| format!("7{}", " ".repeat(length - 1));
        assert_eq!(word(&Type::U8, &padded(MAX_WORD)), Ok(Value::Unsigned(7)));
        let error = word(&Type::U8, &padded(MAX_WORD + 1));
        assert_eq!(error, Err("1048577 bytes are over the limit of 1048576".to_owned()));
        let long = padded(MAX_WORD + 1);
        assert_eq!(word(&Type::String, &long), Ok(Value::String(long)));
    }

    #[test]
    fn bytes_that_are_neither_say_what_to_give() {
        let error = word(&Type::List(Box::new(Type::U8)), "hello").unwrap_err();
        assert!(
            error.ends_with("(@FILE, base64 in quotes, or numbers in brackets), got \"hello\""),
            "{error}"
        );
        // Inside brackets there is no `@FILE`.
        let many = Type::List(Box::new(Type::List(Box::new(Type::U8))));
        assert_eq!(word(&many, "[hello]"), Err("[0]: expected list<u8>, got \"hello\"".to_owned()));
    }
}
