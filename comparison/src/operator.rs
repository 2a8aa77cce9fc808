//! What stands between a fact and a value: `=`, `!=`, `<`, `<=`, `>`, `>=`, `^=`, `*=`.

use std::cmp::Ordering;

use crate::as_counted;
use crate::quantity;

/// How a fact is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `^=`
    StartsWith,
    /// `*=`
    Contains,
}

/// What a fact is compared with, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    operator: Operator,
    /// As it was written: units have their case.
    value: String,
    /// The same in lower case, for comparisons as text.
    lower: String,
}

impl Operator {
    /// All of them, those first that others begin with.
    const ALL: [(&str, Self); 8] = [
        ("!=", Operator::NotEqual),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("^=", Operator::StartsWith),
        ("*=", Operator::Contains),
        ("=", Operator::Equal),
        ("<", Operator::Below),
        (">", Operator::Above),
    ];

    /// The operator that is written so.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(written, operator)| (written == text).then_some(operator))
    }

    /// The operator that a text begins with, and what stands behind it.
    pub fn take(text: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|(written, operator)| Some((operator, text.strip_prefix(written)?)))
    }
}

impl Comparison {
    /// A comparison with this value.
    pub fn new(operator: Operator, value: &str) -> Self {
        Self { operator, value: value.to_owned(), lower: value.to_lowercase() }
    }

    /// Whether it passes where the fact is another than the value.
    pub fn is_negated(&self) -> bool {
        self.operator == Operator::NotEqual
    }

    /// Whether it holds of a fact, where `any` says whether any of its elements passes.
    ///
    /// A fact that is a list passes if one of its elements does. `!=` is the complement of `=`: it passes where there is no
    /// such fact.
    pub fn holds(&self, any: impl FnOnce(&dyn Fn(&str) -> bool) -> bool) -> bool {
        match self.operator {
            Operator::NotEqual => !any(&|fact| self.order(fact) == Ordering::Equal),
            _ => any(&|fact| self.passes(fact)),
        }
    }

    fn passes(&self, fact: &str) -> bool {
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

    /// As numbers where both are numbers, otherwise as text without case.
    fn order(&self, fact: &str) -> Ordering {
        quantity::compare(fact, &self.value).unwrap_or_else(|| as_counted(&fact.to_lowercase(), &self.lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(fact: Option<&str>, operator: &str, value: &str) -> bool {
        let operator = Operator::of(operator).expect("an operator");
        Comparison::new(operator, value).holds(|passes| fact.is_some_and(passes))
    }

    #[test]
    fn numbers_compare_as_numbers_and_all_else_as_text_without_case() {
        for (fact, operator, value, expected) in [
            ("8589934592", ">=", "4GiB", true),
            ("8589934592", "<", "8 GiB", false),
            ("4", "<", "10", true),
            ("2d", ">", "1h30m", true),
            ("0.5", "=", "0.50", true),
            ("Debian GNU/Linux", "=", "debian gnu/linux", true),
            ("Debian GNU/Linux", "*=", "bian", true),
            ("6.12.3-amd64", "^=", "6.", true),
            ("6.12.3-amd64", "^=", "6.2", false),
            ("6.12.3-amd64", ">", "6.9.1", true),
            ("6.12.3-amd64", "<=", "6.12.3-AMD64", true),
            ("nan", "=", "inf", false),
        ] {
            assert_eq!(holds(Some(fact), operator, value), expected, "{fact} {operator} {value}");
        }
    }

    #[test]
    fn what_is_not_there_is_different_and_nothing_else() {
        for (_, operator) in Operator::ALL {
            let comparison = Comparison::new(operator, "");
            assert_eq!(comparison.holds(|_| false), operator == Operator::NotEqual, "{operator:?}");
            assert_eq!(comparison.is_negated(), operator == Operator::NotEqual);
        }
        assert!(holds(Some("db"), "!=", "web") && !holds(Some("DB"), "!=", "db"));
    }

    #[test]
    fn an_operator_is_taken_as_long_as_it_is() {
        assert_eq!(Operator::take("<=4"), Some((Operator::AtMost, "4")));
        assert_eq!(Operator::take("<4"), Some((Operator::Below, "4")));
        assert_eq!(Operator::take("~4"), None);
        assert_eq!(Operator::of("<=4"), None);
    }
}
