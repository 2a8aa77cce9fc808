//! Arguments in the form in which they were given, and [`bind`], which turns them into the values that a method
//! takes.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::name::ModuleName;
use crate::size::ByteSize;
use crate::value::Value;
use crate::value::check;
use crate::value::error::{Place, ValueError, echoed, quoted};
use crate::value::json;
use crate::value::method::{Signature, Type, TypeRef};
use crate::value::size::{MAX_ARGUMENTS, size};
use crate::value::strict_json::{self, BadJson};
use crate::value::word;

/// Arguments in the form in which they were given.
///
/// They are turned into values by [`bind`], which needs the method's signature: by the overlord where it knows
/// that, so that most mistakes never leave the machine, and always by the minion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Arguments {
    /// The words of a command line, one for each parameter.
    Words(Vec<Word>),
    /// A JSON array with an element for each parameter, or a JSON object by parameter name, as text of at most
    /// [`MAX_JSON`] bytes.
    Json(String),
    /// Values, one for each parameter.
    Values(Vec<Value>),
}

/// One word of a command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Word {
    /// The word as it was typed.
    Text(String),
    /// The contents of the file that `@file` named.
    File(Vec<u8>),
}

/// The longest JSON text that is read, in bytes.
pub const MAX_JSON: usize = 16 << 20;

/// The most elements and members in a JSON text: each costs some seventy bytes while it is read.
pub const MAX_JSON_ELEMENTS: usize = 1 << 20;

/// The most characters of a signature that an error shows.
const MAX_SIGNATURE: usize = 300;

/// Why arguments do not fit a method. Every message names the method with its signature, and what to write instead
/// where that can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum ArgumentError {
    /// There are too few or too many arguments.
    #[error("{signature} takes {}, {given} given", counted(*.required, *.most))]
    Count { signature: String, required: usize, most: usize, given: usize },
    /// One argument is not of its parameter's type.
    #[error("argument \"{parameter}\" of {signature}: {problem}")]
    Argument { signature: String, parameter: String, problem: Box<ValueError> },
    /// The JSON object has no member for a parameter that needs one.
    #[error("argument \"{parameter}\" of {signature} is missing")]
    Missing { signature: String, parameter: String },
    /// The JSON object has a member that is no parameter.
    #[error("{signature} has no parameter {given}")]
    Unknown { signature: String, given: String },
    /// The text is not JSON.
    #[error("the arguments of {signature} are not JSON: {reason}")]
    NotJson { signature: String, reason: String },
    /// The JSON text has a key twice in one object.
    #[error("the arguments of {signature} are not clear: {reason}")]
    Twice { signature: String, reason: String },
    /// The JSON text is neither an array nor an object.
    #[error("the arguments of {signature} must be an array, or an object by parameter name, not {given}")]
    NotMany { signature: String, given: String },
    /// The values have more than [`MAX_ARGUMENTS`] bytes together.
    #[error(
        "the arguments of {signature} are too large: {bytes} bytes, and {} is the most of one call; bring it in parts, or \
         put it into a folder that the module is granted and pass its path",
        ByteSize(MAX_ARGUMENTS)
    )]
    TooMuch { signature: String, bytes: u64 },
    /// The JSON text is over [`MAX_JSON`] or [`MAX_JSON_ELEMENTS`].
    #[error("the arguments of {signature} are too large: {amount} are over the limit of {limit}")]
    TooLarge { signature: String, amount: String, limit: usize },
}

fn counted(required: usize, most: usize) -> String {
    let plural = if most == 1 { "" } else { "s" };
    match (required, most) {
        (_, 0) => "no arguments".to_owned(),
        _ if required == most => format!("{most} argument{plural}"),
        _ => format!("{required} to {most} argument{plural}"),
    }
}

/// Turns `arguments` into one value for each parameter of `method`, which `module` exports.
///
/// Trailing `option` parameters may be left out, and any `option` parameter of a JSON object. The values together
/// are at most [`MAX_ARGUMENTS`] bytes, as [`size()`] counts them.
///
/// # Errors
/// [`ArgumentError`]: which argument does not fit, and why. Words and JSON are read by the types of the
/// parameters; values are only held against them.
pub fn bind(
    method: Signature<'_>,
    module: &ModuleName,
    arguments: &Arguments,
) -> Result<Vec<Value>, ArgumentError> {
    let binding = Binding { method, module };
    let values = match arguments {
        Arguments::Words(words) => binding.each(words, word::read),
        Arguments::Json(text) => binding.json(text),
        Arguments::Values(values) => binding.each(values, |ty, value, at| {
            check::check_at(ty, value, at)?;
            Ok(value.clone())
        }),
    }?;
    match values.iter().map(size).sum() {
        bytes if bytes > MAX_ARGUMENTS => {
            Err(ArgumentError::TooMuch { signature: binding.signature(), bytes })
        }
        _ => Ok(values),
    }
}

struct Binding<'a> {
    method: Signature<'a>,
    module: &'a ModuleName,
}

impl Binding<'_> {
    /// Reads one value for each of `given`, in the order of the parameters.
    fn each<T>(
        &self,
        given: &[T],
        read: impl Fn(TypeRef<'_>, &T, &Place<'_>) -> Result<Value, ValueError>,
    ) -> Result<Vec<Value>, ArgumentError> {
        let (required, most) = (self.method.required(), self.method.params().len());
        if !(required..=most).contains(&given.len()) {
            let signature = self.signature();
            return Err(ArgumentError::Count { signature, required, most, given: given.len() });
        }
        let values = self.method.params().zip(given).map(|((name, ty), given)| {
            read(ty, given, &Place::top(name)).map_err(|problem| self.error(name, problem))
        });
        let left_out = (given.len()..most).map(|_| Ok(Value::Option(None)));
        values.chain(left_out).collect()
    }

    fn json(&self, text: &str) -> Result<Vec<Value>, ArgumentError> {
        let too_large = |amount, limit| {
            let signature = self.signature();
            Err(ArgumentError::TooLarge { signature, amount, limit })
        };
        if text.len() > MAX_JSON {
            return too_large(format!("{} bytes", text.len()), MAX_JSON);
        }
        let elements = elements(text);
        if elements > MAX_JSON_ELEMENTS {
            return too_large(format!("{elements} elements"), MAX_JSON_ELEMENTS);
        }
        let json = strict_json::parse(text).map_err(|error| match error {
            BadJson::Syntax(reason) => ArgumentError::NotJson { signature: self.signature(), reason },
            BadJson::Twice(reason) => ArgumentError::Twice { signature: self.signature(), reason },
        })?;
        match json {
            Json::Array(elements) => self.each(&elements, json::read),
            Json::Object(members) => {
                let is_param = |given: &str| self.method.params().any(|(name, _)| name == given);
                if let Some(given) = members.keys().find(|name| !is_param(name)) {
                    let (signature, given) = (self.signature(), quoted(given));
                    return Err(ArgumentError::Unknown { signature, given });
                }
                let values = self.method.params().map(|(name, ty)| match (members.get(name), ty.kind()) {
                    (Some(json), _) => {
                        json::read(ty, json, &Place::top(name)).map_err(|problem| self.error(name, problem))
                    }
                    (None, Type::Option(_)) => Ok(Value::Option(None)),
                    (None, _) => {
                        let (signature, parameter) = (self.signature(), name.to_owned());
                        Err(ArgumentError::Missing { signature, parameter })
                    }
                });
                values.collect()
            }
            other => Err(ArgumentError::NotMany { signature: self.signature(), given: echoed(&other) }),
        }
    }

    fn signature(&self) -> String {
        let whole = format!("{}.{}", self.module, self.method);
        match whole.char_indices().nth(MAX_SIGNATURE) {
            None => whole,
            Some((end, _)) => format!("{}…", &whole[..end]),
        }
    }

    /// Puts an error to its parameter. The parameter's name is in the message already, so it is repeated only in
    /// front of a longer path.
    fn error(&self, parameter: &str, mut problem: ValueError) -> ArgumentError {
        if problem.path == parameter {
            problem.path.clear();
        }
        let (signature, parameter) = (self.signature(), parameter.to_owned());
        ArgumentError::Argument { signature, parameter, problem: Box::new(problem) }
    }
}

/// How many elements and members a JSON text has at most, counted without parsing it.
fn elements(text: &str) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
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
        let flood = format!("[{}0]", "0,".repeat(MAX_JSON_ELEMENTS));
        assert!(error(&flood).contains("elements are over the limit"));
        assert!(!error(&format!("[\"{}\"]", "\\\",".repeat(MAX_JSON_ELEMENTS + 1))).contains("limit"));
    }

    #[test]
    fn values_are_checked() {
        let given = Arguments::Values(vec![Value::Signed(1), Value::Bool(true)]);
        let error = bound(&sum(), &given).unwrap_err().to_string();
        assert!(error.ends_with("expected s64, got true"), "{error}");
    }
}
