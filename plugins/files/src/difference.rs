//! How texts differ.

use std::time::{Duration, Instant};

use failure::Error;
use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::udiff::UnifiedHunkHeader;
use similar::{ChangeTag, group_diff_ops};

use crate::exports::minion::files::files::Difference;
use crate::reading;

/// The most bytes of either text.
const MOST: u64 = 1 << 20;
/// How long the shortest difference is looked for. After that a longer one is given.
const LONGEST: Duration = Duration::from_secs(5);

/// How many lines are shown around what differs.
const AROUND: usize = 3;

/// How one file differs from another.
pub(crate) fn of_files(path: &str, other: &str) -> Result<Difference, Error> {
    Ok(of(&reading::whole(path, MOST)?, &reading::whole(other, MOST)?, path, other))
}

/// How a file differs from a text; one that is not there is empty.
pub(crate) fn of_text(path: &str, text: &str) -> Result<Difference, Error> {
    if text.len() as u64 > MOST {
        return Err(Error::Invalid(format!("the text has more than {MOST} bytes")));
    }
    let before = match reading::whole(path, MOST) {
        Err(Error::NotFound(_)) => String::new(),
        before => before?,
    };
    Ok(of(&before, text, path, "text"))
}

/// The ways to compare are many, and each one that is named becomes a part of the module: so this names one.
fn of(one: &str, other: &str, path: &str, name: &str) -> Difference {
    if one == other {
        return Difference { same: true, diff: String::new() };
    }
    let old: Vec<&str> = one.split_inclusive('\n').collect();
    let new: Vec<&str> = other.split_inclusive('\n').collect();
    let mut found = Compact::new(Replace::new(Capture::new()), old.as_slice(), new.as_slice());
    let until = Instant::now().checked_add(LONGEST);
    let Ok(()) = myers::diff_deadline_raw(
        &mut found,
        old.as_slice(),
        0..old.len(),
        new.as_slice(),
        0..new.len(),
        until,
    );
    let mut diff = format!("--- {path}\n+++ {name}\n");
    for hunk in group_diff_ops(found.into_inner().into_inner().into_ops(), AROUND) {
        diff.push_str(&format!("{}\n", UnifiedHunkHeader::new(&hunk)));
        for change in hunk.iter().flat_map(|part| part.iter_changes(old.as_slice(), new.as_slice())) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            diff.push(sign);
            diff.push_str(change.value());
            if !change.value().ends_with('\n') {
                diff.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    Difference { same: false, diff }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_as_diff_shows_it() {
        let lines = |skipped: u32| -> String {
            (1..=20).filter(|line| *line != skipped).map(|line| format!("{line}\n")).collect()
        };
        let told = of(&lines(10), &(lines(0) + "end"), "/a", "/b");
        assert_eq!(
            told.diff,
            "--- /a\n+++ /b\n@@ -7,6 +7,7 @@\n 7\n 8\n 9\n+10\n 11\n 12\n 13\n\
             @@ -17,3 +18,4 @@\n 18\n 19\n 20\n+end\n\\ No newline at end of file\n"
        );
        assert_eq!(of("a", "a", "/a", "/b"), Difference { same: true, diff: String::new() });
        assert_eq!(of("", "a\n", "/a", "/b").diff, "--- /a\n+++ /b\n@@ -0,0 +1 @@\n+a\n");
    }
}
