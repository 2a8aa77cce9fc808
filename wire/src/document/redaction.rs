//! What may be shown of a call's arguments: all but what is secret.
//!
//! Secret is a parameter or a field whose name says so (`password`, `api-token`), and a parameter that the
//! method's documentation marks: ``- `pin` (secret): …``. Where nobody knows a method's parameters, only arguments
//! that are given by name are shown, since nothing tells which of the others are secret.

use serde_json::{Map, Value as Json};

use crate::name::ModuleName;
use crate::value::arguments;
use crate::value::arguments::Arguments;
use crate::value::json;
use crate::value::method::{Method, Signature};
use crate::value::strict_json;

/// The text that stands in the place of a secret.
pub const SECRET: &str = "(secret)";

/// The words that name a secret, each in the singular: an `s` at its end makes no difference.
const SECRET_WORDS: [&str; 6] = ["secret", "password", "passwd", "passphrase", "token", "credential"];

/// How many elements of a list are shown where the whole is too large.
const MAX_ELEMENTS: usize = 32;

/// Why arguments cannot be shown by parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// Nobody knows the method.
    UnknownMethod,
    /// The arguments fit none of the method's signatures.
    Unfit,
}

/// The arguments as a JSON object by parameter, without secrets. `methods` are the signatures that the method has
/// where it is known, as minions may differ: a parameter that one of them calls secret is secret.
///
/// # Errors
/// [`Unshown`], where there is no signature, or none that the arguments fit.
pub fn by_parameter(
    methods: &[Signature<'_>],
    module: &ModuleName,
    arguments: &Arguments,
) -> Result<Json, Unshown> {
    if methods.is_empty() {
        return Err(Unshown::UnknownMethod);
    }
    let bound = methods.iter().find_map(|method| {
        let values = arguments::bind(*method, module, arguments).ok()?;
        Some((method, values))
    });
    let (method, values) = bound.ok_or(Unshown::Unfit)?;
    let given =
        method.params().zip(&values).map(|((name, _), value)| (name.to_owned(), json::to_json(value)));
    Ok(Json::Object(parameters(methods, given)))
}

/// The arguments as JSON that is text of at most `most` bytes, without secrets: like [`by_parameter`], and where that
/// fails a sentence that says how many there are, unless they are an object. Long texts and lists are cut where
/// the whole is too large.
pub fn within(methods: &[Signature<'_>], module: &ModuleName, arguments: &Arguments, most: usize) -> Json {
    let shown =
        by_parameter(methods, module, arguments).unwrap_or_else(|why| unbound(methods, arguments, why));
    let length = shown.to_string().len();
    if length <= most {
        return shown;
    }
    let cut = shortened(shown, 256);
    if cut.to_string().len() <= most { cut } else { Json::from(format!("({length} bytes of JSON)")) }
}

/// The same for arguments that may be secret by the documentation of a method that nobody has any more: where they fit no
/// signature, they are counted, even those that were given by name.
pub fn within_known(
    methods: &[Signature<'_>],
    module: &ModuleName,
    arguments: &Arguments,
    most: usize,
) -> Json {
    match by_parameter(methods, module, arguments) {
        Ok(_) => within(methods, module, arguments, most),
        Err(why) => nameless(arguments, why),
    }
}

/// Arguments by their parameters. The value of a secret is replaced, be it one of the methods that calls the
/// parameter so, or its name.
fn parameters(
    methods: &[Signature<'_>],
    given: impl IntoIterator<Item = (String, Json)>,
) -> Map<String, Json> {
    let marked = |name: &str| methods.iter().any(|method| is_marked(method.method(), name));
    let shown = |(name, value): (String, Json)| {
        if marked(&name) { (name, SECRET.into()) } else { field((name, value)) }
    };
    given.into_iter().map(shown).collect()
}

/// What is shown of arguments that are bound to no signature.
fn unbound(methods: &[Signature<'_>], arguments: &Arguments, why: Unshown) -> Json {
    if let Arguments::Json(text) = arguments
        && let Ok(Json::Object(members)) = strict_json::parse(text)
    {
        return Json::Object(parameters(methods, members));
    }
    nameless(arguments, why)
}

/// How many arguments there are, and why no more is said of them.
fn nameless(arguments: &Arguments, why: Unshown) -> Json {
    match why {
        Unshown::UnknownMethod => {
            format!("({} of a method that no connected minion has)", counted(arguments))
        }
        Unshown::Unfit => format!("({} that fit none of the method's signatures)", counted(arguments)),
    }
    .into()
}

/// How many arguments there are, in words: `2 words`, `3 bytes of JSON`.
pub fn counted(arguments: &Arguments) -> String {
    let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match arguments {
        Arguments::Words(words) => plural(words.len(), "word"),
        Arguments::Values(values) => plural(values.len(), "value"),
        Arguments::Json(text) => format!("{} of JSON", plural(text.len(), "byte")),
    }
}

/// Whether a parameter of a method is secret, or the field in it to which these names lead from the parameter on.
pub fn hides<'a>(method: &Method, names: impl IntoIterator<Item = &'a str>) -> bool {
    let mut names = names.into_iter().peekable();
    names.peek().is_some_and(|parameter| is_marked(method, parameter)) || names.any(is_secret)
}

/// Replaces the secret fields of a value, in records and in pairs of a name and a value.
pub fn redacted(value: Json) -> Json {
    match value {
        Json::Object(fields) => Json::Object(fields.into_iter().map(field).collect::<Map<_, _>>()),
        Json::Array(items) => match <[Json; 2]>::try_from(items) {
            Ok([Json::String(name), _]) if is_secret(&name) => vec![name, SECRET.to_owned()].into(),
            Ok(pair) => Json::Array(pair.map(redacted).into()),
            Err(items) => Json::Array(items.into_iter().map(redacted).collect()),
        },
        other => other,
    }
}

fn field((name, value): (String, Json)) -> (String, Json) {
    let value = if is_secret(&name) { SECRET.into() } else { redacted(value) };
    (name, value)
}

/// Cuts the texts in a value to so many characters, and its lists to 32 elements with a note of how many more
/// there are.
pub fn shortened(value: Json, characters: usize) -> Json {
    match value {
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, shortened(value, characters)));
            Json::Object(fields.collect())
        }
        Json::Array(mut items) => {
            let left_out = items.len().saturating_sub(MAX_ELEMENTS);
            items.truncate(MAX_ELEMENTS);
            let mut items: Vec<Json> = items.into_iter().map(|item| shortened(item, characters)).collect();
            if left_out > 0 {
                items.push(format!("… ({left_out} more)").into());
            }
            Json::Array(items)
        }
        Json::String(text) => cut(&text, characters).into(),
        other => other,
    }
}

/// The text where it has at most `most` characters; otherwise so many of them, with how many bytes it has in all.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Whether the name of a parameter or a field says that it is secret.
fn is_secret(name: &str) -> bool {
    name.split(['-', '_']).any(|word| {
        let word = word.to_ascii_lowercase();
        let singular = word.strip_suffix('s').unwrap_or(&word);
        SECRET_WORDS.contains(&singular)
    })
}

/// Whether the method's documentation says that a parameter is secret.
fn is_marked(method: &Method, name: &str) -> bool {
    let mark = format!("- `{name}` (secret)");
    method.docs.as_ref().is_some_and(|docs| docs.contains(&mark))
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::v1::{self, Type};
    use crate::value::Value;
    use crate::value::arguments::Word;
    use crate::value::method::Methods;

    fn method(docs: Option<&str>) -> Methods {
        let login = Type::Record(vec![("user".into(), Type::String), ("password".into(), Type::String)]);
        let pair = Type::Tuple(vec![Type::String, Type::String]);
        v1::Method {
            interface: None,
            name: "set".into(),
            params: vec![
                ("name".into(), Type::String),
                ("api-token".into(), Type::String),
                ("pin".into(), Type::String),
                ("login".into(), login),
                ("env".into(), Type::List(Box::new(pair))),
            ],
            result: None,
            is_async: false,
            not_callable: None,
            docs: docs.map(Into::into),
        }
        .interned()
    }

    const MARKED: Option<&str> = Some("Sets it.\n\n- `pin` (secret): the number");

    fn words(words: &[&str]) -> Arguments {
        Arguments::Words(words.iter().map(|word| Word::Text((*word).into())).collect())
    }

    fn module() -> ModuleName {
        "service".parse().unwrap()
    }

    #[test]
    fn what_a_method_may_have_called_secret_is_counted_once_nobody_has_it() {
        let module = "m".parse().expect("a name");
        let given = Arguments::Json(r#"{"pin": "1234"}"#.into());
        assert_eq!(
            within_known(&[], &module, &given, 100),
            "(15 bytes of JSON of a method that no connected minion has)"
        );
        assert_eq!(within(&[], &module, &given, 100), json!({ "pin": "1234" }));
    }

    #[test]
    fn secrets_are_hidden_wherever_a_name_or_the_documentation_says_so() {
        let words = words(&[
            "web",
            "hunter2",
            "hunter2",
            "{user: \"ann\", password: \"hunter2\"}",
            r#"[["DB_PASSWORD","hunter2"],["a","b"]]"#,
        ]);
        let expected = json!({
            "name": "web", "api-token": SECRET, "pin": SECRET, "login": { "user": "ann", "password": SECRET },
            "env": [["DB_PASSWORD", SECRET], ["a", "b"]],
        });
        let (plain, marked) = (method(None), method(MARKED));
        // What one version marks is secret in all, also where another one is the first to fit.
        let methods: Vec<_> = plain.iter().chain(marked.iter()).collect();
        assert_eq!(by_parameter(&methods, &module(), &words), Ok(expected));
    }

    #[test]
    fn an_argument_is_secret_by_any_name_on_the_way_to_it_or_by_the_documentation_of_its_parameter() {
        let marked = method(MARKED);
        let method = marked.iter().next().unwrap();
        for (names, hidden) in [
            (&["name"][..], false),
            (&["login", "user"], false),
            (&["login", "password"], true),
            (&["api-token", "id"], true),
            (&["pin", "digits"], true),
            (&["login", "pin"], false),
        ] {
            assert_eq!(hides(method.method(), names.iter().copied()), hidden, "{names:?}");
        }
    }

    #[test]
    fn what_nobody_knows_the_parameters_of_is_not_shown() {
        let marked = method(MARKED);
        let known: Vec<_> = marked.iter().collect();
        let values = Arguments::Values(vec![Value::String("hunter2".into())]);
        let list = Arguments::Json(r#"["hunter2"]"#.into());
        let object = Arguments::Json(r#"{"name": "web", "token": "hunter2"}"#.into());
        for methods in [&known[..], &[]] {
            for arguments in [&words(&["hunter2"]), &values, &list, &object] {
                let text = within(methods, &module(), arguments, 1000).to_string();
                assert!(!text.contains("hunter2"), "{text}");
            }
        }
        assert_eq!(within(&[], &module(), &object, 1000).to_string(), r#"{"name":"web","token":"(secret)"}"#);
        // It fits no signature, and what is marked in one is secret all the same.
        let unfit = Arguments::Json(r#"{"pin": "hunter2", "nme": "web"}"#.into());
        assert_eq!(within(&known, &module(), &unfit, 1000).to_string(), r#"{"pin":"(secret)","nme":"web"}"#);
        let said = within(&[], &module(), &words(&["a", "b"]), 1000).to_string();
        assert_eq!(said, r#""(2 words of a method that no connected minion has)""#);
    }

    #[test]
    fn large_arguments_are_cut_and_say_so() {
        let marked = method(MARKED);
        let known: Vec<_> = marked.iter().collect();
        let given = |name: &str| words(&[name, "", "", "{user: \"\", password: \"\"}", "[]"]);
        let long = within(&known, &module(), &given(&"x".repeat(2000)), 1000).to_string();
        assert!(long.contains("x… (2000 bytes)") && long.len() < 1000, "{long}");
        assert!(within(&known, &module(), &given("web"), 1000).to_string().contains(r#""name":"web""#));
        assert!(within(&known, &module(), &given("web"), 10).to_string().contains("bytes of JSON"));
        let list = shortened(json!([(0..100).collect::<Vec<_>>()]), 10);
        assert_eq!(list[0][32], "… (68 more)");
        assert_eq!(list[0].as_array().map(Vec::len), Some(33));
        let most: Vec<usize> = (0..32).collect();
        assert_eq!(shortened(json!({ "all": most }), 10), json!({ "all": most }));
        assert_eq!(shortened(json!(["ääääää", 7]), 6), json!(["ääääää", 7]));
        assert_eq!(shortened(json!(["ääääää", 7]), 5), json!(["äääää… (12 bytes)", 7]));
    }

    #[test]
    fn arguments_are_as_long_as_asked_for_and_no_longer() {
        let whole = r#"{"name":"web"}"#;
        let given = Arguments::Json(whole.into());
        assert_eq!(within(&[], &module(), &given, whole.len()).to_string(), whole);
        assert_eq!(within(&[], &module(), &given, whole.len() - 1).to_string(), r#""(14 bytes of JSON)""#);
    }

    #[test]
    fn arguments_that_are_not_shown_are_counted_in_words() {
        let values = |count: usize| Arguments::Values(vec![Value::Bool(true); count]);
        for (arguments, said) in [
            (words(&[]), "0 words"),
            (words(&["a"]), "1 word"),
            (values(1), "1 value"),
            (values(2), "2 values"),
            (Arguments::Json("7".into()), "1 byte of JSON"),
            (Arguments::Json("[1]".into()), "3 bytes of JSON"),
        ] {
            assert_eq!(counted(&arguments), said);
        }
        let marked = method(MARKED);
        let known: Vec<_> = marked.iter().collect();
        let said = r#""(1 word that fit none of the method's signatures)""#;
        assert_eq!(within(&known, &module(), &words(&["a"]), 1000).to_string(), said);
        assert_eq!(by_parameter(&known, &module(), &words(&["a"])), Err(Unshown::Unfit));
        assert_eq!(by_parameter(&[], &module(), &words(&["a"])), Err(Unshown::UnknownMethod));
    }

    #[test]
    fn a_name_is_secret_in_the_plural_too() {
        for name in ["secrets", "passwords", "DB_PASSWDS", "passphrases", "api-tokens", "credentials"] {
            assert!(is_secret(name), "{name}");
        }
        let shown = redacted(json!({ "tokens": ["hunter2"], "user": "ann" }));
        assert_eq!(shown, json!({ "tokens": SECRET, "user": "ann" }));
    }

    #[test]
    fn a_name_is_secret_by_one_of_its_words_and_not_by_a_part_of_one() {
        for name in ["password", "API_TOKEN", "db-passwd", "client-secret-2", "credential", "passphrase"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["passwordless", "secretary", "tokenss", "name", "s", ""] {
            assert!(!is_secret(name), "{name}");
        }
        let deep = json!({ "a": [{ "token": [1, 2] }, ["x-token", 7], ["x-token", 7, 8]] });
        let shown = json!({ "a": [{ "token": SECRET }, ["x-token", SECRET], ["x-token", 7, 8]] });
        assert_eq!(redacted(deep), shown);
    }
}
