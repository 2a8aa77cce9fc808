//! Conditions on facts, as targets have them too.

use std::cmp::Ordering;

use policy::size::ByteSize;

/// The signs that stand between a path and a value, longer ones first.
const SIGNS: [(&str, Test); 8] = [
    ("!=", Test::Differs),
    ("<=", Test::Order(&[Ordering::Less, Ordering::Equal])),
    (">=", Test::Order(&[Ordering::Greater, Ordering::Equal])),
    ("^=", Test::Begins),
    ("*=", Test::Contains),
    ("=", Test::Order(&[Ordering::Equal])),
    ("<", Test::Order(&[Ordering::Less])),
    (">", Test::Order(&[Ordering::Greater])),
];

/// How a fact is compared.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// It is on one of these sides of the value.
    Order(&'static [Ordering]),
    /// It is another, or there is none.
    Differs,
    /// It begins with the value.
    Begins,
    /// The value is in it.
    Contains,
}

/// A condition on one fact.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    path: &'a str,
    test: Test,
    value: &'a str,
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
        let (path, rest) = (text[..sign].trim(), &text[sign..]);
        let found = SIGNS.iter().find_map(|(sign, test)| rest.strip_prefix(sign).map(|value| (*test, value)));
        let (test, value) = found.filter(|(_, value)| !value.starts_with(['=', '~'])).ok_or_else(none)?;
        if path.is_empty() {
            return Err(none());
        }
        Ok(Self { path, test, value: value.trim() })
    }

    /// Where the fact is.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// Whether it holds where the fact says this, or is not there.
    pub(crate) fn holds(&self, fact: Option<&str>) -> bool {
        let elements = fact.map(elements).unwrap_or_default();
        match self.test {
            Test::Differs => !elements.iter().any(|element| order(element, self.value).is_eq()),
            test => elements.iter().any(|element| passes(test, element, self.value)),
        }
    }
}

/// The elements of a fact that is a list, or the fact itself.
fn elements(fact: &str) -> Vec<String> {
    match serde_json::from_str::<Vec<serde_json::Value>>(fact) {
        Ok(list) => list.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect(),
        Err(_) => vec![fact.to_owned()],
    }
}

fn passes(test: Test, fact: &str, value: &str) -> bool {
    let (lower_fact, lower_value) = (fact.to_lowercase(), value.to_lowercase());
    match test {
        Test::Order(sides) => sides.contains(&order(fact, value)),
        Test::Differs => order(fact, value).is_ne(),
        Test::Begins => lower_fact.starts_with(&lower_value),
        Test::Contains => lower_fact.contains(&lower_value),
    }
}

/// As numbers where both are, otherwise as text without case.
fn order(fact: &str, value: &str) -> Ordering {
    if let (Ok(fact), Ok(value)) = (fact.parse::<i128>(), value.parse::<i128>()) {
        return fact.cmp(&value);
    }
    let numbers = number(fact).zip(number(value).or_else(|| quantity(value)));
    let as_numbers = numbers.and_then(|(fact, value)| fact.partial_cmp(&value));
    as_numbers.unwrap_or_else(|| natural(&fact.to_lowercase(), &value.to_lowercase()))
}

/// A number, which begins with a digit: "nan" and "inf" are words.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A size in bytes or a duration in seconds, as people write them.
fn quantity(text: &str) -> Option<f64> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.0 as f64);
    size.or_else(|| humantime::parse_duration(text).ok().map(|time| time.as_secs_f64()))
}

/// Text order in which runs of digits count as numbers, so that 6.9 comes before 6.12.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let digits = [one, other].map(|text| text.bytes().take_while(u8::is_ascii_digit).count());
        let [first, second] = [one, other].map(|text| text.chars().next());
        let (Some(first), Some(second)) = (first, second) else { return one.len().cmp(&other.len()) };
        let (step, order) = match digits {
            [0, _] | [_, 0] => ([first.len_utf8(), second.len_utf8()], first.cmp(&second)),
            [long, length] => {
                let [a, b] = [&one[..long], &other[..length]].map(|number| number.trim_start_matches('0'));
                ([long, length], a.len().cmp(&b.len()).then_with(|| a.cmp(b)).then(long.cmp(&length)))
            }
        };
        if order.is_ne() {
            return order;
        }
        (one, other) = (&one[step[0]..], &other[step[1]..]);
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
