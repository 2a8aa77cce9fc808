//! `minion:settings`: what the owner of the minion has set for a module.

use toml::Value as Toml;

use self::bindings::minion::settings::settings::{Error, Host};
use super::package::Package;
use super::{Capability, interface};
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability =
    Capability::ours("settings", &[Package::ours("minion:settings", &["settings"])], DryRun::Same, link);

interface!(settings, "../wit/settings", "import minion:settings/settings@0.1.0;");

impl Host for Guest {
    fn names(&mut self) -> Vec<String> {
        self.job.policy.settings.keys().cloned().collect()
    }

    fn get(&mut self, name: String) -> Option<String> {
        setting(&self.job.policy.settings, &name).map(|value| json(value).to_string())
    }

    fn boolean(&mut self, name: String) -> Result<Option<bool>, Error> {
        typed(&self.job.policy.settings, &name, "a truth value", Toml::as_bool)
    }

    fn integer(&mut self, name: String) -> Result<Option<i64>, Error> {
        typed(&self.job.policy.settings, &name, "a whole number", Toml::as_integer)
    }

    fn number(&mut self, name: String) -> Result<Option<f64>, Error> {
        let number = |value: &Toml| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        typed(&self.job.policy.settings, &name, "a number", number)
    }

    fn text(&mut self, name: String) -> Result<Option<String>, Error> {
        typed(&self.job.policy.settings, &name, "a text", text)
    }

    fn texts(&mut self, name: String) -> Result<Option<Vec<String>>, Error> {
        let texts = |value: &Toml| value.as_array()?.iter().map(text).collect();
        typed(&self.job.policy.settings, &name, "a list of texts", texts)
    }
}

/// Finds a setting. Each dot in its name leads into a nested table.
fn setting<'a>(settings: &'a toml::Table, name: &str) -> Option<&'a Toml> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    match (settings.get(name), rest) {
        (Some(value), _) => Some(value),
        (None, Some(rest)) => setting(settings.get(first)?.as_table()?, rest),
        (None, None) => None,
    }
}

/// Reads a setting as one type; `ty` names the type in the message.
///
/// # Errors
/// [`Error::WrongType`], where it is set to a value of another type.
fn typed<T>(
    settings: &toml::Table,
    name: &str,
    ty: &str,
    read: impl Fn(&Toml) -> Option<T>,
) -> Result<Option<T>, Error> {
    let Some(value) = setting(settings, name) else { return Ok(None) };
    match read(value) {
        Some(value) => Ok(Some(value)),
        None => Err(Error::WrongType(format!("\"{name}\" is set to {value}, which is not {ty}"))),
    }
}

/// A setting that is a text.
fn text(value: &Toml) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The setting as JSON; dates and times, which JSON does not have, become texts.
fn json(value: &Toml) -> serde_json::Value {
    match value {
        Toml::String(text) => text.as_str().into(),
        Toml::Integer(number) => (*number).into(),
        Toml::Float(number) => (*number).into(),
        Toml::Boolean(truth) => (*truth).into(),
        Toml::Datetime(time) => time.to_string().into(),
        Toml::Array(values) => values.iter().map(json).collect(),
        Toml::Table(table) => table.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> toml::Table {
        "size = 3\nnames = ['a', 'b']\nproxy = { port = 80, host = 'h' }\n'a.b' = true".parse().expect("toml")
    }

    #[test]
    fn names_lead_into_tables_unless_the_whole_name_is_there() {
        let settings = settings();
        assert_eq!(setting(&settings, "proxy.port").and_then(Toml::as_integer), Some(80));
        assert_eq!(setting(&settings, "a.b").and_then(Toml::as_bool), Some(true));
        for missing in ["proxy.none", "size.x", "", ".", "none"] {
            assert_eq!(setting(&settings, missing), None, "{missing:?}");
        }
    }

    #[test]
    fn a_setting_of_another_type_is_an_error_that_names_it() {
        let settings = settings();
        assert!(matches!(typed(&settings, "none", "a text", text), Ok(None)));
        let Err(Error::WrongType(told)) = typed(&settings, "size", "a text", text) else {
            panic!("was accepted")
        };
        assert_eq!(told, "\"size\" is set to 3, which is not a text");
    }

    #[test]
    fn a_table_becomes_a_json_object() {
        assert_eq!(json(&settings()["proxy"]).to_string(), r#"{"host":"h","port":80}"#);
    }
}
