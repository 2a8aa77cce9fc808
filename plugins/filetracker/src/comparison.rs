//! What is another way than it was.

use std::collections::BTreeMap;

use failure::Kind;

use crate::exports::minion::filetracker::filetracker::{Difference, Event, Item};
use crate::store::Kept;

/// What differs, by path.
pub(crate) fn of(before: &[Kept], now: &[Item]) -> Vec<Difference> {
    let mut left: BTreeMap<&str, &Kept> = before.iter().map(|kept| (kept.path.as_str(), kept)).collect();
    let mut found: Vec<Difference> = now
        .iter()
        .filter_map(|item| {
            let (event, changes) = match left.remove(item.path.as_str()) {
                None => (Event::Added, Vec::new()),
                Some(kept) => (Event::Changed, changes(kept, item)),
            };
            let differs = event == Event::Added || !changes.is_empty();
            differs.then(|| Difference { path: item.path.clone(), event, changes })
        })
        .collect();
    found.extend(left.into_keys().map(|path| Difference {
        path: path.to_owned(),
        event: Event::Removed,
        changes: Vec::new(),
    }));
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found
}

fn changes(before: &Kept, now: &Item) -> Vec<String> {
    let mut words = Vec::new();
    let mut differs = |what: &str, before: &str, now: &str| {
        if before != now {
            words.push(format!("{what}: {before} before, {now} now"));
        }
    };
    let after = Kept::of(now.clone());
    differs("kind", before.kind.word(), after.kind.word());
    differs("mode", &before.mode, &after.mode);
    differs("owner", &before.owner, &after.owner);
    let none = || "none".to_owned();
    differs(
        "target",
        &before.target.clone().unwrap_or_else(none),
        &after.target.clone().unwrap_or_else(none),
    );
    if now.kind == Kind::File {
        differs("size", &before.size.to_string(), &now.size.to_string());
        match (&before.sha256, &now.sha256) {
            (Some(before), Some(now)) => differs("sha256", before, now),
            // Nothing but the time tells of content that is not compared.
            _ => differs("modified", &failure::time(before.modified).text, &now.modified.text),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use failure::{Permissions, time};

    use super::*;

    fn item(path: &str, mode: &str, sha256: Option<&str>, modified: i64) -> Item {
        Item {
            path: path.into(),
            kind: Kind::File,
            size: 5,
            permissions: Permissions {
                mode: mode.into(),
                user: "root".into(),
                uid: 0,
                group: "adm".into(),
                gid: 4,
            },
            modified: time(modified),
            target: None,
            sha256: sha256.map(str::to_owned),
        }
    }

    #[test]
    fn what_differs_is_told_once_and_in_words() {
        let before: Vec<Kept> = [
            item("/a", "0644", Some("x"), 1),
            item("/b", "0644", Some("x"), 1),
            item("/c", "0644", None, 1),
            item("/d", "0644", None, 1),
        ]
        .map(Kept::of)
        .to_vec();
        let now = [
            // Its time alone says nothing, where what is in it is known.
            item("/a", "0644", Some("x"), 9),
            item("/b", "0600", Some("y"), 1),
            item("/c", "0644", None, 2),
            item("/new", "0644", None, 1),
        ];
        let told: Vec<_> = of(&before, &now)
            .into_iter()
            .map(|difference| (difference.path, difference.event, difference.changes.join("; ")))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "/b".to_owned(),
                    Event::Changed,
                    "mode: 0644 before, 0600 now; sha256: x before, y now".to_owned()
                ),
                (
                    "/c".to_owned(),
                    Event::Changed,
                    "modified: 1970-01-01T00:00:01Z before, 1970-01-01T00:00:02Z now".to_owned()
                ),
                ("/d".to_owned(), Event::Removed, String::new()),
                ("/new".to_owned(), Event::Added, String::new()),
            ]
        );
    }
}
