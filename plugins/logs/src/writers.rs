//! Who writes most, and what.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::exports::minion::logs::logs::{Share, Written};

/// The most that are told apart.
const MOST: usize = 10_000;
/// What all others are called.
const OTHERS: &str = "(others)";
/// The longest message that is told.
const MOST_TOLD: usize = 200;

/// Counts lines.
#[derive(Default)]
pub(crate) struct Count {
    lines: u64,
    bytes: u64,
    writers: Shares,
    messages: Shares,
}

#[derive(Default)]
struct Shares(HashMap<String, (u64, u64)>);

impl Count {
    /// A line of this writer, where that is known.
    pub(crate) fn add(&mut self, writer: Option<&str>, message: &str, bytes: usize) {
        let bytes = bytes as u64;
        self.lines += 1;
        self.bytes += bytes;
        if let Some(writer) = writer {
            self.writers.add(writer.to_owned(), bytes);
        }
        self.messages.add(form(message), bytes);
    }

    /// A line of a file.
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let (writer, message) =
            writer(&text).map_or((None, &*text), |(writer, message)| (Some(writer), message));
        self.add(writer, message, line.len() + 1);
    }

    /// What was counted, so many of each.
    pub(crate) fn told(self, most: usize) -> Written {
        let Self { lines, bytes, writers, messages } = self;
        Written { lines, bytes, writers: writers.largest(most), messages: messages.largest(most) }
    }
}

impl Shares {
    fn add(&mut self, what: String, bytes: u64) {
        let what = if self.0.len() < MOST || self.0.contains_key(&what) { what } else { OTHERS.to_owned() };
        let (lines, all) = self.0.entry(what).or_default();
        *lines += 1;
        *all += bytes;
    }

    fn largest(self, most: usize) -> Vec<Share> {
        let share = |(what, (lines, bytes))| Share { what, lines, bytes };
        let mut all: Vec<Share> = self.0.into_iter().map(share).collect();
        all.sort_unstable_by(|one, other| {
            (Reverse(one.lines), &one.what).cmp(&(Reverse(other.lines), &other.what))
        });
        all.truncate(most);
        all
    }
}

/// The program of a line of syslog, and what it says: `Jul  1 12:30:00 web1 sshd[812]: …`.
fn writer(line: &str) -> Option<(&str, &str)> {
    let words = line.split_whitespace().take(6).skip(1);
    let named = words.filter_map(|word| {
        let name = word.strip_suffix(':')?;
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_./()@".contains(c);
        let is_name = name.chars().all(is_fit) && name.chars().any(|c| c.is_ascii_alphabetic());
        // Words of the line lie in it.
        is_name.then(|| (name, line.get(word.as_ptr() as usize - line.as_ptr() as usize + word.len()..)))
    });
    let (name, message) = { named }.next()?;
    Some((name, message?.trim_start()))
}

/// A message with `#` in the place of each number.
fn form(message: &str) -> String {
    let mut form = String::new();
    for c in message.chars().take(MOST_TOLD) {
        match c {
            '0'..='9' if form.ends_with('#') => {}
            '0'..='9' => form.push('#'),
            c => form.push(c),
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_who_writes_them_and_what() {
        let mut count = Count::default();
        for line in [
            "Jul  1 12:30:00 web1 sshd[812]: Failed password for ann from 10.0.0.1 port 4711",
            "2026-07-01T12:30:01.5+02:00 web1 sshd[9]: Failed password for ann from 10.0.0.22 port 1",
            "Jul  1 12:30:02 web1 kernel: [   12.5] oom",
            "2026-07-01 12:30:00 status installed x:amd64 1.2",
            "2026/07/01 12:30:00 [error] 12#12: oom",
            "\u{fffd} ",
        ] {
            count.add_line(line.as_bytes());
        }
        let told = count.told(2);
        assert_eq!(told.lines, 6);
        let names: Vec<(&str, u64)> = told.writers.iter().map(|it| (it.what.as_str(), it.lines)).collect();
        assert_eq!(names, [("sshd", 2), ("kernel", 1)]);
        assert_eq!(
            (told.messages[0].what.as_str(), told.messages[0].lines),
            ("Failed password for ann from #.#.#.# port #", 2)
        );
        assert_eq!(told.messages.len(), 2);
    }

    #[test]
    fn what_is_told_apart_is_bounded() {
        let mut count = Count::default();
        (0..MOST + 5).for_each(|n| count.add(None, &"x".repeat(n % 300), 1));
        (0..MOST + 5).for_each(|n| count.writers.add(n.to_string(), 1));
        let told = count.told(1);
        assert_eq!((told.writers[0].what.as_str(), told.writers[0].lines), (OTHERS, 5));
        assert!(told.messages[0].what.len() <= MOST_TOLD);
    }
}
