//! Globs on minion names: `*`, `?` and `[…]`.
//!
//! Made for many patterns over many names: a glob is a list of parts, which takes no time to make, and its literal
//! beginning narrows sorted names down before any is looked at. Written by hand, because an expression may hold a
//! hundred thousand globs, and `globset` compiles each to a regular expression, which costs a hundred times as
//! much.

use std::ops::RangeInclusive;

/// A glob, as it is written: in lower case where it is on names of minions, as those are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Piece>,
}

/// One part of a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// This byte.
    Byte(u8),
    /// `?`: any one byte.
    One,
    /// `[…]`: one byte of these, or, negated, of all others.
    Class { negated: bool, ranges: Vec<RangeInclusive<u8>> },
    /// `*`: any bytes, or none.
    Many,
}

impl Glob {
    /// The glob of a pattern in ASCII; `None` where a `[…]` in it is empty, unclosed or has a
    /// range that runs backwards.
    pub fn new(pattern: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = pattern.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'*' if parts.last() == Some(&Piece::Many) => {}
                b'*' => parts.push(Piece::Many),
                b'?' => parts.push(Piece::One),
                b'[' => {
                    let end = rest.iter().position(|byte| *byte == b']')?;
                    parts.push(class(&rest[..end])?);
                    rest = &rest[end + 1..];
                }
                byte => parts.push(Piece::Byte(*byte)),
            }
        }
        Some(Self { parts })
    }

    /// The beginning that every name has that the glob matches.
    pub(super) fn prefix(&self) -> String {
        let bytes = self.parts.iter().map_while(|part| match part {
            Piece::Byte(byte) => Some(char::from(*byte)),
            _ => None,
        });
        bytes.collect()
    }

    /// Whether it matches a whole name.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let (mut part, mut at) = (0, 0);
        // The place of the last `*`, and how far it has reached: it takes one more byte on every failure.
        let mut star: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.parts.get(part) {
                Some(Piece::Many) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(one) if one.takes(name[at]) => {
                    part += 1;
                    at += 1;
                }
                _ => match &mut star {
                    Some((many, reach)) => {
                        *reach += 1;
                        (part, at) = (*many, *reach);
                    }
                    None => return false,
                },
            }
        }
        self.parts[part..].iter().all(|part| *part == Piece::Many)
    }
}

impl Piece {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Piece::Byte(own) => *own == byte,
            Piece::One => true,
            Piece::Class { negated, ranges } => ranges.iter().any(|range| range.contains(&byte)) != *negated,
            Piece::Many => false,
        }
    }
}

fn class(inner: &[u8]) -> Option<Piece> {
    let (negated, mut rest) = match inner.split_first()? {
        (b'!' | b'^', rest) => (true, rest),
        _ => (false, inner),
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let mut ranges = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        let range = match after {
            [b'-', last, after @ ..] => {
                rest = after;
                first..=*last
            }
            _ => {
                rest = after;
                first..=first
            }
        };
        if range.is_empty() || !fits(*range.start()) || !fits(*range.end()) {
            return None;
        }
        ranges.push(range);
    }
    (!ranges.is_empty()).then_some(Piece::Class { negated, ranges })
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn regex(pattern: &str) -> regex::Regex {
        let pattern = pattern.replace('.', r"\.").replace("[!", "[^").replace('*', ".*").replace('?', ".");
        regex::Regex::new(&format!("^{pattern}$")).unwrap()
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_its_regular_expression_matches(
            pattern in r"([ab.-]|\*|\?|\[ab\]|\[!a\]|\[a-b0-9\]){0,8}",
            name in "[ab0.-]{0,10}",
        ) {
            let glob = Glob::new(&pattern).unwrap();
            prop_assert_eq!(glob.matches(&name), regex(&pattern).is_match(&name));
            prop_assert!(!glob.matches(&name) || name.starts_with(&glob.prefix()));
        }

        #[test]
        fn any_pattern_is_a_glob_or_not(pattern in r"[\[\]a-c!^*?-]{0,12}") {
            if let Some(glob) = Glob::new(&pattern) {
                glob.matches("abc");
            }
        }
    }

    #[test]
    fn a_class_is_of_letters_digits_dashes_and_dots() {
        for (pattern, inside, outside) in [
            ("[a-c]", "abc", "d-"),
            ("[-a]", "-a", "b."),
            ("[a-]", "-a", "b."),
            ("[.0-2x]", ".012x", "3-y"),
            ("[!a.]", "b-0", "a."),
            ("[^a-b]", "c-.", "ab"),
        ] {
            let glob = Glob::new(pattern).unwrap();
            let matches = |c: char| glob.matches(&c.to_string());
            assert!(inside.chars().all(matches), "{pattern}");
            assert!(!outside.chars().any(matches), "{pattern}");
        }
        for pattern in ["[]", "[!]", "[b-a]", "[_]", "[_-a]", "[a-~]", "[a*]", "[a"] {
            assert_eq!(Glob::new(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn the_beginning_ends_where_the_first_part_is_that_is_no_byte() {
        for (pattern, prefix) in
            [("web-?1", "web-"), ("db1*", "db1"), ("db1", "db1"), ("[w]eb", ""), ("*", "")]
        {
            assert_eq!(Glob::new(pattern).unwrap().prefix(), prefix, "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = Glob::new(&"*a".repeat(100)).unwrap();
        assert!(!glob.matches(&"a".repeat(99)));
    }
}
