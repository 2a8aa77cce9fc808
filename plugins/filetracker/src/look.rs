//! How what is tracked is now.

use std::collections::BTreeMap;

use failure::{Error, Kind};
use host_files::{paths, reading, search, status};
use minion_sdk::job;
use sha2::Sha256;

use crate::exports::minion::filetracker::filetracker::{Item, State, Tracked};
use crate::pattern::Place;

/// The most items that are looked at.
const MOST: usize = 10_000;

/// All that these patterns are for.
pub(crate) fn at(tracked: &[Tracked]) -> Result<State, Error> {
    let mut found = Found::default();
    for Tracked { pattern, content } in tracked {
        found.add(pattern, *content)?;
    }
    let more = found.more || found.paths.len() > MOST;
    let paths: Vec<String> = found.paths.keys().take(MOST).cloned().collect();
    let all = status::all(&paths)?;
    let total = all.len() as u64;
    let mut items = Vec::new();
    for (number, status) in all.into_iter().enumerate() {
        job::progress(number as u64, total, "looking at what is tracked");
        let content = found.paths.get(&status.path).copied().unwrap_or_default();
        items.push(item(status, content)?);
    }
    Ok(State { items, more, hidden: found.hidden })
}

/// The paths that patterns are for, each with whether its content counts.
#[derive(Default)]
struct Found {
    paths: BTreeMap<String, bool>,
    more: bool,
    hidden: u32,
}

impl Found {
    fn add(&mut self, pattern: &str, content: bool) -> Result<(), Error> {
        let paths = match Place::of(pattern)? {
            Place::Path(path) => vec![paths::place(&path)?],
            Place::Below(folder, rest) => match search::find(&folder, &rest, None, MOST) {
                Ok(found) => {
                    self.more |= found.more;
                    self.hidden += found.hidden;
                    found.matches.into_iter().map(|found| found.path).collect()
                }
                // What was there may be gone, which is a change like others.
                Err(Error::NotFound(_)) => Vec::new(),
                Err(Error::Denied(_)) => {
                    self.hidden += 1;
                    Vec::new()
                }
                Err(error) => return Err(error),
            },
        };
        for path in paths {
            *self.paths.entry(path).or_default() |= content;
        }
        Ok(())
    }
}

fn item(status: status::Status, content: bool) -> Result<Item, Error> {
    let status::Status { path, kind, size, permissions, modified, .. } = status;
    let target = if kind == Kind::Link { paths::target(&path)? } else { None };
    let sum = (content && kind == Kind::File).then(|| reading::digest::<Sha256>(&path)).transpose();
    let sha256 = match sum {
        Ok(sum) => sum,
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        // What may not be read is compared by its size and time, and what is gone meanwhile as well.
        Err(_) => None,
    };
    Ok(Item { path, kind, size, permissions, modified, target, sha256 })
}
