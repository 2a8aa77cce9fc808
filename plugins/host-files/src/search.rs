//! What is in folders.

use std::fs::{self, FileType, Metadata};
use std::io;

use failure::{Error, Kind, Timestamp, time_of};
use glob::{MatchOptions, Pattern};
use minion_sdk::{job, log};

use crate::errors::of_io;
use crate::paths;

/// The most paths that a search looks at.
const MOST_SEEN: u64 = 200_000;
/// After how many paths it is said how many were looked at.
const SAID_EVERY: u64 = 1000;

/// A `*` stands for names with a dot in front as well, and for no `/`.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// How many bytes are in it.
    pub size: u64,
    /// When what is in it was changed.
    pub modified: Timestamp,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What was found, by path.
    pub matches: Vec<Match>,
    /// Whether there may be more than that: as many were found as were asked for, or the search was too long.
    pub more: bool,
    /// How many folders could not be looked into.
    pub hidden: u32,
}

/// What is in a folder and below it and fits a pattern, at most so many. Links are not followed.
///
/// # Errors
/// Where the pattern is none, the folder cannot be looked into, or the job is cancelled.
pub fn find(path: &str, pattern: &str, kind: Option<Kind>, most: usize) -> Result<Search, Error> {
    let pattern = Pattern::new(pattern).map_err(|error| {
        let shown: String = pattern.chars().take(200).collect();
        Error::Invalid(format!("\"{}\" is no pattern: {}", shown.escape_debug(), error.msg))
    })?;
    let folder = paths::followed(path)?;
    let search = Search::default();
    let mut walk = Walk { deepest: deepest(pattern.as_str()), pattern, kind, most, seen: 0, search };
    let first = names(&folder).map_err(|error| of_io(&error, "look into", path))?;
    walk.go(&folder, first)?;
    walk.search.matches.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(walk.search)
}

/// A search on its way.
struct Walk {
    pattern: Pattern,
    /// How many folders down something can be that fits; none where that is not known.
    deepest: Option<usize>,
    kind: Option<Kind>,
    most: usize,
    seen: u64,
    search: Search,
}

impl Walk {
    /// Looks at what is in a folder and all that is below it, as long as more may be found.
    fn go(&mut self, root: &str, first: Vec<(String, Kind)>) -> Result<(), Error> {
        let mut left = vec![(String::new(), first)];
        while let Some((below, mut entries)) = left.pop() {
            entries.sort_unstable();
            let mut folders = Vec::new();
            for (name, kind) in entries {
                if self.is_over()? {
                    return Ok(());
                }
                let within = if below.is_empty() { name } else { format!("{below}/{name}") };
                self.look(root, &within, kind);
                let is_deepest = self.deepest.is_some_and(|deepest| within.matches('/').count() >= deepest);
                folders.extend((kind == Kind::Folder && !is_deepest).then_some(within));
            }
            for within in folders.into_iter().rev() {
                match names(&paths::join(root, &within)) {
                    Ok(entries) => left.push((within, entries)),
                    Err(_) => self.search.hidden += 1,
                }
            }
        }
        Ok(())
    }

    /// Whether the search ends before all was looked at.
    fn is_over(&mut self) -> Result<bool, Error> {
        self.seen += 1;
        if self.seen.is_multiple_of(SAID_EVERY) {
            job::progress(self.seen, 0, "looking at paths");
        }
        if job::cancelled() {
            return Err(Error::Cancelled);
        }
        self.search.more = self.search.matches.len() >= self.most || self.seen > MOST_SEEN;
        Ok(self.search.more)
    }

    fn look(&mut self, root: &str, within: &str, kind: Kind) {
        if self.kind.is_some_and(|wanted| wanted != kind) || !self.pattern.matches_with(within, OPTIONS) {
            return;
        }
        let path = paths::join(root, within);
        let found = fs::symlink_metadata(&path).and_then(|found| told(path, kind, &found));
        // What is gone meanwhile was not found.
        self.search.matches.extend(found);
    }
}

/// How many folders down what fits a pattern can be.
fn deepest(pattern: &str) -> Option<usize> {
    (!pattern.contains("**")).then(|| pattern.matches('/').count())
}

fn told(path: String, kind: Kind, found: &Metadata) -> io::Result<Match> {
    Ok(Match { path, kind, size: found.len(), modified: time_of(found.modified()?) })
}

/// The names in a folder, each with what it is.
///
/// # Errors
/// Where it cannot be looked into.
pub fn names(folder: &str) -> io::Result<Vec<(String, Kind)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) => names.push((name, entry.file_type().map_or(Kind::Other, kind))),
            Err(name) => log::warn!("left out {name:?} in {folder}, whose name is no UTF-8"),
        }
    }
    Ok(names)
}

fn kind(found: FileType) -> Kind {
    if found.is_file() {
        Kind::File
    } else if found.is_dir() {
        Kind::Folder
    } else if found.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}
