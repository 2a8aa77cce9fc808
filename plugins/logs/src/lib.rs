//! The module `logs`: the logs of a host. What each method does is said in `wit/logs.wit`.

mod files;
mod follow;
mod journal;
mod moment;
mod pattern;
mod search;
mod writers;

use std::cmp::Reverse;
use std::path::Path;

use failure::Error;
use minion_sdk::job;

use exports::minion::logs::logs::{
    Entry, Followed, Following, Found, Guest, JournalWanted, LogFile, Room, Wanted, Written,
};

use crate::files::FOLDER;
use crate::follow::{Show, Until};
use crate::journal::Query;
use crate::moment::Clock;
use crate::pattern::Pattern;
use crate::search::{Dated, Span, count};
use crate::writers::Count;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:logs/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Logs;

export!(Logs);

impl Guest for Logs {
    fn list() -> Result<Vec<LogFile>, Error> {
        files::below(Path::new(FOLDER))
    }

    fn biggest(most: Option<u32>) -> Result<Room, Error> {
        let mut files = Self::list()?;
        let total_bytes = files.iter().map(|file| file.size).sum();
        let all = files.len().try_into().unwrap_or(u32::MAX);
        files.sort_unstable_by_key(|file| Reverse(file.size));
        files.truncate(count(most, 10));
        Ok(Room { total_bytes, count: all, files })
    }

    fn writers(file: Option<String>, since: Option<String>, most: Option<u32>) -> Result<Written, Error> {
        let (most, since) = (count(most, 10), since.as_deref());
        match file {
            Some(file) => writers_of_file(&file, since).map(|count| count.told(most)),
            None => writers_of_journal(since.unwrap_or("1h")).map(|count| count.told(most)),
        }
    }

    fn tail(file: String, lines: Option<u32>) -> Result<Vec<String>, Error> {
        let path = files::path(&file)?;
        let (mut file, _) = files::open(&path)?;
        search::end_of(&path, &mut file, count(lines, 10)).map(|(lines, _)| lines)
    }

    fn search(file: String, wanted: Option<Wanted>) -> Result<Found, Error> {
        search::search(&file, wanted.unwrap_or(EVERY_LINE))
    }

    fn journal(wanted: Option<JournalWanted>) -> Result<Vec<Entry>, Error> {
        entries(wanted.unwrap_or(EVERY_ENTRY))
    }

    fn follow(file: String, following: Option<Following>) -> Result<Followed, Error> {
        let following = following.unwrap_or(NOTHING_SAID);
        if following.unit.is_some() || following.priority.is_some() {
            return Err(Error::Invalid(
                "lines of files have no `unit` and no `priority`: leave them out, or call logs.follow-journal".to_owned(),
            ));
        }
        let (first, until) = (count(following.lines, 10), Until::of(following.seconds)?);
        let show = Show::new(Pattern::of(following.pattern, following.fixed, following.ignore_case)?);
        follow::file(&files::path(&file)?, first, show, &until)
    }

    fn follow_journal(following: Option<Following>) -> Result<Followed, Error> {
        let Following { pattern, fixed, ignore_case, lines, seconds, unit, priority } =
            following.unwrap_or(NOTHING_SAID);
        let mut show = Show::new(Pattern::of(pattern, fixed, ignore_case)?);
        let (query, until) = (Query::of(unit, priority)?, Until::of(seconds)?);
        journal::check()?;
        journal::entries(&query.following(count(lines, 10)), Some(until.time), &mut |entry| {
            show.line(&journal::shown(&entry), &entry.message)?;
            show.flush()?;
            Ok(!show.is_full())
        })?;
        Ok(show.ended(until.ending))
    }
}

/// What is meant where nothing is said of the lines of a file.
const EVERY_LINE: Wanted = Wanted {
    pattern: None,
    fixed: None,
    ignore_case: None,
    since: None,
    until: None,
    lines: None,
    rotated: None,
};

/// What is meant where nothing is said of the entries of the journal.
const EVERY_ENTRY: JournalWanted = JournalWanted {
    pattern: None,
    fixed: None,
    ignore_case: None,
    since: None,
    until: None,
    lines: None,
    unit: None,
    priority: None,
};

/// What is meant where nothing is said of how to follow.
const NOTHING_SAID: Following = Following {
    pattern: None,
    fixed: None,
    ignore_case: None,
    lines: None,
    seconds: None,
    unit: None,
    priority: None,
};

fn entries(wanted: JournalWanted) -> Result<Vec<Entry>, Error> {
    let JournalWanted { pattern, fixed, ignore_case, since, until, lines, unit, priority } = wanted;
    let pattern = Pattern::of(pattern, fixed, ignore_case)?;
    let query = Query::of(unit, priority)?;
    let span = Span::of(&Clock::of_host(), since.as_deref(), until.as_deref())?;
    let most = count(lines, 100);
    journal::check()?;
    // The latest come first; what is over is the earliest.
    let (mut found, mut bytes) = (Vec::new(), 0);
    journal::entries(&query.backwards(span.since, span.until), None, &mut |entry| {
        if pattern.fits(entry.message.as_bytes()) {
            bytes += entry.message.len();
            found.push(entry);
        }
        Ok(found.len() < most && bytes < search::MOST_BYTES)
    })?;
    found.truncate(most);
    found.reverse();
    Ok(found)
}

fn writers_of_journal(since: &str) -> Result<Count, Error> {
    let since = Clock::of_host().point("since", since)?;
    journal::check()?;
    let (query, mut count) = (Query::of(None, None)?, Count::default());
    journal::entries(&query.backwards(Some(since), None), None, &mut |entry| {
        let writer = entry.unit.as_deref().or(entry.program.as_deref());
        count.add(writer, &entry.message, entry.message.len());
        Ok(true)
    })?;
    Ok(count)
}

fn writers_of_file(file: &str, since: Option<&str>) -> Result<Count, Error> {
    let path = files::path(file)?;
    let mut dated = match since {
        None => None,
        Some(since) => {
            let clock = Clock::of_host();
            let span = Span::of(&clock, Some(since), None)?;
            Some(Dated::new(clock, span))
        }
    };
    let total = files::open(&path)?.1.len();
    let (mut count, mut all, note) = (Count::default(), 0, path.display().to_string());
    let mut done = |now: u64| job::progress(now, total.max(now), &note);
    files::lines(&path, &mut done, &mut |line| {
        all += 1;
        if dated.as_mut().is_none_or(|dated| dated.holds(line)) {
            count.add_line(line);
        }
        Ok(())
    })?;
    dated.map_or(Ok(()), |dated| dated.check(&path, all))?;
    Ok(count)
}
