//! Conditions on facts, as targets have them too.

use comparison::{Comparison, Operator};

/// A condition on one fact.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    path: &'a str,
    comparison: Comparison,
}

impl<'a> Condition<'a> {
    /// Takes one apart, as it is written. Fails with what is wrong with it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let none = || {
            format!(
                "\"{text}\" is no condition: write a path, then =, !=, <, <=, >, >=, ^= or *=, then a value"
            )
        };
        let sign = text.find(['=', '!', '<', '>', '^', '*']).ok_or_else(none)?;
        let path = text[..sign].trim();
        let found = Operator::take(&text[sign..]).filter(|(_, value)| !value.starts_with(['=', '~']));
        let (operator, value) = found.filter(|_| !path.is_empty()).ok_or_else(none)?;
        Ok(Self { path, comparison: Comparison::new(operator, value.trim()) })
    }

    /// Where the fact is.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// Whether it holds where the fact says this, or is not there.
    pub(crate) fn holds(&self, fact: Option<&str>) -> bool {
        let elements = fact.map(elements).unwrap_or_default();
        self.comparison.holds(|passes| elements.iter().any(|element| passes(element)))
    }
}

/// The elements of a fact that is a list, or the fact itself.
fn elements(fact: &str) -> Vec<String> {
    match serde_json::from_str::<Vec<serde_json::Value>>(fact) {
        Ok(list) => list.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect(),
        Err(_) => vec![fact.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_or_does_not() {
        for (condition, fact, holds) in [
            ("os=Debian", Some("debian"), true),
            ("os=debian", Some("debian2"), false),
            ("os=debian", None, false),
            ("os!=debian", None, true),
            ("os!=debian", Some("debian"), false),
            ("mem.total>=4GiB", Some("4294967296"), true),
            ("mem.total>4GiB", Some("4294967296"), false),
            ("cpus<10", Some("4"), true),
            ("load=0.50", Some("0.5"), true),
            ("uptime>1h30m", Some("5401"), true),
            ("kernel>=6.9", Some("6.12.3-amd64"), true),
            ("kernel<6.9", Some("6.12.3-amd64"), false),
            ("kernel^=6.1", Some("6.12.3"), true),
            ("os.name*=GNU", Some("Debian gnu/Linux"), true),
            ("addresses=10.0.0.1", Some("[\"127.0.0.1\",\"10.0.0.1\"]"), true),
            ("addresses!=10.0.0.1", Some("[\"127.0.0.1\",\"10.0.0.1\"]"), false),
            ("a = b", Some("b"), true),
            ("serial>18446744073709551614", Some("18446744073709551615"), true),
        ] {
            assert_eq!(Condition::parse(condition).unwrap().holds(fact), holds, "{condition} {fact:?}");
        }
    }

    #[test]
    fn what_is_no_condition_is_said_to_be_none() {
        for text in ["", "os", "=x", "os==x", "os=~x", "os!x", "os^x"] {
            let told = Condition::parse(text).unwrap_err();
            assert!(told.contains(&format!("\"{text}\" is no condition")), "{told}");
        }
    }
}
