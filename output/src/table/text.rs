//! Text in a given room, measured as a terminal shows it: in columns.

use anstream::adapter::strip_str;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns of a terminal a line takes: a Chinese letter takes two, an accent none.
pub fn width(line: &str) -> usize {
    strip_str(line).to_string().width()
}

/// The line in at most `room` columns: where it is longer, `…` stands in the place of its middle, between two
/// words if there is a gap between words nearby.
pub(super) fn cut(line: &str, room: usize) -> String {
    if line.width() <= room {
        return line.to_owned();
    }
    let Some(room) = room.checked_sub(1) else { return String::new() };
    let (front, back) = (room.div_ceil(2), room / 2);
    let head = beginning(line, front);
    let tail = ending(&line[head.len()..], back);
    format!("{}…{}", up_to_gap(head, line, front), from_gap(tail, line, back))
}

/// The text in lines of at most `room` columns, which end between words: only a word that is longer than a whole line is
/// broken. Lines of the text stay lines.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(2);
    let mut lines = Vec::new();
    for said in text.split('\n') {
        let mut line = String::new();
        for word in said.split_inclusive(' ') {
            if line.width() + word.trim_end().width() > room && !line.trim().is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(word);
            while line.trim_end().width() > room {
                let rest = line.split_off(beginning(&line, room).len());
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
        lines.push(line);
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// The width of the longest word.
pub(super) fn longest_word(text: &str) -> usize {
    text.split_whitespace().map(|word| word.width()).max().unwrap_or_default()
}

/// The longest beginning that fits, with the accents of its last letter.
fn beginning(line: &str, room: usize) -> &str {
    let mut taken = 0;
    for letter in letters(line) {
        taken += letter.width();
        if taken > room {
            let start = letter.as_ptr() as usize - line.as_ptr() as usize;
            return &line[..start];
        }
    }
    line
}

/// The longest ending that fits, in whole letters.
fn ending(line: &str, room: usize) -> &str {
    let (mut taken, mut start) = (0, line.len());
    for letter in letters(line).collect::<Vec<_>>().into_iter().rev() {
        taken += letter.width();
        if taken > room {
            break;
        }
        start -= letter.len();
    }
    &line[start..]
}

/// The letters of a line, each with the characters behind it that have no width of their own, such as accents.
fn letters(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let mut places = rest.char_indices().skip(1);
        let end = places.find(|(_, c)| c.width().unwrap_or(1) > 0).map_or(rest.len(), |(place, _)| place);
        let (letter, left) = rest.split_at(end);
        rest = left;
        (!letter.is_empty()).then_some(letter)
    })
}

/// The beginning up to its last gap, unless that would take away more than half of it.
fn up_to_gap<'a>(head: &'a str, line: &str, room: usize) -> &'a str {
    if line[head.len()..].starts_with(is_gap) {
        return head;
    }
    let end = head.char_indices().rev().find(|(_, c)| is_gap(*c)).map(|(place, c)| place + c.len_utf8());
    end.map(|end| &head[..end]).filter(|head| head.width() * 2 >= room).unwrap_or(head)
}

/// The ending from its first gap on, unless that would take away more than half of it.
fn from_gap<'a>(tail: &'a str, line: &str, room: usize) -> &'a str {
    if line[..line.len() - tail.len()].ends_with(is_gap) {
        return tail;
    }
    let start = tail.find(is_gap);
    start.map(|start| &tail[start..]).filter(|tail| tail.width() * 2 >= room).unwrap_or(tail)
}

/// Whether a character stands between two words, or two terms of a target expression.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '|' | '&' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_cut_in_the_middle_and_between_words_where_it_can_be() {
        for (line, room, shown) in [
            ("web1,web2", 9, "web1,web2"),
            ("web1,web2,web3,web4,web5,web6", 20, "web1,web2,…web5,web6"),
            ("Restarts a unit of systemd", 16, "Restarts…systemd"),
            ("abcdefghijklmnopqrstuvwxyz", 9, "abcd…wxyz"),
            ("日本語のとても長い名前です", 9, "日本…です"),
            ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", 3, "e\u{301}…e\u{301}"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(line, room), shown);
        }
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrapped("one two three\n\nfour", 8), ["one two", "three", "", "four"]);
        assert_eq!(wrapped("  would: run", 8), ["  would:", "run"]);
        assert_eq!(wrapped("a abcdefghij k", 4), ["a", "abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("日本語の名前", 5), ["日本", "語の", "名前"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_room(text in "\\PC{0,60}", room in 2_usize..30) {
            prop_assert!(cut(&text, room).width() <= room);
            for line in wrapped(&text, room) {
                prop_assert!(line.width() <= room, "{line:?}");
            }
        }

        #[test]
        fn nothing_is_lost_where_text_is_wrapped(text in "[a-c日 ]{0,60}", room in 2_usize..30) {
            let bare = |text: &str| text.replace([' ', '\n'], "");
            prop_assert_eq!(bare(&wrapped(&text, room).concat()), bare(&text));
        }
    }
}
