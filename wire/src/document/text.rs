//! Words of others and figures, made fit for a terminal. Nothing here writes: the crate `output` does.

use crate::value::Value;
use crate::value::json::to_json;

/// Someone else's text, line by line, with nothing in it that could steer a terminal, turn the direction of
/// writing, or stand there unseen. What must not stand there becomes a space.
pub fn printable(text: &str) -> String {
    let text = text.trim_end_matches(['\n', '\r']);
    let shown = |c: char| if is_deceptive(c) && c != '\n' { ' ' } else { c };
    text.replace("\r\n", "\n").replace('\t', "    ").chars().map(shown).collect()
}

/// Someone else's name or word, on one line: like [`printable`], with spaces for its line ends.
pub fn line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// Whether a character is not for eyes: whether it may steer a terminal, end a line where nobody expects that,
/// turn the direction of writing, or make two texts look the same that are not.
///
/// These are all control characters, the separators of lines and paragraphs, and what Unicode says is to be
/// ignored when text is shown, without the selectors that choose between forms of one character.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A value as people read it on a terminal: a text as it is, and a value that has parts as JSON.
pub fn value(value: &Value) -> String {
    printable(&plain(value))
}

/// A value for a pipe: like [`value`], with not a character changed. A text that nobody would see stands in
/// quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if !text.trim().is_empty() => text.clone(),
        Value::Char(c) if !c.is_whitespace() => c.to_string(),
        Value::Enum(case) | Value::Variant(case, None) => case.clone(),
        Value::Option(Some(inner)) if !matches!(**inner, Value::Option(_)) => plain(inner),
        other => to_json(other).to_string(),
    }
}

/// The bytes of a value that is one text or one `list<u8>`, also behind `some`; `None` of any other value.
pub fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        Value::Option(Some(inner)) => bytes(inner),
        _ => None,
    }
}

/// A span of `us` microseconds, to two or three digits: `1.5 ms`, `12.0 s`, `3h 5m`.
pub fn span(us: u64) -> String {
    let seconds = us / 1_000_000;
    match us {
        0..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        1_000_000..60_000_000 => format!("{:.1} s", us as f64 / 1e6),
        60_000_000..3_600_000_000 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600_000_000..86_400_000_000 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A number of bytes, to two or three digits and rounded up: `512 B`, `1.5 KiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Counted in tenths of the unit, so that nothing is lost on the way.
    let mut unit = 0;
    while bytes.div_ceil(1 << (10 * (unit + 1))) >= 1024 && unit + 1 < UNITS.len() {
        unit += 1;
    }
    let whole = 1_u128 << (10 * (unit + 1));
    let tenths = (u128::from(bytes) * 10).div_ceil(whole);
    match tenths {
        0..100 if tenths % 10 != 0 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", tenths.div_ceil(10), UNITS[unit]),
    }
}

/// The time from one moment to another, both in milliseconds since 1970; `0.0 ms` where the clock went back.
pub fn since(from: u64, to: u64) -> String {
    span(to.saturating_sub(from).saturating_mul(1000))
}

/// A number of things, with an `s` where there is not one: `1 minion`, `3 minions`.
pub fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_what_people_read() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1025, "1.1 KiB"),
            (20_000, "20 KiB"),
            (64 << 20, "64 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            ((11 << 30) + 1, "12 GiB"),
            (7_756_000_000, "7.3 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn nothing_that_a_guest_says_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\tb\r\nc\u{202e}d\u{9b}e\n\n"), "a [2J    b\nc d e");
    }

    #[test]
    fn text_is_shown_as_it_is_and_the_rest_as_json() {
        let text = |text: &str| Value::String(text.to_owned());
        assert_eq!(value(&text("two words")), "two words");
        assert_eq!(value(&text("")), "\"\"");
        assert_eq!(value(&text("a\tb\u{1b}[1m\r\n")), "a    b [1m");
        assert_eq!(plain(&Value::Option(Some(Box::new(text("a\tb\u{1b}[1m\r\n"))))), "a\tb\u{1b}[1m\r\n");
        assert_eq!(value(&Value::Option(Some(Box::new(text("x"))))), "x");
        assert_eq!(value(&Value::Option(None)), "null");
        assert_eq!(value(&Value::List(vec![text("x"), Value::Enum("y".into())])), r#"["x","y"]"#);
    }

    #[test]
    fn spans_are_short() {
        for (us, text) in [
            (0, "0.0 ms"),
            (1_900, "1.9 ms"),
            (9_940, "9.9 ms"),
            (10_000, "10 ms"),
            (14_200, "14 ms"),
            (999_999, "999 ms"),
            (1_000_000, "1.0 s"),
            (2_000_000, "2.0 s"),
            (59_900_000, "59.9 s"),
            (60_000_000, "1m 0s"),
            (64_000_000, "1m 4s"),
            (3_599_999_999, "59m 59s"),
            (3_600_000_000, "1h 0m"),
            (7_260_000_000, "2h 1m"),
            (86_399_999_999, "23h 59m"),
            (86_400_000_000, "1d 0h"),
            (190_000_000_000, "2d 4h"),
        ] {
            assert_eq!(span(us), text);
        }
        assert_eq!((since(1000, 1014), since(5000, 1000)), ("14 ms".to_owned(), "0.0 ms".to_owned()));
    }

    #[test]
    fn what_nobody_would_see_is_not_for_eyes_and_its_neighbours_are() {
        for (first, last) in [
            (0x0, 0x1f),
            (0x7f, 0x9f),
            (0xad, 0xad),
            (0x34f, 0x34f),
            (0x61c, 0x61c),
            (0x115f, 0x1160),
            (0x17b4, 0x17b5),
            (0x180b, 0x180f),
            (0x200b, 0x200f),
            (0x2028, 0x202e),
            (0x2060, 0x206f),
            (0x3164, 0x3164),
            (0xfeff, 0xfeff),
            (0xffa0, 0xffa0),
            (0xfff0, 0xfffb),
            (0x1bca0, 0x1bca3),
            (0x1d173, 0x1d17a),
            (0xe0000, 0xe0fff),
        ] {
            let is = |code: u32| char::from_u32(code).is_some_and(is_deceptive);
            assert!(is(first) && is(last), "{first:x} to {last:x}");
            assert!(!is(last + 1) && (first == 0 || !is(first - 1)), "beside {first:x} to {last:x}");
        }
    }

    #[test]
    fn only_text_and_bytes_are_written_as_they_are() {
        let some = |value| Value::Option(Some(Box::new(value)));
        assert_eq!(bytes(&Value::String("é".into())), Some("é".as_bytes()));
        assert_eq!(bytes(&some(Value::Bytes(vec![0, 255]))), Some(&[0, 255][..]));
        assert_eq!((bytes(&Value::Option(None)), bytes(&Value::Bool(true))), (None, None));
        assert_eq!(plain(&Value::Char('x')), "x");
        assert_eq!(plain(&Value::Char(' ')), "\" \"");
        assert_eq!(plain(&Value::Variant("none".into(), None)), "none");
        let twice = some(some(Value::Enum("deep".into())));
        assert_eq!(plain(&twice), to_json(&twice).to_string());
        assert_eq!(line("two\r\nlines\n"), "two lines");
        assert_eq!([0, 1, 2].map(|count| counted(count, "minion")), ["0 minions", "1 minion", "2 minions"]);
    }
}
