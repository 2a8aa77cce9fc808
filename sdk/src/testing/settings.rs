//! Settings of the made-up host: those that the test told it, read by the same rules as a minion's.

use super::{Setting, state};
use crate::settings::Error;

pub(crate) fn names() -> Vec<String> {
    state(|state| state.settings.keys().cloned().collect())
}

pub(crate) fn get(name: &str) -> Option<String> {
    setting(name).map(|setting| json(&setting))
}

pub(crate) fn boolean(name: &str) -> Result<Option<bool>, Error> {
    typed(
        name,
        "a truth value",
        |setting| if let Setting::Boolean(value) = setting { Some(value) } else { None },
    )
}

pub(crate) fn integer(name: &str) -> Result<Option<i64>, Error> {
    typed(
        name,
        "a whole number",
        |setting| if let Setting::Integer(value) = setting { Some(value) } else { None },
    )
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn number(name: &str) -> Result<Option<f64>, Error> {
    typed(name, "a number", |setting| match setting {
        Setting::Number(value) => Some(value),
        Setting::Integer(value) => Some(value as f64),
        _ => None,
    })
}

pub(crate) fn text(name: &str) -> Result<Option<String>, Error> {
    typed(name, "a text", |setting| if let Setting::Text(value) = setting { Some(value) } else { None })
}

pub(crate) fn texts(name: &str) -> Result<Option<Vec<String>>, Error> {
    typed(
        name,
        "a list of texts",
        |setting| if let Setting::Texts(value) = setting { Some(value) } else { None },
    )
}

fn setting(name: &str) -> Option<Setting> {
    state(|state| state.settings.get(name).cloned())
}

fn typed<T>(name: &str, what: &str, read: impl Fn(Setting) -> Option<T>) -> Result<Option<T>, Error> {
    let Some(setting) = setting(name) else { return Ok(None) };
    let wrong = || Error::WrongType(format!("setting \"{name}\" is {}, not {what}", json(&setting)));
    read(setting.clone()).map(Some).ok_or_else(wrong)
}

fn json(setting: &Setting) -> String {
    match setting {
        Setting::Boolean(value) => value.to_string(),
        Setting::Integer(value) => value.to_string(),
        Setting::Number(value) => format!("{value:?}"),
        Setting::Text(text) => quoted(text),
        Setting::Texts(texts) => {
            format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
