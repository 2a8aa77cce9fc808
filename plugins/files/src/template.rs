//! Templates, with what is known of the host in them.

use std::collections::BTreeMap;

use failure::Error;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context, filters};
use minion_sdk::{facts, settings};
use serde_json::{Map, Value as Json};

/// What a template becomes with the facts, the settings and these values.
pub(crate) fn render(template: &str, values: Vec<(String, String)>) -> Result<String, Error> {
    let facts = facts::list("").map_err(|error| match error {
        facts::Error::Denied(text) => Error::Denied(text),
        facts::Error::Cancelled => Error::Cancelled,
        facts::Error::Other(text) => Error::Other(text),
    })?;
    let settings: Map<String, Json> = settings::names()
        .into_iter()
        .filter_map(|name| Some((name.clone(), serde_json::from_str(&settings::get(&name)?).ok()?)))
        .collect();
    rendered(template, facts.into_iter().collect(), settings, values.into_iter().collect())
}

fn rendered(
    template: &str,
    facts: BTreeMap<String, String>,
    settings: Map<String, Json>,
    values: BTreeMap<String, String>,
) -> Result<String, Error> {
    let mut environment = environment();
    let scope = context! {
        facts => value(&tree(&facts)),
        settings => value(&settings.into()),
        values => values,
    };
    environment.add_function("fact", move |path: String| match facts.get(&path) {
        Some(value) => Ok(self::value(&typed(value))),
        None => Err(minijinja::Error::new(
            ErrorKind::UndefinedError,
            format!("there is no fact \"{path}\" on this host"),
        )),
    });
    let found = environment.template_from_named_str("template", template);
    let text = found.and_then(|found| found.render(&scope));
    // Jinja takes the last line end away, which belongs to the file.
    let end = if template.ends_with('\n') { "\n" } else { "" };
    text.map(|text| text + end).map_err(|error| of_template(&error, template, &environment, &scope))
}

/// What a template may use besides the language itself: what configurations need, since each makes the module larger.
fn environment<'a>() -> Environment<'a> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("int", filters::int);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("split", filters::split);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("undefined", minijinja::tests::is_undefined);
    environment.add_test("in", minijinja::tests::is_in);
    environment
}

/// JSON as templates have it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(is) => Value::from(*is),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Value::from(number),
            (_, Some(number), _) => Value::from(number),
            (_, _, number) => Value::from(number.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(elements) => elements.iter().map(value).collect(),
        Json::Object(members) => {
            Value::from_pairs(members.iter().map(|(name, member)| (name.as_str(), value(member))))
        }
    }
}

/// The facts as a tree, in which a step of a path is a name. One that has others below it is not in it by itself.
fn tree(facts: &BTreeMap<String, String>) -> Json {
    let mut root = Map::new();
    for (path, value) in facts {
        let mut steps: Vec<&str> = path.split('.').collect();
        let Some(last) = steps.pop() else { continue };
        let folder = steps.into_iter().fold(&mut root, |folder, step| {
            let below = folder.entry(step).or_insert_with(|| Map::new().into());
            if !below.is_object() {
                *below = Map::new().into();
            }
            below.as_object_mut().expect("it was just made one")
        });
        folder.entry(last).or_insert_with(|| typed(value));
    }
    root.into()
}

/// A fact as what it says: a number, a truth value or a list, where writing that gives the same text again.
fn typed(value: &str) -> Json {
    let Ok(json) = serde_json::from_str::<Json>(value) else { return value.into() };
    let is_plain = matches!(json, Json::Bool(_) | Json::Number(_)) && value == json.to_string().as_str();
    if is_plain || json.is_array() { json } else { value.into() }
}

/// What is wrong with a template, with the line, and the names that nothing has.
fn of_template(
    error: &minijinja::Error,
    template: &str,
    environment: &Environment<'_>,
    scope: &Value,
) -> Error {
    let mut told = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    };
    if error.kind() == ErrorKind::UndefinedError && error.detail().is_none() {
        let names = undefined(template, environment, scope);
        told = match names.is_empty() {
            true => "a name that nothing has".to_owned(),
            false => format!("nothing has the name {}", names.join(" or ")),
        };
    }
    let line = error.line().and_then(|number| Some((number, template.lines().nth(number.checked_sub(1)?)?)));
    let place = line.map_or(String::new(), |(number, text)| {
        let text: String = text.trim().chars().take(200).collect();
        format!(" (line {number}: {text})")
    });
    Error::Invalid(format!("the template cannot be used: {told}{place}"))
}

/// The names in a template that nothing has.
fn undefined(template: &str, environment: &Environment<'_>, scope: &Value) -> Vec<String> {
    let Ok(found) = environment.template_from_named_str("template", template) else { return Vec::new() };
    let is_there = |path: &String| {
        let end = path.split('.').try_fold(scope.clone(), |at, step| at.get_attr(step));
        end.is_ok_and(|value| !value.is_undefined()) || path == "fact"
    };
    let mut names: Vec<String> =
        found.undeclared_variables(true).into_iter().filter(|path| !is_there(path)).collect();
    names.sort_unstable();
    names.iter().map(|name| format!("\"{name}\"")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(template: &str) -> Result<String, String> {
        let facts = [
            ("os", "debian"),
            ("os.version", "12"),
            ("mem.total", "4096"),
            ("ips", "[\"::1\"]"),
            ("v", "1.10"),
        ];
        let facts = facts.into_iter().map(|(path, value)| (path.to_owned(), value.to_owned())).collect();
        let settings = json!({ "proxy": { "port": 8080 } }).as_object().unwrap().clone();
        let values = [("name".to_owned(), "<web>".to_owned())].into();
        rendered(template, facts, settings, values).map_err(|error| match error {
            Error::Invalid(text) => text,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn facts_settings_and_values_are_in_a_template() {
        for (template, text) in [
            ("{{ facts.os.version }} {{ fact('os') }}\n", "12 debian\n"),
            ("{% if facts.mem.total > 1000 %}big{% endif %}", "big"),
            ("{% for ip in facts.ips %}[{{ ip }}]{% endfor %}", "[::1]"),
            ("{{ settings.proxy.port }} {{ values.name }} {{ facts.v }}", "8080 <web> 1.10"),
            ("{% if settings.other is defined %}x{% endif %}", ""),
        ] {
            assert_eq!(of(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_template_is_named_with_its_line() {
        for (template, parts) in [
            ("a\n{{ facts.os.nam }}", ["\"facts.os.nam\"", "line 2: {{ facts.os.nam }}"]),
            ("{{ nothing }}", ["\"nothing\"", "line 1"]),
            ("{{ fact('no') }}", ["no fact \"no\"", "line 1"]),
            ("{% if %}", ["unexpected", "line 1"]),
            ("{% for x in", ["unexpected", "line 1"]),
        ] {
            let told = of(template).unwrap_err();
            assert!(parts.iter().all(|part| told.contains(part)), "{template}: {told}");
        }
    }
}
