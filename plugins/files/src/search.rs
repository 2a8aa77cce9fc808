//! What is in folders.

use failure::{Error, Kind};
use host_files::errors::of_io;
use host_files::{paths, search, status};

use crate::exports::minion::files::files::{Entry, Match, Search};

/// The most entries of a folder that are listed.
const MOST_LISTED: usize = 10_000;
/// The most matches of a search.
const MOST_FOUND: u32 = 10_000;

/// What is in a folder, by name.
pub(crate) fn list(path: &str) -> Result<Vec<Entry>, Error> {
    let folder = paths::followed(path)?;
    let mut names = search::names(&folder).map_err(|error| of_io(&error, "list", path))?;
    if names.len() > MOST_LISTED {
        return Err(Error::Invalid(format!(
            "\"{path}\" has more than {MOST_LISTED} entries: `files.find` finds some of them"
        )));
    }
    names.sort_unstable();
    let paths: Vec<String> = names.iter().map(|(name, _)| paths::join(&folder, name)).collect();
    let found = status::all(&paths)?.into_iter().map(|status| Entry {
        name: paths::split(&status.path).map_or_else(String::new, |(_, name)| name.to_owned()),
        kind: status.kind,
        size: status.size,
        permissions: status.permissions,
        modified: status.modified,
    });
    Ok(found.collect())
}

/// What is in a folder and below it and fits a pattern.
pub(crate) fn find(
    path: &str,
    pattern: &str,
    kind: Option<Kind>,
    most: Option<u32>,
) -> Result<Search, Error> {
    let found = search::find(path, pattern, kind, most.unwrap_or(1000).min(MOST_FOUND) as usize)?;
    let matches = found.matches.into_iter().map(|search::Match { path, kind, size, modified }| Match {
        path,
        kind,
        size,
        modified,
    });
    Ok(Search { matches: matches.collect(), more: found.more, hidden: found.hidden })
}
