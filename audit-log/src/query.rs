//! Which entries fit what is asked for.

use std::collections::VecDeque;

use globset::{Glob, GlobMatcher};
use serde_json::{Map, Value};
use wire::message::audit::{AuditQuery, Decision, MAX_ENTRIES};

use crate::entries::AuditEntries;
use crate::error::AuditError;

/// A text that was to be a glob, and cannot be read as one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{glob}\" is not a glob: {reason}")]
pub struct BadGlob {
    glob: String,
    reason: String,
}

/// An [`AuditQuery`] that is ready to be held against entries.
#[derive(Clone, Debug)]
pub struct Matcher {
    since: Option<u64>,
    operator: Option<GlobMatcher>,
    method: Option<GlobMatcher>,
    minion: Option<GlobMatcher>,
    decision: Option<Decision>,
    limit: usize,
}

impl Matcher {
    /// Reads the globs of a query.
    ///
    /// # Errors
    /// [`BadGlob`], with the one that cannot be read.
    pub fn new(query: &AuditQuery) -> Result<Self, BadGlob> {
        Ok(Self {
            since: query.since,
            operator: compiled(query.operator.as_deref())?,
            method: compiled(query.method.as_deref())?,
            minion: compiled(query.minion.as_deref())?,
            decision: query.decision,
            limit: query.limit.min(MAX_ENTRIES),
        })
    }

    /// Whether an entry fits: one line of an audit log. What is not JSON fits nothing.
    pub fn fits(&self, entry: &str) -> bool {
        let Ok(Value::Object(entry)) = serde_json::from_str(entry) else { return false };
        self.fits_time(&entry)
            && fits(self.operator.as_ref(), &entry, &["operator"])
            && fits(self.method.as_ref(), &entry, &["method"])
            && fits(self.minion.as_ref(), &entry, &["minion", "minions"])
            && self.decision.is_none_or(|decision| text(&entry, "decision") == Some(decision.as_str()))
    }

    /// The newest entries that fit, the oldest of them first: as many as were asked for, in at most [`MAX_BYTES`] of
    /// text. What is added later is still to come from `entries`. A line that is no entry is left out.
    ///
    /// # Errors
    /// [`AuditError::File`], where a file cannot be read.
    pub fn newest(&self, entries: &mut AuditEntries) -> Result<Vec<String>, AuditError> {
        let (mut found, mut bytes) = (VecDeque::new(), 0);
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(AuditError::NotAnEntry { .. }) => continue,
                Err(error) => return Err(error),
            };
            if !self.fits(&entry) {
                continue;
            }
            bytes += entry.len();
            found.push_back(entry);
            while found.len() > self.limit || bytes > MAX_BYTES {
                bytes -= found.pop_front().map_or(0, |entry| entry.len());
            }
        }
        Ok(found.into())
    }

    fn fits_time(&self, entry: &Map<String, Value>) -> bool {
        let Some(since) = self.since else { return true };
        time(entry).and_then(milliseconds).is_some_and(|at| at >= since)
    }
}

/// When an entry was written, as RFC 3339. Overlords used to call it `at`.
pub(crate) fn time(entry: &Map<String, Value>) -> Option<&str> {
    text(entry, "time").or_else(|| text(entry, "at"))
}

fn milliseconds(time: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(time).ok()?;
    u64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn compiled(glob: Option<&str>) -> Result<Option<GlobMatcher>, BadGlob> {
    let compile = |glob: &str| match Glob::new(glob) {
        Ok(compiled) => Ok(compiled.compile_matcher()),
        Err(error) => Err(BadGlob { glob: glob.to_owned(), reason: error.kind().to_string() }),
    };
    glob.map(compile).transpose()
}

/// Whether one of these members is a text that the glob matches, or a list with such a text.
fn fits(glob: Option<&GlobMatcher>, entry: &Map<String, Value>, members: &[&str]) -> bool {
    let Some(glob) = glob else { return true };
    members.iter().filter_map(|member| entry.get(*member)).any(|value| match value {
        Value::String(text) => glob.is_match(text),
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).any(|text| glob.is_match(text)),
        _ => false,
    })
}

fn text<'a>(entry: &'a Map<String, Value>, member: &str) -> Option<&'a str> {
    entry.get(member)?.as_str()
}

/// The most text that an answer may hold, in bytes.
pub const MAX_BYTES: usize = 8 << 20;

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::AuditLog;

    fn fits(query: AuditQuery, entry: &str) -> bool {
        Matcher::new(&query).unwrap().fits(entry)
    }

    #[test]
    fn an_entry_fits_what_it_says_and_nothing_that_it_does_not_say() {
        let entry = r#"{"time":"2026-01-02T03:04:05.678Z","event":"call","operator":"ann","method":"service.restart",
            "minions":["web1","db1"],"decision":"denied"}"#;
        let old = r#"{"at":"2026-01-02T03:04:05.678Z","minion":"web1"}"#;
        let none = AuditQuery::default();
        let glob = |glob: &str| Some(glob.to_owned());
        for (query, fitting) in [
            (none.clone(), [true, true]),
            (AuditQuery { operator: glob("a*"), ..none.clone() }, [true, false]),
            (AuditQuery { operator: glob("bob"), ..none.clone() }, [false, false]),
            (AuditQuery { method: glob("service.*"), ..none.clone() }, [true, false]),
            (AuditQuery { minion: glob("web*"), ..none.clone() }, [true, true]),
            (AuditQuery { minion: glob("db?"), ..none.clone() }, [true, false]),
            (AuditQuery { decision: Some(Decision::Denied), ..none.clone() }, [true, false]),
            (AuditQuery { decision: Some(Decision::Allowed), ..none.clone() }, [false, false]),
            (AuditQuery { since: Some(1_767_323_045_678), ..none.clone() }, [true, true]),
            (AuditQuery { since: Some(1_767_323_045_679), ..none.clone() }, [false, false]),
        ] {
            assert_eq!([entry, old].map(|entry| fits(query.clone(), entry)), fitting, "{query:?}");
        }
        assert!(!fits(none, "spoiled"));
    }

    #[test]
    fn a_glob_that_cannot_be_read_is_named() {
        let query = AuditQuery { method: Some("service.[".into()), ..AuditQuery::default() };
        let error = Matcher::new(&query).unwrap_err();
        assert!(error.to_string().starts_with("\"service.[\" is not a glob"), "{error}");
    }

    #[test]
    fn the_newest_that_fit_are_given_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        for n in 0..20 {
            log.append(&format!("{{\"operator\":\"{}\",\"n\":{n}}}", if n % 2 == 0 { "ann" } else { "bob" }))
                .unwrap();
        }
        let query = AuditQuery { operator: Some("ann".into()), limit: 3, ..AuditQuery::default() };
        let (matcher, mut entries) = (Matcher::new(&query).unwrap(), AuditEntries::open(&path).unwrap());
        let newest = matcher.newest(&mut entries).unwrap();
        let numbers = [14, 16, 18].map(|n| format!("\"n\":{n},"));
        assert!(
            newest.len() == 3 && newest.iter().zip(&numbers).all(|(entry, n)| entry.contains(n)),
            "{newest:?}"
        );
        log.append(r#"{"operator":"ann"}"#).unwrap();
        assert_eq!(matcher.newest(&mut entries).unwrap().len(), 1);
    }
}
