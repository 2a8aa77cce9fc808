//! What one module may do on a host, as people write it: a table `[modules.GLOB]` of `minion.toml`, and the levels
//! of the same tables that a module suggests.
//!
//! [`ModulePolicy`] is what a module may do; an [`Entry`] is one table that adds to it, and a [`Suggestion`] what
//! a module proposes. Each capability has its grants in a file: what they look like, and what they cover. Nothing
//! here acts on them: the minion's sandbox asks before it opens, runs or sends anything, and looks again at what
//! it opened.
//!
//! The minion reads the first to decide, and the second to propose it. The SDK's macro reads the second while a
//! module is built, so this crate has few dependencies and none of ours.

mod address;
mod argument;
mod entry;
mod files;
pub mod given;
mod http;
mod limits;
mod probe;
mod process;
mod rollback;
pub mod size;
pub mod suggestion;
mod url_path;
mod variable;
mod working_folder;

pub use address::{Realm, realm};
pub use entry::{Entry, Grants, ModulePolicy};
pub use files::{FileGrant, FileMode, Shown, Symlinks};
pub use http::{BadUrl, HttpGrant, HttpTarget, Reach};
pub use limits::Limits;
pub use probe::{BadProbe, ProbeGrant, ProbeTarget};
pub use process::{Free, ProcessGrant};
pub use rollback::RollbackRule;
pub use suggestion::{Level, LevelName, Suggestion};
pub use url_path::Ambiguous;
pub use working_folder::{BadFolder, WorkingFolder};

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
