//! Tests on facts: `os=debian`, `mem.total>=4GiB`.

use comparison::{Comparison, Operator};
use serde_json::Value as Json;

/// A test on one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FactTest {
    /// The path of the fact: names of members with dots between them.
    path: String,
    /// What it is to be.
    comparison: Comparison,
}

impl FactTest {
    /// A test of the fact at `path`.
    pub(super) fn new(path: &str, operator: Operator, value: &str) -> Self {
        Self { path: path.to_owned(), comparison: Comparison::new(operator, value) }
    }

    /// Whether a minion with these facts passes.
    pub(super) fn holds(&self, facts: &Json) -> bool {
        self.comparison.holds(|passes| any(facts, &self.path, passes))
    }

    /// The path of the fact.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it passes where the fact is not the one that it names.
    pub(super) fn is_negated(&self) -> bool {
        self.comparison.is_negated()
    }

    /// Whether these facts have the one that is tested.
    pub(super) fn is_told(&self, facts: &Json) -> bool {
        any(facts, &self.path, &|_| true)
    }
}

/// Whether any scalar at `path` passes. Every element of a list on the way is looked at; a member's name may
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(facts: &Json, path: &str, operator: &str, value: &str) -> bool {
        FactTest::new(path, Operator::of(operator).expect("an operator"), value).holds(facts)
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
        let facts = json!({"a.b": {"c": 1, "": 2}, "os": "debian", "empty": null});
        assert!(holds(&facts, "a.b.c", "=", "1"));
        assert!(!holds(&facts, "a.b", "=", "1"));
        assert!(!holds(&facts, "a.b", "=", "2"));
        assert!(!holds(&facts, "os.name", "=", "debian"));
        assert!(!holds(&facts, "role", "=", ""));
        assert!(!holds(&facts, "empty", "^=", ""));
        assert!(holds(&facts, "role", "!=", "db"));
    }
}
