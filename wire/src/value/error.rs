//! Why something is not a value of its type, and at which place of it: one error for all notations.

use std::fmt;
use std::io;

use serde_json::Value as Json;

use crate::value::method::TypeRef;
use crate::value::{MAX_DEPTH, TooDeep};

/// The most characters of anything given that a message repeats.
const MAX_ECHO: usize = 80;

/// The error for something that is not a value of the type that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", prefix(.path))]
pub struct ValueError {
    /// The place in the value, as in `mounts[2].options`; empty where it is the whole value.
    pub path: String,
    /// What is wrong at that place.
    pub problem: Problem,
}

/// What is wrong at one place of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Problem {
    /// Something of another kind stands there.
    #[error("expected {expected}, got {got}")]
    Unexpected { expected: String, got: String },
    /// Something of another kind stands there, and the likely mistake is the way in which it was written.
    #[error("expected {expected}, got {got}: {hint}")]
    Written { expected: String, got: String, hint: String },
    /// A record has a field twice.
    #[error("field {0} is given twice")]
    FieldTwice(String),
    /// A JSON object has a key twice; the text is the whole message.
    #[error("{0}")]
    KeyTwice(String),
    /// A number that the type cannot hold.
    #[error("{got} is out of range for {ty}")]
    OutOfRange { ty: String, got: String },
    /// The type has no such field, case or flag.
    #[error("unknown {what} {given}{}", listed(.known))]
    Unknown { what: &'static str, given: String, known: Vec<String> },
    /// A field that is no `option` is missing.
    #[error("missing field \"{0}\"")]
    MissingField(String),
    /// A flag is named twice.
    #[error("flag {0} is given twice")]
    TwiceGiven(String),
    /// A case lacks the payload that it needs.
    #[error("\"{case}\" needs a payload: {ty}{}", such_as(.specimen))]
    MissingPayload { case: String, ty: String, specimen: Option<String> },
    /// A case has a payload that it does not take.
    #[error("\"{0}\" takes no payload")]
    NeedlessPayload(String),
    /// A tuple has another number of elements than its type.
    #[error("expected {expected} elements, got {given}")]
    Length { expected: usize, given: usize },
    /// A string that should be base64 is not.
    #[error("{0} is not base64 (standard alphabet, padded)")]
    NotBase64(String),
    /// A text is longer than texts are read, in bytes.
    #[error("{length} bytes are over the limit of {limit}")]
    TooLong { length: usize, limit: usize },
    /// The value is nested deeper than values may be.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
    /// The type has no values that could come from outside, as a stream or a resource.
    #[error("{0} cannot be passed from outside")]
    NotPassable(String),
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn such_as(specimen: &Option<String>) -> String {
    specimen.as_ref().map(|specimen| format!(", as in '{specimen}'")).unwrap_or_default()
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it has {}", clipped(&known.join(", "))) }
}

/// A place in a value while it is read: the last step to it, the places above it, and how deep it is.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
    depth: usize,
}

/// One step down into a value.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// Into a field, a case or a side of a result; at the top, the name of the whole.
    Field(&'a str),
    /// Into an element.
    Index(usize),
    /// Into something that has no name of its own: an option, a list's type.
    Inside,
}

impl<'a> Place<'a> {
    /// The top of a value that messages call `name`; an empty name is left out of them.
    pub(crate) fn top(name: &'a str) -> Self {
        Place { above: None, step: Step::Field(name), depth: 1 }
    }

    /// One step down, unless that is too deep.
    pub(crate) fn down(&'a self, step: Step<'a>) -> Result<Self, ValueError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(TooDeep.into()));
        }
        Ok(Place { above: Some(self), step, depth: self.depth + 1 })
    }

    /// An error that says what is wrong at this place.
    pub(crate) fn error(&self, problem: Problem) -> ValueError {
        ValueError { path: self.to_string(), problem }
    }

    /// The error that `got` is not of the type `ty`.
    pub(crate) fn unexpected(&self, ty: TypeRef<'_>, got: impl Into<String>) -> ValueError {
        self.error(Problem::Unexpected { expected: clipped(&ty.definition_text()), got: got.into() })
    }
}

impl Place<'_> {
    /// Like [`Place::unexpected`], with a hint at how the value is written.
    pub(crate) fn written(&self, ty: TypeRef<'_>, got: impl Into<String>, hint: String) -> ValueError {
        let expected = clipped(&ty.definition_text());
        self.error(Problem::Written { expected, got: got.into(), hint })
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::with_capacity(self.depth);
        let mut place = Some(self);
        while let Some(Place { above, step, .. }) = place {
            steps.push(step);
            place = *above;
        }
        let mut first = true;
        for step in steps.into_iter().rev() {
            match step {
                Step::Field(name) if first => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Inside => {}
            }
            first &= matches!(step, Step::Field("") | Step::Inside);
        }
        Ok(())
    }
}

/// A text in quotes, cut to what a message may repeat, with nothing in it that could steer a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(MAX_ECHO).collect();
    let whole = format!("{start:?}");
    if start.len() == text.len() && whole.chars().count() <= MAX_ECHO {
        return whole;
    }
    whole.chars().take(MAX_ECHO - 2).chain(['…', '"']).collect()
}

/// A JSON value as text, cut to what a message may repeat.
pub(crate) fn echoed(json: &Json) -> String {
    if let Json::String(text) = json {
        return quoted(text);
    }
    let mut start = Start(Vec::new());
    // A writer that is full ends the rendering of a large value: the error says no more than that.
    let _ = serde_json::to_writer(&mut start, json);
    clipped(&String::from_utf8_lossy(&start.0)).replace(char::is_control, "\u{fffd}")
}

/// A text of at most as many characters as a message may repeat.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_ECHO) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_ECHO - 1).chain(['…']).collect(),
    }
}

/// Keeps the start of what is written and then fails.
struct Start(Vec<u8>);

impl io::Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > 4 * MAX_ECHO {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.extend(&bytes[..bytes.len().min(4 * MAX_ECHO)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_an_access_path() {
        let (top, unnamed) = (Place::top("args"), Place::top(""));
        let mounts = top.down(Step::Field("mounts")).unwrap();
        let third = mounts.down(Step::Index(2)).unwrap();
        let inside = third.down(Step::Inside).unwrap();
        assert_eq!(inside.down(Step::Field("options")).unwrap().to_string(), "args.mounts[2].options");
        let inside = unnamed.down(Step::Inside).unwrap();
        assert_eq!(inside.down(Step::Field("mounts")).unwrap().to_string(), "mounts");
        assert_eq!(unnamed.down(Step::Index(2)).unwrap().to_string(), "[2]");
    }

    #[test]
    fn what_is_repeated_is_short_and_cannot_steer_a_terminal() {
        assert_eq!(quoted("\u{1b}[2J"), "\"\\u{1b}[2J\"");
        let large = Json::Array(vec![Json::from("x".repeat(1000)); 1000]);
        assert_eq!(echoed(&large).chars().count(), MAX_ECHO);
        assert!(echoed(&large).ends_with('…'));
        assert_eq!(echoed(&serde_json::json!([1, "a"])), r#"[1,"a"]"#);
        assert_eq!(echoed(&serde_json::json!(["\u{9b}2J"])), "[\"\u{fffd}2J\"]");
        assert_eq!(quoted("ab"), "\"ab\"");
    }

    #[test]
    fn what_is_too_long_is_cut_to_eighty_characters_and_says_so() {
        let x = |count: usize| "x".repeat(count);
        assert_eq!(quoted(&x(78)), format!("\"{}\"", x(78)));
        for long in [79, 80, 81, 1000] {
            assert_eq!(quoted(&x(long)), format!("\"{}…\"", x(77)), "{long}");
        }
        assert_eq!(clipped(&x(80)), x(80));
        assert_eq!(clipped(&x(81)), format!("{}…", x(79)));
        // Counted in characters, of which each may be four bytes.
        let faces = |count: usize| "😀".repeat(count);
        assert_eq!(quoted(&faces(100)), format!("\"{}…\"", faces(77)));
        assert_eq!(clipped(&faces(81)), format!("{}…", faces(79)));
        assert_eq!(echoed(&serde_json::json!([faces(100)])), format!("[\"{}…", faces(77)));
        let many = Json::from(vec!["😀"; 100]);
        assert_eq!(echoed(&many), format!("[{}\"😀…", "\"😀\",".repeat(19)));
    }

    #[test]
    fn no_more_of_a_large_value_is_written_than_a_message_can_need() {
        let mut start = Start(Vec::new());
        let large = Json::Array(vec![Json::from("x".repeat(1000)); 1000]);
        assert!(serde_json::to_writer(&mut start, &large).is_err());
        assert!(start.0.len() <= 8 * MAX_ECHO + 1, "{} bytes", start.0.len());
    }

    #[test]
    fn no_place_is_deeper_than_values_are() {
        fn deepest(place: &Place<'_>) -> (usize, String) {
            match place.down(Step::Index(0)) {
                Ok(below) => deepest(&below),
                Err(error) => (place.depth, error.problem.to_string()),
            }
        }
        assert_eq!(deepest(&Place::top("")), (MAX_DEPTH, "nested deeper than 64 levels".to_owned()));
    }
}
