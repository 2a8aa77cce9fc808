//! The log of a daemon: one line for each event, with its message and fields that cannot be mistaken for anything
//! else.
#![allow(clippy::disallowed_methods, reason = "a log is written to stderr")]

use std::backtrace::BacktraceStatus;
use std::fmt::{self, Debug, Write as _};
use std::io;

use anstyle::Style;
use tracing::field::{Field, Visit};
use tracing::{Subscriber, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FormatFields, Writer};
use wire::document::text::is_deceptive;

use crate::screen::stderr_is_terminal;

/// Logs to stderr from now on: as much as `RUST_LOG` says, or where that is not set as much as `otherwise` says,
/// in the same notation. A panic is logged too, since its message may quote others.
pub fn log_to_stderr(otherwise: &str) {
    let asked = EnvFilter::try_from_default_env();
    let filter = asked.unwrap_or_else(|_| EnvFilter::new(otherwise));
    let subscriber = subscriber(filter, stderr_is_terminal(), io::stderr);
    if let Err(error) = tracing_subscriber::util::SubscriberInitExt::try_init(subscriber) {
        error!(%error, "something logs already");
    }
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let place = panic.location().map(ToString::to_string);
        let backtrace = std::backtrace::Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        error!(place, panic = message, backtrace, "a thread panicked");
    }));
}

fn subscriber<W>(filter: EnvFilter, ansi: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .fmt_fields(Quoted)
        .with_writer(writer)
        // Otherwise it would complain on stderr, which is what cannot be written to, and panic where that fails.
        .log_internal_errors(false)
        .finish()
}

/// Writes the fields of an event or a span, whether our own code or a library made it.
///
/// A value is bare where it is one plain word, and otherwise quoted like a string of Rust, with every character
/// escaped in it that is not for eyes. So no value can hold a line, or what looks like a field. A message is
/// constant in our code; a library's message that holds what a message may not is quoted as well.
struct Quoted;

impl<'w> FormatFields<'w> for Quoted {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line { writer, is_empty: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, name: &str, value: &str) -> fmt::Result {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.writer.write_char(' ')?;
        }
        match name {
            "message" => self.writer.write_str(value),
            name => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                let (italic, dimmed) = match self.writer.has_ansi_escapes() {
                    true => (Style::new().italic(), Style::new().dimmed()),
                    false => (Style::new(), Style::new()),
                };
                write!(self.writer, "{italic}{name}{italic:#}{dimmed}={dimmed:#}{value}")
            }
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A string is quoted even where it is one word, which tells it from a number.
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_error(&mut self, field: &Field, error: &(dyn std::error::Error + 'static)) {
        let mut text = Capped::default();
        // Writing to the text does not fail, nor does, by contract, showing an error.
        let _ = write!(text, "{error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.record_debug(field, &format_args!("{}", text.end()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // The fields that the `log` crate adds, of where an event came from, are left out.
        if self.result.is_err() || field.name().starts_with("log.") {
            return;
        }
        let mut text = Capped::default();
        // A value that cannot be shown must not take the line with it.
        let _ = write!(text, "{value:?}");
        let text = text.end();
        let shown = match field.name() {
            "message" => message(text),
            _ => quoted(text),
        };
        self.result = self.write(field.name(), &shown);
    }
}

/// A message as it is, or quoted where it could be taken for more than a message.
fn message(text: String) -> String {
    if text.contains('=') || text.contains(is_deceptive) { escaped(&text) } else { text }
}

/// A value as it is where it is one plain word or in quotes already, and otherwise quoted.
fn quoted(text: String) -> String {
    let is_word =
        !text.is_empty() && !text.contains(|c| is_deceptive(c) || c.is_whitespace() || BREAKS.contains(&c));
    if is_word || is_quoted(&text) { text } else { escaped(&text) }
}

/// A text in quotes, with every character escaped in it that is not for eyes. These are more than Rust's own
/// escapes take for such: a letter may be as wide as others and invisible.
fn escaped(text: &str) -> String {
    let quoted = format!("{text:?}");
    let mut shown = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        if is_deceptive(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// Whether a text is one string in quotes, in which everything is escaped that must be.
fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return false };
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            _ if is_deceptive(c) => return false,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

/// Keeps so much of a text, and counts the rest: the words of others may be long.
#[derive(Default)]
struct Capped {
    text: String,
    left_out: usize,
}

impl Capped {
    fn end(self) -> String {
        match self.left_out {
            0 => self.text,
            left_out => format!("{}… ({left_out} bytes left out)", self.text),
        }
    }
}

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_VALUE.saturating_sub(self.text.len());
        let kept = text.floor_char_boundary(if self.left_out == 0 { room } else { 0 });
        self.text.push_str(&text[..kept]);
        self.left_out += text.len() - kept;
        Ok(())
    }
}

/// The characters at which a word ends, or could be taken to end.
const BREAKS: [char; 3] = ['=', '"', '\\'];

/// The most bytes of one value that are written.
const MAX_VALUE: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while this is done, without the times and without our own colours.
    fn logged(ansi: bool, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(EnvFilter::new("trace"), ansi, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(lines.0.lock().expect("nobody panicked").clone()).expect("text")
    }

    #[test]
    fn what_is_one_word_is_bare_and_all_else_is_quoted() {
        let line = logged(false, || {
            let (peer, text) = ("127.0.0.1:51234", "x enrolled minion=evil");
            tracing::warn!(%peer, reason = %text, why = text, n = 7, none = None::<&str>, quoted = ?"a \"b\"", "refused");
        });
        let expected = "refused peer=127.0.0.1:51234 reason=\"x enrolled minion=evil\" \
                        why=\"x enrolled minion=evil\" n=7 quoted=\"a \\\"b\\\"\"\n";
        assert!(line.ends_with(expected), "{line}");
    }

    #[test]
    fn nobody_can_forge_a_line_a_field_or_a_screen() {
        let hostile = "closed\n2026-01-01T00:00:00Z INFO overlord: enrolled minion=evil \u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{2028}";
        for ansi in [false, true] {
            let lines = logged(ansi, || {
                let span = tracing::info_span!("of", peer = hostile);
                let _entered = span.enter();
                tracing::warn!(error = %hostile, "gone");
                // As a library does that does not know better.
                tracing::warn!("gone: {hostile}");
                let error = io::Error::other(hostile);
                tracing::warn!(error = &error as &dyn std::error::Error, "gone");
            });
            assert_eq!(lines.lines().count(), 3, "{lines}");
            let plain = anstream::adapter::strip_str(&lines).to_string();
            assert!(plain.lines().all(|line| !line.contains(is_deceptive)), "{plain:?}");
            assert!(!plain.contains(" minion=evil ") || plain.matches("\\n2026").count() >= 3, "{plain}");
        }
    }

    #[test]
    fn letters_that_cannot_be_seen_are_escaped() {
        for hidden in ['\u{3164}', '\u{115f}', '\u{ffa0}', '\u{34f}', '\u{180b}'] {
            let line = logged(false, || tracing::warn!(value = %hidden, "{hidden}"));
            assert!(!line.trim_end_matches('\n').contains(is_deceptive), "{line:?}");
            assert!(line.contains(&format!("value=\"\\u{{{:x}}}\"", u32::from(hidden))), "{line:?}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        let line = logged(false, || tracing::warn!(text = "é".repeat(100_000), "long"));
        assert!(line.len() < 2 * MAX_VALUE && line.contains("bytes left out"), "{}", line.len());
    }

    proptest! {
        #[test]
        fn every_value_can_be_told_from_what_is_around_it(value in any::<String>()) {
            let line = logged(false, || tracing::warn!(value = %value, after = 1, "message"));
            let (_, fields) = line.trim_end_matches('\n').split_once("message ").expect("a message");
            let shown = fields.strip_prefix("value=").and_then(|rest| rest.strip_suffix(" after=1"));
            let shown = shown.expect("both fields");
            prop_assert!(!shown.contains(is_deceptive));
            let is_bare = !shown.contains([' ', '=', '"']);
            prop_assert!(is_bare && shown == value || is_quoted(shown), "{shown}");
        }
    }
}
