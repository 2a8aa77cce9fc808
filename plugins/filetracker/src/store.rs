//! What is kept on the host: the patterns, and the points.

use std::time::SystemTime;

use failure::{Error, Kind, Timestamp, time, time_of};
use minion_sdk::kv;
use serde::{Deserialize, Serialize};

use crate::exports::minion::filetracker::filetracker::{Item, Point, State, Tracked};

/// The key of the patterns.
const PATTERNS: &str = "patterns";
/// What the key of a point begins with.
const POINT: &str = "point:";
/// The point that is meant where none is named.
const LAST: &str = "last";
/// The longest name of a point.
const LONGEST: usize = 64;
/// How often a change is tried again that another job was faster than.
const TRIES: u32 = 20;

/// The patterns, by their text: each with whether content counts.
type Patterns = Vec<(String, bool)>;

/// How all was at a point.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    made: i64,
    items: Vec<Kept>,
}

/// How something was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) path: String,
    pub(crate) kind: Is,
    pub(crate) size: u64,
    pub(crate) mode: String,
    /// The numbers of user and group.
    pub(crate) owner: String,
    pub(crate) modified: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Is {
    File,
    Folder,
    Link,
    Other,
}

impl Is {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Link => "link",
            Self::Other => "other",
        }
    }
}

impl Kept {
    pub(crate) fn of(item: Item) -> Self {
        let Item { path, kind, size, permissions, modified, target, sha256 } = item;
        Self {
            path,
            kind: match kind {
                Kind::File => Is::File,
                Kind::Folder => Is::Folder,
                Kind::Link => Is::Link,
                Kind::Other => Is::Other,
            },
            size,
            mode: permissions.mode,
            owner: format!("{}:{}", permissions.uid, permissions.gid),
            modified: modified.seconds,
            target,
            sha256,
        }
    }
}

/// The patterns that are tracked.
pub(crate) fn tracked() -> Result<Vec<Tracked>, Error> {
    Ok(read_patterns(kv::get(PATTERNS).map_err(of_kv)?.as_deref()))
}

fn read_patterns(bytes: Option<&[u8]>) -> Vec<Tracked> {
    let patterns: Patterns = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    patterns.into_iter().map(|(pattern, content)| Tracked { pattern, content }).collect()
}

/// Changes the patterns, and gives back what was changed, in words.
pub(crate) fn change(
    mut with: impl FnMut(&mut Vec<Tracked>) -> Result<Vec<String>, Error>,
) -> Result<Vec<String>, Error> {
    for _ in 0..TRIES {
        let before = kv::get(PATTERNS).map_err(of_kv)?;
        let mut all = read_patterns(before.as_deref());
        let words = with(&mut all)?;
        if words.is_empty() {
            return Ok(words);
        }
        let patterns: Patterns = all.into_iter().map(|tracked| (tracked.pattern, tracked.content)).collect();
        match kv::compare_and_set(PATTERNS, before.as_deref(), Some(&json(&patterns)?)) {
            Ok(true) | Err(kv::Error::DryRun(_)) => return Ok(words),
            Ok(false) => {}
            Err(error) => return Err(of_kv(error)),
        }
    }
    Err(Error::Busy("other jobs change what is tracked all the time: try again".to_owned()))
}

/// Keeps a point.
pub(crate) fn keep(name: &str, state: State) -> Result<(), Error> {
    let items = state.items.into_iter().map(Kept::of).collect();
    let snapshot = Snapshot { made: time_of(SystemTime::now()).seconds, items };
    match kv::set(&format!("{POINT}{name}"), json(&snapshot)?) {
        Ok(()) | Err(kv::Error::DryRun(_)) => Ok(()),
        Err(error) => Err(of_kv(error)),
    }
}

/// The points, by name.
pub(crate) fn points() -> Result<Vec<Point>, Error> {
    let (mut points, mut after) = (Vec::new(), None::<String>);
    loop {
        let keys = kv::list(POINT, after.as_deref(), 100).map_err(of_kv)?;
        let Some(last) = keys.last() else { return Ok(points) };
        after = Some(last.clone());
        for key in &keys {
            let name = key.trim_start_matches(POINT).to_owned();
            let (made, items) = point(&name)?;
            points.push(Point { name, made, items: u32::try_from(items.len()).unwrap_or(u32::MAX) });
        }
    }
}

/// When a point was made, and how all was then.
pub(crate) fn point(name: &str) -> Result<(Timestamp, Vec<Kept>), Error> {
    let bytes = kv::get(&format!("{POINT}{name}")).map_err(of_kv)?.ok_or_else(|| {
        Error::NotFound(format!("there is no point \"{name}\": `filetracker.mark` makes one"))
    })?;
    let snapshot: Snapshot = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Other(format!("the point \"{name}\" cannot be read: {error}")))?;
    Ok((time(snapshot.made), snapshot.items))
}

/// Forgets a point, and says whether there was one.
pub(crate) fn forget(name: &str) -> Result<bool, Error> {
    let key = format!("{POINT}{name}");
    match kv::delete(&key) {
        Ok(was) => Ok(was),
        Err(kv::Error::DryRun(_)) => Ok(kv::get(&key).map_err(of_kv)?.is_some()),
        Err(error) => Err(of_kv(error)),
    }
}

/// The name of a point.
pub(crate) fn name(point: Option<String>) -> Result<String, Error> {
    let name = point.unwrap_or_else(|| LAST.to_owned());
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=LONGEST).contains(&name.len()) && name.chars().all(fits) {
        return Ok(name);
    }
    let shown: String = name.chars().take(LONGEST).collect();
    Err(Error::Invalid(format!(
        "\"{}\" is no name of a point: write 1 to {LONGEST} letters, digits, `-`, `_` and `.`",
        shown.escape_debug()
    )))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Other(error.to_string()))
}

fn of_kv(error: kv::Error) -> Error {
    match error {
        kv::Error::Denied(text) => Error::Denied(text),
        kv::Error::Cancelled => Error::Cancelled,
        kv::Error::DryRun(text) => Error::DryRun(text),
        kv::Error::Other(text) => Error::Other(text),
    }
}
