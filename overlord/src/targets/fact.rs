//! Tests on facts: `os=debian`, `mem.total>=4GiB`.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::quantity;

/// A test on one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FactTest {
    /// Where the fact is: names of members with dots between them.
    path: String,
    operator: Operator,
    /// What it is compared with, as it was written: units have their case.
    value: String,
    /// The same in lower case, for comparisons as text.
    lower: String,
}

/// How a fact is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
    StartsWith,
    Contains,
}

impl Operator {
    /// The operator that is written so.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "=" => Some(Operator::Equal),
            "!=" => Some(Operator::NotEqual),
            "<" => Some(Operator::Below),
            "<=" => Some(Operator::AtMost),
            ">" => Some(Operator::Above),
            ">=" => Some(Operator::AtLeast),
            "^=" => Some(Operator::StartsWith),
            "*=" => Some(Operator::Contains),
            _ => None,
        }
    }
}

impl FactTest {
    /// A test of the fact at `path`.
    pub(super) fn new(path: &str, operator: Operator, value: &str) -> Self {
        Self { path: path.to_owned(), operator, value: value.to_owned(), lower: value.to_lowercase() }
    }

    /// Whether a minion with these facts passes.
    ///
    /// A fact that is a list passes if one of its elements does. `!=` is the complement of `=`: it passes
    /// where the fact is missing.
    pub(super) fn holds(&self, facts: &Json) -> bool {
        match self.operator {
            Operator::NotEqual => !any(facts, &self.path, &|fact| self.order(fact) == Ordering::Equal),
            _ => any(facts, &self.path, &|fact| self.compare(fact)),
        }
    }

    /// Where the fact is.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it passes where the fact is another than the one it names.
    pub(super) fn is_negated(&self) -> bool {
        self.operator == Operator::NotEqual
    }

    /// Whether these facts have the one that is tested.
    pub(super) fn is_told(&self, facts: &Json) -> bool {
        any(facts, &self.path, &|_| true)
    }

    fn compare(&self, fact: &str) -> bool {
        match self.operator {
            Operator::Equal => self.order(fact) == Ordering::Equal,
            Operator::NotEqual => self.order(fact) != Ordering::Equal,
            Operator::Below => self.order(fact) == Ordering::Less,
            Operator::AtMost => self.order(fact) != Ordering::Greater,
            Operator::Above => self.order(fact) == Ordering::Greater,
            Operator::AtLeast => self.order(fact) != Ordering::Less,
            Operator::StartsWith => fact.to_lowercase().starts_with(&self.lower),
            Operator::Contains => fact.to_lowercase().contains(&self.lower),
        }
    }

    /// As numbers where both are numbers, otherwise as text.
    fn order(&self, fact: &str) -> Ordering {
        quantity::compare(fact, &self.value).unwrap_or_else(|| natural(&fact.to_lowercase(), &self.lower))
    }
}

/// Whether any scalar at `path` passes. Lists are gone through wherever they stand; a member's name may
/// itself have dots.
fn any(facts: &Json, path: &str, passes: &dyn Fn(&str) -> bool) -> bool {
    match facts {
        Json::Array(elements) => elements.iter().any(|element| any(element, path, passes)),
        Json::Object(_) if path.is_empty() => false,
        Json::Object(members) => {
            let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
            ends.into_iter().any(|end| {
                let rest = path.get(end + 1..).unwrap_or_default();
                members.get(&path[..end]).is_some_and(|inner| any(inner, rest, passes))
            })
        }
        Json::Null => false,
        _ if !path.is_empty() => false,
        Json::String(text) => passes(text),
        scalar => passes(&scalar.to_string()),
    }
}

/// Text order in which runs of digits count as numbers, so that 6.9 comes before 6.12-rc1.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
        if digits_a > 0 && digits_b > 0 {
            let (number_a, rest_a) = a.split_at(digits_a);
            let (number_b, rest_b) = b.split_at(digits_b);
            let (short_a, short_b) = (number_a.trim_start_matches('0'), number_b.trim_start_matches('0'));
            let order = short_a.len().cmp(&short_b.len()).then_with(|| short_a.cmp(short_b));
            // Numbers of equal worth that are written differently are not the same text.
            match order.then_with(|| number_a.len().cmp(&number_b.len())) {
                Ordering::Equal => (a, b) = (rest_a, rest_b),
                other => return other,
            }
            continue;
        }
        let (mut chars_a, mut chars_b) = (a.chars(), b.chars());
        match (chars_a.next(), chars_b.next()) {
            (None, None) => return Ordering::Equal,
            (first_a, first_b) if first_a != first_b => return first_a.cmp(&first_b),
            _ => (a, b) = (chars_a.as_str(), chars_b.as_str()),
        }
    }
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(facts: &Json, path: &str, operator: &str, value: &str) -> bool {
        FactTest::new(path, Operator::of(operator).expect("an operator"), value).holds(facts)
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order(a in "[a-c0-2.]{0,6}", b in "[a-c0-2.]{0,6}", c in "[a-c0-2.]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }

    #[test]
    fn facts_compare_as_numbers_where_both_are() {
        let facts = json!({"mem": {"total": 8_589_934_592_u64}, "cpus": "4", "uptime": "2d", "load": 0.5});
        assert!(holds(&facts, "mem.total", ">=", "4GiB"));
        assert!(!holds(&facts, "mem.total", "<", "8 GiB"));
        assert!(holds(&facts, "cpus", "<", "10"));
        assert!(holds(&facts, "uptime", ">", "1h30m"));
        assert!(holds(&facts, "load", "=", "0.50"));
    }

    #[test]
    fn other_facts_compare_as_text_without_case() {
        let facts = json!({"os": {"name": "Debian GNU/Linux"}, "kernel": "6.12.3-amd64", "virtual": true});
        assert!(holds(&facts, "os.name", "=", "debian gnu/linux"));
        assert!(holds(&facts, "os.name", "*=", "bian"));
        assert!(holds(&facts, "kernel", "^=", "6."));
        assert!(!holds(&facts, "kernel", "^=", "6.2"));
        assert!(holds(&facts, "kernel", ">", "6.9.1"));
        assert!(holds(&facts, "virtual", "=", "true"));
    }

    #[test]
    fn a_list_passes_by_one_element_and_paths_go_through_it() {
        let facts = json!({"roles": ["web", "cache"], "nics": [{"name": "lo"}, {"name": "eth0"}]});
        assert!(holds(&facts, "roles", "=", "cache"));
        assert!(!holds(&facts, "roles", "!=", "cache"));
        assert!(holds(&facts, "roles", "!=", "db"));
        assert!(holds(&facts, "nics.name", "=", "eth0"));
    }

    #[test]
    fn a_missing_fact_passes_only_as_different() {
        let facts = json!({"a.b": {"c": 1}, "empty": null});
        assert!(holds(&facts, "a.b.c", "=", "1"));
        assert!(!holds(&facts, "a.b", "=", "1"));
        assert!(!holds(&facts, "role", "=", ""));
        assert!(!holds(&facts, "empty", "^=", ""));
        assert!(holds(&facts, "role", "!=", "db"));
    }
}
