//! Arguments for random signatures.
//!
//! An input is one byte for the form of the arguments, eight for the seed of the signature, and the arguments:
//! words with a separator between them, JSON, or values as they travel.

use std::cell::RefCell;

use fastrand::Rng;
use proptest::collection::vec;
use proptest::strategy::{BoxedStrategy, Strategy as _};
use serde_json::Value as Json;
use wire::message::v1::{Method, Type};
use wire::transport::frame;
use wire::value::Value;
use wire::value::arbitrary::{types, values};
use wire::value::arguments::bind;
use wire::value::arguments::{Arguments, Word};
use wire::value::check::check;
use wire::value::json::to_json;

use crate::input::Draws;

/// Between two words.
const SEPARATOR: u8 = 0x1e;

/// How many signatures the corpus has.
const SIGNATURES: usize = 500;

/// No error is longer, in characters.
const MAX_ERROR: usize = 1_000;

/// Binds arguments that these bytes make up to a signature that they choose, and says whether they fit.
///
/// Panics where the outcome is neither values of the signature's types, which bind to themselves as JSON, nor
/// a short error of one line.
pub fn arguments(bytes: &[u8]) -> bool {
    let Some((&form, rest)) = bytes.split_first() else { return false };
    let Some((seed, given)) = rest.split_first_chunk::<8>() else { return false };
    let methods = signature(u64::from_le_bytes(*seed)).interned();
    let method = methods.iter().next().expect("one method");
    let Some(arguments) = read(form, given) else { return false };
    let module = "fuzzed".parse().expect("a name");
    let bound = match bind(method, &module, &arguments) {
        Ok(bound) => bound,
        Err(error) => {
            let told = error.to_string();
            assert!(told.chars().count() < MAX_ERROR && !told.contains('\n'), "{told}");
            return false;
        }
    };
    assert_eq!(bound.len(), method.params().len(), "{method}: {bound:?}");
    for ((_, ty), value) in method.params().zip(&bound) {
        check(ty, value).unwrap_or_else(|error| panic!("{value:?} was taken for {ty}: {error}"));
    }
    let json = Json::Array(bound.iter().map(to_json).collect()).to_string();
    let again = bind(method, &module, &Arguments::Json(json.clone()))
        .unwrap_or_else(|error| panic!("{method} printed {json}: {error}"));
    // NaN is not equal to itself as a value, and is as JSON.
    assert_eq!(Json::Array(again.iter().map(to_json).collect()).to_string(), json, "{method}");
    true
}

/// Good arguments in every form, for many signatures.
pub(crate) fn corpus(rng: &mut Rng) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut corpus = Vec::new();
    for _ in 0..SIGNATURES {
        let seed = rng.u64(..);
        let mut draws = Draws::new(rng.u64(..));
        let params = signature(seed).params;
        let given: Vec<Value> = params.iter().map(|(_, ty)| draws.draw(&values(ty))).collect();
        let words: Vec<Vec<u8>> = given.iter().map(|value| to_json(value).to_string().into_bytes()).collect();
        let notation: Vec<Vec<u8>> =
            params.iter().zip(&given).map(|((_, ty), value)| wave(ty, value).into_bytes()).collect();
        let array = Json::Array(given.iter().map(to_json).collect());
        let object = params.iter().map(|(name, _)| name.clone()).zip(given.iter().map(to_json)).collect();
        let inputs = [
            (0, words.join(&SEPARATOR)),
            (0, notation.join(&SEPARATOR)),
            (1, words.join(&SEPARATOR)),
            (2, array.to_string().into_bytes()),
            (2, Json::Object(object).to_string().into_bytes()),
            (3, postcard::to_stdvec(&given)?),
        ];
        corpus.extend(inputs.map(|(form, given)| [&[form][..], &seed.to_le_bytes(), &given].concat()));
    }
    Ok(corpus)
}

/// The arguments in an input; values that do not even decode never come as far as being bound.
fn read(form: u8, given: &[u8]) -> Option<Arguments> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let words = given.split(|byte| *byte == SEPARATOR);
    Some(match form % 4 {
        0 => Arguments::Words(words.map(|word| Word::Text(text(word))).collect()),
        1 => Arguments::Words(words.map(|word| Word::File(word.to_vec())).collect()),
        2 => Arguments::Json(text(given)),
        _ => Arguments::Values(frame::decode(given).ok()?),
    })
}

/// The signature of this seed.
fn signature(seed: u64) -> Method {
    thread_local! {
        static TYPES: BoxedStrategy<Vec<Type>> = vec(types(), 1..4).boxed();
        static LATEST: RefCell<Option<(u64, Method)>> = const { RefCell::new(None) };
    }
    LATEST.with_borrow_mut(|latest| match latest {
        Some((of, method)) if *of == seed => method.clone(),
        _ => {
            let types = TYPES.with(|types| Draws::new(seed).draw(types));
            let params = types.into_iter().enumerate().map(|(n, ty)| (format!("p{n}"), ty)).collect();
            let method = Method {
                interface: None,
                name: "take".to_owned(),
                params,
                result: None,
                is_async: false,
                not_callable: None,
                docs: None,
            };
            latest.insert((seed, method)).1.clone()
        }
    })
}

/// A value in the notation of WIT.
fn wave(ty: &Type, value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    let payload = |case: &str, ty: Option<&Type>, value: Option<&Value>| match (ty, value) {
        (Some(ty), Some(value)) => format!("{case}({})", wave(ty, value)),
        _ => case.to_owned(),
    };
    match (ty, value) {
        (Type::List(_), Value::Bytes(bytes)) => format!("{bytes:?}"),
        (Type::List(inner), Value::List(values)) => {
            format!("[{}]", joined(values.iter().map(|value| wave(inner, value)).collect()))
        }
        (Type::Tuple(types), Value::Tuple(values)) => {
            format!("({})", joined(types.iter().zip(values).map(|(ty, value)| wave(ty, value)).collect()))
        }
        (Type::Record(fields), Value::Record(values)) => {
            let field = |((name, ty), (_, value)): (&(String, Type), &(String, Value))| {
                format!("{name}: {}", wave(ty, value))
            };
            format!("{{{}}}", joined(fields.iter().zip(values).map(field).collect()))
        }
        (Type::Variant(cases), Value::Variant(case, value)) => {
            let ty = cases.iter().find(|(name, _)| name == case).and_then(|(_, ty)| ty.as_ref());
            payload(case, ty, value.as_deref())
        }
        (Type::Option(inner), Value::Option(Some(value))) => payload("some", Some(inner), Some(value)),
        (Type::Option(_), Value::Option(None)) => "none".to_owned(),
        (Type::Result(ok, _), Value::Result(Ok(value))) => payload("ok", ok.as_deref(), value.as_deref()),
        (Type::Result(_, err), Value::Result(Err(value))) => payload("err", err.as_deref(), value.as_deref()),
        (Type::Flags(_), Value::Flags(names)) => format!("{{{}}}", names.join(", ")),
        (Type::Enum(_), Value::Enum(case)) => case.clone(),
        (Type::Char, Value::Char(c)) => format!("'{}'", escaped(&c.to_string())),
        (Type::String, Value::String(text)) => format!("\"{}\"", escaped(text)),
        (_, Value::Signed(n)) => n.to_string(),
        (_, Value::Unsigned(n)) => n.to_string(),
        (_, Value::F32(n)) => n.to_string().to_lowercase(),
        (_, Value::F64(n)) => n.to_string().to_lowercase(),
        (_, value) => to_json(value).to_string(),
    }
}

/// The text as it stands between quotes.
fn escaped(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '\'' | '"' | '\\');
    text.chars().map(|c| if plain(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_in_every_form_fit_before_they_are_damaged() {
        for input in corpus(&mut Rng::with_seed(1)).expect("a corpus") {
            // A file is good for few types.
            assert!(arguments(&input) || input[0] == 1, "{}", String::from_utf8_lossy(&input));
        }
    }
}
