//! Names of minions, operators, modules and methods, parsed once at the edge into types that cannot be wrong.
//!
//! Whoever holds one of these types need not check its text again, wherever it came from: deserializing parses
//! too.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The error for a text that does not have the form of the name that it was given for.
///
/// Its message repeats at most 80 characters of the text, says what was expected, and gives the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" is not {what}: {rule}")]
pub struct BadName {
    given: String,
    what: &'static str,
    rule: &'static str,
}

impl BadName {
    fn new(given: &str, what: &'static str, rule: &'static str) -> Self {
        let mut given: String = given.chars().take(80).collect();
        given.retain(|c| !c.is_control());
        Self { given, what, rule }
    }
}

/// Declares a name type: a string that was checked by `$check`, and its conversions.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        ///
        /// Sorts as people count: `web2` before `web10`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                as_counted(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                $check(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

pub use comparison::as_counted;

name! {
    /// A minion's name: labels of a host name, each at most 63 letters, digits and `-`, with dots between them, at
    /// most 253 bytes in all. Kept in lower case.
    MinionName, host_name
}

name! {
    /// An operator's name: 1 to 64 letters, digits, `.`, `_`, `@` and `-`.
    OperatorName, operator_name
}

name! {
    /// The name of a role that operators have: 1 to 64 letters, digits, `.`, `_`, `@` and `-`.
    RoleName, role_name
}

name! {
    /// A module's name, which is the stem of its file: 1 to 64 letters, digits, `-` and `_`.
    ModuleName, module_name
}

/// A module and a method of it, as operators write them: `module.method`, or `module.interface/method` where two
/// interfaces of the module export the name. The interface may be written in full, as in
/// `service.acme:service/unit@1.0.0/restart`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MethodPath {
    /// The module that exports the method.
    pub module: ModuleName,
    /// The method, at most 512 bytes, with its interface before a `/` where that was given.
    pub method: String,
}

impl FromStr for MethodPath {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let rule = "write MODULE.METHOD, for example test.ping";
        let bad = || BadName::new(text, "a method", rule);
        let (module, method) = text.split_once('.').ok_or_else(bad)?;
        let fits = is_short(method) || is_full(method);
        if !fits {
            return Err(bad());
        }
        Ok(Self { module: module.parse()?, method: method.to_owned() })
    }
}

impl MethodPath {
    /// Whether the method is named without a package, at most by its interface's own name. Peers that speak a
    /// version of the messages before the third know no other form.
    pub fn is_short(&self) -> bool {
        is_short(&self.method)
    }

    /// The method's own name, without its interface.
    pub fn function(&self) -> &str {
        self.method.rsplit('/').next().unwrap_or_default()
    }
}

/// Whether this is `restart`, or `unit/restart`.
fn is_short(method: &str) -> bool {
    method.len() <= 200 && method.split('/').count() <= 2 && method.split('/').all(is_kebab)
}

/// Whether this is `acme:service/unit@1.0.0/restart`, or `/restart` for a function at the root.
fn is_full(method: &str) -> bool {
    let Some((interface, function)) = method.rsplit_once('/') else { return false };
    let parts = |name: &str| name.split([':', '/']).all(is_kebab);
    let (path, version) = interface.split_once('@').unwrap_or((interface, "0"));
    let is_version = !version.is_empty()
        && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    method.len() <= MAX_METHOD && is_kebab(function) && (interface.is_empty() || parts(path)) && is_version
}

fn is_kebab(part: &str) -> bool {
    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// The longest name of a method with its interface, in bytes.
const MAX_METHOD: usize = 512;

impl TryFrom<String> for MethodPath {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<MethodPath> for String {
    fn from(path: MethodPath) -> String {
        path.to_string()
    }
}

impl fmt::Display for MethodPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module, self.method)
    }
}

fn host_name(text: &str) -> Result<String, BadName> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(BadName::new(text, "a minion name", "use letters, digits and \"-\", as in a host name"))
    }
}

fn operator_name(text: &str) -> Result<String, BadName> {
    account_name(text, "an operator name")
}

fn role_name(text: &str) -> Result<String, BadName> {
    account_name(text, "a role name")
}

fn account_name(text: &str, what: &'static str) -> Result<String, BadName> {
    let fits = (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-'));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(BadName::new(text, what, "use 1 to 64 letters, digits, \".\", \"_\", \"@\" or \"-\""))
    }
}

fn module_name(text: &str) -> Result<String, BadName> {
    let fits = (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(BadName::new(text, "a module name", "use 1 to 64 letters, digits, \"-\" or \"_\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minion_names_are_host_labels_in_lower_case() {
        assert_eq!("Web-1.example".parse::<MinionName>().expect("fits").as_str(), "web-1.example");
        for bad in ["", "-web", "web-", "a..b", "web_1", "we b", "web*", &"x".repeat(64)] {
            assert!(bad.parse::<MinionName>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn names_sort_as_people_count() {
        let mut names: Vec<MinionName> =
            ["web10", "web2", "db1", "web01", "web1", "web1.b", "web", "web1-a", "10", "9"]
                .map(|name| name.parse().expect("a name"))
                .into();
        names.sort();
        let sorted: Vec<&str> = names.iter().map(MinionName::as_str).collect();
        assert_eq!(sorted, ["9", "10", "db1", "web", "web1", "web1-a", "web1.b", "web01", "web2", "web10"]);
    }

    #[test]
    fn method_paths_have_two_parts_and_an_optional_interface() {
        let path: MethodPath = "service.unit/restart".parse().expect("fits");
        assert_eq!((path.module.as_str(), path.method.as_str()), ("service", "unit/restart"));
        assert_eq!((path.is_short(), path.function()), (true, "restart"));
        for (longest, fits) in [(200, true), (201, false)] {
            let named = format!("m.{}", "f".repeat(longest)).parse::<MethodPath>();
            assert_eq!(named.is_ok(), fits, "{longest}");
        }
        for (longest, fits) in [(510, true), (511, false)] {
            let named = format!("m.i/{}", "f".repeat(longest)).parse::<MethodPath>();
            assert_eq!(named.is_ok(), fits, "{longest}");
        }
        for full in ["ver.acme:kv/store@2.0.0-rc.1+b/get", "ver./get", "a.b/c/d", "a.x:y:z/i/f"] {
            let path: MethodPath = full.parse().expect(full);
            assert!(!path.is_short() && !path.function().contains('/'), "{full}");
            assert_eq!(path.to_string(), full);
        }
        for bad in [
            "service",
            "service.",
            ".restart",
            "a.b.c",
            "a.b c",
            "a.//f",
            "a./",
            "a.b@/f",
            "a.:b/f",
            "a.b@1@2/f",
        ] {
            assert!(bad.parse::<MethodPath>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn what_is_no_name_is_repeated_with_the_rule() {
        fn said<N: FromStr<Err = BadName>>(text: &str) -> String {
            text.parse::<N>().err().expect("refused").to_string()
        }
        for (said, expected) in [
            (
                said::<MinionName>("a b"),
                r#""a b" is not a minion name: use letters, digits and "-", as in a host name"#,
            ),
            (
                said::<OperatorName>("a/b"),
                r#""a/b" is not an operator name: use 1 to 64 letters, digits, ".", "_", "@" or "-""#,
            ),
            (
                said::<ModuleName>("a.b"),
                r#""a.b" is not a module name: use 1 to 64 letters, digits, "-" or "_""#,
            ),
            (
                said::<MethodPath>("ping"),
                r#""ping" is not a method: write MODULE.METHOD, for example test.ping"#,
            ),
            (
                said::<ModuleName>("\u{1b}[2J\u{9b}"),
                r#""[2J" is not a module name: use 1 to 64 letters, digits, "-" or "_""#,
            ),
        ] {
            assert_eq!(said, expected);
        }
        assert!(said::<ModuleName>(&"x".repeat(500)).starts_with(&format!("\"{}\" is", "x".repeat(80))));
    }

    #[test]
    fn a_name_from_a_peer_is_checked_like_one_that_was_typed() {
        let bytes = postcard::to_stdvec("../../etc").expect("encodes");
        assert!(postcard::from_bytes::<ModuleName>(&bytes).is_err());
    }

    #[test]
    fn names_may_be_as_long_as_it_says_and_no_longer() {
        fn longest<N: FromStr>(most: usize) {
            assert!("x".repeat(most).parse::<N>().is_ok(), "{most}");
            assert!("x".repeat(most + 1).parse::<N>().is_err(), "{}", most + 1);
            assert!("".parse::<N>().is_err());
        }
        longest::<MinionName>(63);
        longest::<OperatorName>(64);
        longest::<ModuleName>(64);
        let labels = |last: usize| {
            format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(last))
        };
        assert!(labels(61).parse::<MinionName>().is_ok());
        assert!(labels(62).parse::<MinionName>().is_err());
        for good in ["ann", "a.n_n@b-c"] {
            assert!(good.parse::<OperatorName>().is_ok(), "{good}");
        }
        for bad in ["a b", "a/b", "ä", "a\n"] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad:?}");
            assert!(bad.parse::<ModuleName>().is_err(), "{bad:?}");
        }
        assert!("mod_u-le".parse::<ModuleName>().is_ok() && "a.b".parse::<ModuleName>().is_err());
    }
}
