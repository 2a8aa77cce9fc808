//! Patterns in which a `*` stands for any text.

/// Whether `text` has the form of `pattern`, in which each `*` stands for any text, and nothing else stands for anything.
///
/// What grants hold (arguments, paths of URLs, variables, facts) is compared so and not by a glob: `?`, `[` and `{` are
/// ordinary in it, and a `/` is text as any other.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = tail.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The earliest place is always good enough, since a star follows it.
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_within_a_pattern_match_any_text_there() {
        assert!(wildcard("--unit=*", "--unit=ssh"));
        assert!(wildcard("a*b*c", "a-b-b-c"));
        assert!(!wildcard("a*b*c", "a-c"));
        assert!(!wildcard("ab*ba", "aba"));
        assert!(wildcard("*ab*ab", "abab") && !wildcard("*ab*ab", "ab"));
        assert!(wildcard("*", "") && wildcard("a*", "a") && !wildcard("a*", "b"));
    }
}
