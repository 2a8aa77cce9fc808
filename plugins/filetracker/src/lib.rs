//! The module `filetracker`: files that are watched for changes. What each method does is said in `wit/filetracker.wit`.

mod comparison;
mod look;
mod pattern;
mod store;

use failure::{Change, Error, changed};

use exports::minion::filetracker::filetracker::{Guest, Point, Report, State, Tracked};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:filetracker/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Filetracker;

export!(Filetracker);

/// The most patterns that are tracked.
const MOST_PATTERNS: usize = 100;

impl Guest for Filetracker {
    fn patterns() -> Result<Vec<Tracked>, Error> {
        store::tracked()
    }

    fn track(patterns: Vec<String>, content: Option<bool>) -> Result<Change, Error> {
        let content = content.unwrap_or(true);
        patterns.iter().try_for_each(|pattern| pattern::Place::of(pattern).map(drop))?;
        let words = store::change(|all| {
            let mut words = Vec::new();
            for pattern in &patterns {
                match all.iter_mut().find(|tracked| tracked.pattern == *pattern) {
                    Some(there) if there.content == content => {}
                    Some(there) => {
                        there.content = content;
                        let what = if content { "its content, too" } else { "no content" };
                        words.push(format!("compare of {pattern} {what}"));
                    }
                    None => {
                        all.push(Tracked { pattern: pattern.clone(), content });
                        words.push(format!("track {pattern}"));
                    }
                }
            }
            if all.len() > MOST_PATTERNS {
                return Err(Error::Invalid(format!(
                    "{} patterns are more than the {MOST_PATTERNS} that are tracked at most",
                    all.len()
                )));
            }
            all.sort_unstable_by(|one, other| one.pattern.cmp(&other.pattern));
            Ok(words)
        })?;
        Ok(changed(words))
    }

    fn untrack(patterns: Vec<String>) -> Result<Change, Error> {
        let words = store::change(|all| {
            let mut words = Vec::new();
            all.retain(|tracked| {
                let goes = patterns.contains(&tracked.pattern);
                words.extend(goes.then(|| format!("no longer track {}", tracked.pattern)));
                !goes
            });
            Ok(words)
        })?;
        Ok(changed(words))
    }

    fn inventory(pattern: Option<String>) -> Result<State, Error> {
        let mut tracked = store::tracked()?;
        if let Some(pattern) = pattern {
            tracked.retain(|tracked| tracked.pattern == pattern);
            if tracked.is_empty() {
                let shown: String = pattern.chars().take(200).collect();
                return Err(Error::NotFound(format!(
                    "\"{}\" is not tracked: `filetracker.patterns` says what is",
                    shown.escape_debug()
                )));
            }
        }
        look::at(&tracked)
    }

    fn mark(point: Option<String>) -> Result<Change, Error> {
        let name = store::name(point)?;
        let tracked = store::tracked()?;
        if tracked.is_empty() {
            return Err(Error::NotFound(
                "nothing is tracked: `filetracker.track` says what is to be".to_owned(),
            ));
        }
        let state = look::at(&tracked)?;
        let items = state.items.len();
        store::keep(&name, state)?;
        Ok(changed(vec![format!("kept how {items} items are, as the point {name}")]))
    }

    fn points() -> Result<Vec<Point>, Error> {
        store::points()
    }

    fn forget(point: String) -> Result<Change, Error> {
        let name = store::name(Some(point))?;
        let words = store::forget(&name)?.then(|| format!("forgot the point {name}"));
        Ok(changed(words.into_iter().collect()))
    }

    fn changes(point: Option<String>) -> Result<Report, Error> {
        let name = store::name(point)?;
        let (since, before) = store::point(&name)?;
        let now = look::at(&store::tracked()?)?;
        Ok(Report {
            differences: comparison::of(&before, &now.items),
            since,
            more: now.more,
            hidden: now.hidden,
        })
    }
}
