//! What minions say while a job runs: equal lines of many minions are held for a moment and printed once.

use std::collections::HashMap;

use wire::document::text::printable;
use wire::name::MinionName;

use crate::report::names::folded;

/// Lines that wait to be printed, each with who said it, in the order in which the first of them did.
#[derive(Default)]
pub(super) struct Voices {
    lines: Vec<Said>,
    /// Where the last line of each minion is: what it says next comes after that.
    last: HashMap<MinionName, usize>,
}

struct Said {
    text: String,
    minions: Vec<MinionName>,
}

impl Voices {
    /// Takes what a minion said, line by line.
    pub(super) fn say(&mut self, minion: &MinionName, text: &str) {
        for line in printable(text).split('\n') {
            let from = self.last.get(minion).map_or(0, |last| last + 1);
            let same = self.lines.iter().skip(from).position(|said| said.text == line);
            let place = match same {
                Some(place) => from + place,
                None => {
                    self.lines.push(Said { text: line.to_owned(), minions: Vec::new() });
                    self.lines.len() - 1
                }
            };
            self.lines[place].minions.push(minion.clone());
            self.last.insert(minion.clone(), place);
        }
    }

    /// Whether no more should be held.
    pub(super) fn are_many(&self) -> bool {
        self.lines.len() >= MOST
    }

    /// What is held, ready to be printed, every line behind the names of those that said it.
    pub(super) fn drain(&mut self) -> Vec<String> {
        self.last.clear();
        let lines = std::mem::take(&mut self.lines).into_iter();
        lines.map(|Said { text, minions }| format!("{}: {text}", who(&minions))).collect()
    }
}

/// A name, or how many minions and their names in short.
fn who(minions: &[MinionName]) -> String {
    match minions {
        [one] => one.to_string(),
        many => format!("{} minions ({})", many.len(), folded(many, NAMES)),
    }
}

/// How many different lines are held at most.
const MOST: usize = 200;
/// How many groups of names stand in front of a line.
const NAMES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MinionName {
        text.parse().expect("a name")
    }

    #[test]
    fn every_line_of_a_minion_has_its_name() {
        let mut voices = Voices::default();
        voices.say(&name("web1"), "info: ok\nweb2: error: disk is full\r\nweb3: \u{1b}[2Jgone\n");
        let expected = ["web1: info: ok", "web1: web2: error: disk is full", "web1: web3:  [2Jgone"];
        assert_eq!(voices.drain(), expected);
        assert!(voices.drain().is_empty());
    }

    #[test]
    fn fifty_minions_that_say_the_same_say_it_once() {
        let mut voices = Voices::default();
        for number in 1..=50 {
            voices.say(&name(&format!("web{number}")), "thread panicked at src/lib.rs:7:5:\nboom\nnote: run");
        }
        voices.say(&name("db1"), "other");
        let expected = [
            "50 minions (web[1-50]): thread panicked at src/lib.rs:7:5:",
            "50 minions (web[1-50]): boom",
            "50 minions (web[1-50]): note: run",
            "db1: other",
        ];
        assert_eq!(voices.drain(), expected);
    }

    #[test]
    fn the_lines_of_one_minion_keep_their_order_and_number() {
        let mut voices = Voices::default();
        for line in ["a", "b", "a", "a"] {
            voices.say(&name("web1"), line);
        }
        for line in ["b", "a"] {
            voices.say(&name("web2"), line);
        }
        let expected = ["web1: a", "2 minions (web[1-2]): b", "2 minions (web[1-2]): a", "web1: a"];
        assert_eq!(voices.drain(), expected);
    }
}
