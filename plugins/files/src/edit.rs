//! Changing lines of text files.

use failure::{Error, MAX_EXPRESSION};
use host_files::{paths, status};
use regex_lite::{Regex, RegexBuilder};

use crate::exports::minion::files::files::Written;
use crate::permissions::Wish;
use crate::put::{Content, put, refuse_all_but_files};
use crate::reading;

/// The most bytes of a file that is edited.
const MOST: u64 = 4 << 20;

/// Changes the text of a file.
pub(crate) fn edit(
    path: &str,
    create: bool,
    backup: bool,
    change: impl FnOnce(&str) -> String,
) -> Result<Written, Error> {
    let before = match status::find(&paths::place(path)?)? {
        Some(there) => {
            refuse_all_but_files(&there)?;
            reading::whole(path, MOST)?
        }
        None if create => String::new(),
        None => {
            return Err(Error::NotFound(format!(
                "there is no \"{path}\" on this host; `files.write` makes it"
            )));
        }
    };
    put(path, &Content::Bytes(change(&before).as_bytes()), &Wish::default(), backup)
}

/// A regular expression in which `^` and `$` are the ends of lines.
pub(crate) fn expression(text: &str) -> Result<Regex, Error> {
    if text.len() > MAX_EXPRESSION {
        return Err(Error::Invalid(format!("the regular expression is over {MAX_EXPRESSION} bytes")));
    }
    RegexBuilder::new(text).multi_line(true).build().map_err(|error| {
        let shown: String = text.chars().take(200).collect();
        Error::Invalid(format!("\"{}\" is no regular expression: {error}", shown.escape_debug()))
    })
}

/// Refuses what is not one line.
pub(crate) fn check_line(line: &str) -> Result<(), Error> {
    match line.contains(['\n', '\r', '\0']) {
        true => Err(Error::Invalid("the line has a line end in it: give one line at a time".to_owned())),
        false => Ok(()),
    }
}

/// A text that has a line: in the place of the last one that an expression fits, or at its end.
pub(crate) fn with_line(text: &str, line: &str, matching: Option<&Regex>) -> String {
    let is_line = |there: &str| there.trim_end_matches(['\n', '\r']) == line;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.iter().any(|there| is_line(there)) {
        return text.to_owned();
    }
    let fits = |there: &&str| matching.is_some_and(|it| it.is_match(there.trim_end_matches(['\n', '\r'])));
    match lines.iter().rposition(fits) {
        Some(place) => {
            let content = lines[place].trim_end_matches(['\n', '\r']);
            let end = &lines[place][content.len()..];
            [&lines[..place].concat(), line, end, &lines[place + 1..].concat()].concat()
        }
        None if text.is_empty() || text.ends_with('\n') => format!("{text}{line}\n"),
        None => format!("{text}\n{line}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_there_once_and_where_it_belongs() {
        let port = expression("^#?Port ").unwrap();
        for (text, matching, after) in [
            ("", None, "Port 22\n"),
            ("a\n", None, "a\nPort 22\n"),
            ("a", None, "a\nPort 22\n"),
            ("Port 22", None, "Port 22"),
            ("x\nPort 22\ny\n", Some(&port), "x\nPort 22\ny\n"),
            ("#Port 1\nx\nPort 2\ny\n", Some(&port), "#Port 1\nx\nPort 22\ny\n"),
            ("Port 1", Some(&port), "Port 22"),
            ("Port 1\r\ny\r\n", Some(&port), "Port 22\r\ny\r\n"),
            ("Ports\n", Some(&port), "Ports\nPort 22\n"),
        ] {
            let once = with_line(text, "Port 22", matching);
            assert_eq!(once, after, "{text:?}");
            assert_eq!(with_line(&once, "Port 22", matching), once, "{text:?}");
        }
    }

    #[test]
    fn expressions_go_by_lines_and_bad_ones_are_named() {
        let replaced =
            expression("^PORT=(.*)$").unwrap().replace_all("A=1\nPORT=2\n", "P=${1}0").into_owned();
        assert_eq!(replaced, "A=1\nP=20\n");
        assert!(
            matches!(expression("("), Err(Error::Invalid(told)) if told.starts_with("\"(\" is no regular"))
        );
        assert!(check_line("a\nb").is_err() && check_line("a b").is_ok());
    }
}
