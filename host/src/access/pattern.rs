//! A glob of the access list, and what it covers where it allows something.

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use policy::steps_up;

use crate::policy::{BadGlob, compile_glob};

/// A glob, compiled.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern {
    whole: GlobMatcher,
    /// The parts of one on addresses, each of which covers that part of an address alone.
    address: Option<AddressPattern>,
}

/// A glob on addresses as `https://*.example.org/v1/*`.
#[derive(Clone, Debug)]
struct AddressPattern {
    /// The scheme, with `://`.
    scheme: String,
    /// Host and port.
    authority: GlobMatcher,
    /// What follows them up to a query; `None` where the glob ends before it.
    path: Option<GlobMatcher>,
    /// Whether it ends in a `*`, which covers a query and a fragment too.
    is_open: bool,
}

impl Pattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// Whether it covers a text that is allowed by it: a `*` stands neither for the way out of a folder, however that is written,
    /// nor for the end of a part of an address.
    pub(super) fn covers(&self, text: &str) -> bool {
        self.matches(text)
            && climbs(text) <= climbs(self.text())
            && self.address.as_ref().is_none_or(|address| address.covers(text))
    }

    /// The glob as it was written.
    pub(super) fn text(&self) -> &str {
        self.whole.glob().glob()
    }
}

impl AddressPattern {
    /// The parts of a glob on addresses; `None` where it is on other texts, or its host is not all that stands before the path.
    fn of(glob: &str) -> Option<Self> {
        let (scheme, rest) = glob.split_once("://")?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(format!("/{path}"))),
            None => (rest, None),
        };
        let compiled = |glob: &str| Glob::new(glob).ok().map(|glob| glob.compile_matcher());
        Some(Self {
            scheme: format!("{scheme}://"),
            authority: compiled(authority)?,
            path: match path {
                Some(path) => Some(compiled(&path)?),
                None => None,
            },
            is_open: glob.ends_with('*'),
        })
    }

    fn covers(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.scheme.as_str()) else {
            // The scheme is a pattern as well, of which nothing more is known.
            return self.scheme.contains(['*', '?', '[', '{']);
        };
        // What programs take for the end of the host, by whatever rules they read addresses.
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let path = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
        let is_plain = !authority.contains(['@', '%']) && !path.contains('\\');
        let is_path = match &self.path {
            Some(glob) => glob.is_match(path) && (self.is_open || path.len() == rest.len()),
            None => self.is_open || rest.is_empty(),
        };
        is_plain && self.authority.is_match(authority) && is_path
    }
}

/// How many times a text goes to the folder above in whatever way programs may read it: with escapes of addresses and with what ends
/// a path in them.
fn climbs(text: &str) -> usize {
    let (mut most, mut read) = (0, text.to_owned());
    // Some programs read escapes twice.
    for _ in 0..3 {
        let parts: String =
            read.chars().map(|c| if matches!(c, '\\' | '?' | '#' | ';' | '&') { '/' } else { c }).collect();
        most = most.max(steps_up(&parts));
        let unescaped = unescaped(&read);
        if unescaped == read {
            break;
        }
        read = unescaped;
    }
    most
}

/// A text with the escapes of addresses in it as what they stand for, as far as that is a step or separates two.
fn unescaped(text: &str) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(place) = rest.find('%') {
        out.push_str(&rest[..place]);
        let code = rest.get(place + 1..place + 3).map(str::to_ascii_lowercase);
        let stands_for = match code.as_deref() {
            Some("2e") => Some('.'),
            Some("2f") => Some('/'),
            Some("5c") => Some('\\'),
            Some("25") => Some('%'),
            _ => None,
        };
        out.push(stands_for.unwrap_or('%'));
        rest = &rest[place + if stands_for.is_some() { 3 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

impl Default for Pattern {
    fn default() -> Self {
        let whole = Glob::new("*").expect("a star is a glob").compile_matcher();
        Self { whole, address: None }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadGlob;

    fn try_from(glob: String) -> Result<Self, BadGlob> {
        Ok(Self { whole: compile_glob(&glob, "access")?, address: AddressPattern::of(&glob) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_that_allows_ends_where_a_part_of_an_address_ends_and_leads_out_of_no_folder() {
        let api = "https://api.example.org/v1/*";
        let below = "https://*.example.org/v1/*";
        for (glob, text, covered) in [
            (api, "https://api.example.org/v1/things?all=1#top", true),
            (api, "https://api.example.org/v1/%7Ebob", true),
            (api, "https://api.example.org/v1/../admin", false),
            (api, "https://api.example.org/v1/%2e%2E/admin", false),
            (api, "https://api.example.org/v1/.%2e/admin", false),
            (api, "https://api.example.org/v1/%252e%252e/admin", false),
            (api, "https://api.example.org/v1/..%2fadmin", false),
            (api, "https://api.example.org/v1/..%5cadmin", false),
            (api, "https://api.example.org/v1/..\\admin", false),
            (api, "https://api.example.org/v1/a\\b", false),
            (api, "https://api.example.org/v1/..?x", false),
            (api, "https://api.example.org/v1/..#x", false),
            (api, "https://api.example.org/v1/..;x/admin", false),
            (below, "https://a.b.example.org/v1/x", true),
            (below, "https://evil.org/.example.org/v1/x", false),
            (below, "https://evil.org?.example.org/v1/x", false),
            (below, "https://evil.org#.example.org/v1/x", false),
            (below, "https://evil.org\\.example.org/v1/x", false),
            (below, "https://x@evil.org/.example.org/v1/x", false),
            (below, "https://evil.org%2f.example.org/v1/x", false),
            ("https://api.example.org/*.html", "https://api.example.org/a/b.html", true),
            ("https://api.example.org/*.html", "https://api.example.org/admin?x.html", false),
            ("https://api.example.org", "https://api.example.org", true),
            ("https://*", "https://api.example.org/v1?x", true),
            ("/srv/*", "/srv/a/%2e%2e/x", false),
            ("/srv/*", "/srv/100%/x", true),
            ("/srv/*", "/srv/a..b/..c", true),
            ("../*", "../x", true),
            ("*", "a?b#c\\d", true),
        ] {
            let pattern = Pattern::try_from(glob.to_owned()).expect("a glob");
            assert_eq!(pattern.covers(text), covered, "{glob} {text}");
        }
    }
}
