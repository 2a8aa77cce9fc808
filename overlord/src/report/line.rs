//! What one row of a job's table says: one minion's part, or that of many which went the same way.

use std::collections::HashMap;

use output::{Color, Reader, width};
use wire::message::call::Progress;
use wire::message::job::{MinionState, OutcomeKind};
use wire::message::operator::Part;
use wire::message::outcome::{Failure, FailureKind, Outcome};
use wire::name::MinionName;

use super::absence;
use super::cells::cell;
use super::names::folded;
use wire::document::text::{printable, span};

/// The most lines of a guest's stderr that stand below its error.
const MAX_STDERR: usize = 5;

/// The most characters of anything in one cell of a terminal: what is longer is for programs.
const MAX_CELL: usize = 4000;

/// How many rows must say the same to become one.
const MANY: usize = 4;

/// How wide the names of many minions may be, and how many lines of them a terminal is given.
const NAMES_WIDTH: usize = 24;
const MAX_NAMES_LINES: usize = 8;

/// What one row says.
pub(super) struct Line {
    pub(super) minions: Vec<MinionName>,
    pub(super) outcome: &'static str,
    pub(super) color: Color,
    pub(super) value: String,
    /// How long it took, in microseconds: the longest of many.
    wall_us: Option<u64>,
    pub(super) error: String,
}

impl Line {
    /// What there is to say of one part.
    pub(super) fn of(part: &Part, reader: Reader) -> Self {
        let state = part.state.map_or("waiting", MinionState::as_str);
        let outcome = part.state.and_then(MinionState::outcome);
        let mut line = Line {
            minions: vec![part.minion.clone()],
            outcome: outcome.map_or(state, OutcomeKind::as_str),
            color: outcome.map_or(Color::BrightCyan, color),
            value: part.progress.as_ref().map(progress).unwrap_or_default(),
            wall_us: None,
            error: String::new(),
        };
        if let Some(absence) = &part.absence {
            (line.outcome, line.color) = (absence::OUT_OF_TOUCH, Color::BrightYellow);
            line.error = absence::words(absence, part);
        }
        let Some(report) = &part.report else { return line };
        line.value = String::new();
        match &report.outcome {
            Outcome::Ok(result) => {
                line.value = result.as_ref().map_or_else(|| "-".to_owned(), |value| cell("", value, reader));
            }
            Outcome::Failed(failure) => line.error = error(failure, reader),
        }
        if let Some(given_up) = &part.given_up {
            line.error.push_str(&format!("\n| {}", absence::given_up_words(given_up)));
        }
        for effect in would(part) {
            line.value.push_str(&format!("\n{effect}"));
        }
        line.value = cut(line.value.trim_start_matches('\n'), reader);
        if report.module.is_some() || report.cost.wall_us > 0 {
            line.wall_us = Some(report.cost.wall_us);
        }
        line
    }

    /// The name of its minion, or how many there are with their names in short.
    pub(super) fn names(&self, reader: Reader) -> String {
        match &self.minions[..] {
            [one] => one.to_string(),
            many => format!("{} minions\n{}", many.len(), wrapped(&folded(many, usize::MAX), reader)),
        }
    }

    /// How long it took.
    pub(super) fn time(&self) -> String {
        match (self.wall_us, self.minions.len()) {
            (None, _) => "-".to_owned(),
            (Some(us), 1) => span(us),
            (Some(us), _) => format!("≤ {}", span(us)),
        }
    }
}

/// A line for each part, and one for many that say the same: those with the most minions first, then those that differ.
pub(super) fn lines(parts: &[Part], reader: Reader) -> Vec<Line> {
    grouped(parts, parts.iter().map(|part| Line::of(part, reader)))
}

/// The same without what was answered, which stands elsewhere.
pub(super) fn lines_alone(parts: &[Part], reader: Reader) -> Vec<Line> {
    let alone = |part| Line { value: String::new(), ..Line::of(part, reader) };
    grouped(parts, parts.iter().map(alone))
}

fn grouped(parts: &[Part], lines: impl Iterator<Item = Line>) -> Vec<Line> {
    let mut groups: Vec<Vec<Line>> = Vec::new();
    let mut places: HashMap<(&'static str, String, String), usize> = HashMap::new();
    for line in lines {
        let place =
            *places.entry((line.outcome, line.value.clone(), line.error.clone())).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    let place: HashMap<MinionName, usize> =
        parts.iter().enumerate().map(|(place, part)| (part.minion.clone(), place)).collect();
    let (mut many, few): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.len() >= MANY);
    // The sort is stable: of as many, those that came first stay so.
    many.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut few: Vec<Line> = few.into_iter().flatten().collect();
    few.sort_by_key(|line| line.minions.first().and_then(|minion| place.get(minion)));
    many.into_iter().filter_map(as_one).chain(few).collect()
}

/// Lines that say the same as one.
fn as_one(lines: Vec<Line>) -> Option<Line> {
    lines.into_iter().reduce(|mut one, line| {
        one.minions.extend(line.minions);
        one.wall_us = one.wall_us.max(line.wall_us);
        one
    })
}

/// What a dry run would have done.
pub(super) fn would(part: &Part) -> Vec<String> {
    let effects = part.report.iter().flat_map(|report| &report.would);
    effects.map(|effect| format!("would: {}", printable(effect).replace('\n', "\n  "))).collect()
}

/// Names in lines of some width, and on a terminal not too many.
fn wrapped(names: &str, reader: Reader) -> String {
    let mut lines = vec![String::new()];
    for piece in names.split_inclusive(',') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || width(line) + width(piece) <= NAMES_WIDTH => {
                line.push_str(piece)
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    if !reader.wants_all() && lines.len() > MAX_NAMES_LINES {
        lines.truncate(MAX_NAMES_LINES);
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

fn color(outcome: OutcomeKind) -> Color {
    match outcome {
        OutcomeKind::Ok => Color::BrightGreen,
        // Nothing ran, or nobody knows: it may be tried again.
        OutcomeKind::Rejected
        | OutcomeKind::Denied
        | OutcomeKind::Undelivered
        | OutcomeKind::Lost
        | OutcomeKind::Cancelled => Color::BrightYellow,
        OutcomeKind::Error
        | OutcomeKind::Trapped
        | OutcomeKind::TimedOut
        | OutcomeKind::Killed
        | OutcomeKind::Interrupted => Color::BrightRed,
    }
}

fn progress(progress: &Progress) -> String {
    let note = printable(&progress.note);
    let figures = match progress.total {
        0 => progress.done.to_string(),
        total => format!("{}/{total}", progress.done),
    };
    format!("{figures} {note}").trim_end().to_owned()
}

/// The message, with its kind where the outcome does not say it, and what the guest last wrote to stderr.
fn error(failure: &Failure, reader: Reader) -> String {
    let (kind, outcome) = (failure.kind.as_str(), failure.kind.outcome().as_str());
    // What a method returned is for programs what it is. All else that a guest says is for people alone.
    let mut text = match failure.kind {
        FailureKind::Error => reader.text(&failure.message),
        _ => printable(&failure.message),
    };
    if kind != outcome {
        text = format!("{kind}: {text}");
    }
    let stderr = printable(failure.stderr.as_deref().unwrap_or_default());
    // A panic's message is in both.
    let said: Vec<&str> = stderr.lines().filter(|line| !failure.message.contains(line.trim())).collect();
    for line in &said[said.len().saturating_sub(MAX_STDERR)..] {
        text.push_str(&format!("\n| {line}"));
    }
    cut(&text, reader)
}

fn cut(text: &str, reader: Reader) -> String {
    match text.char_indices().nth(MAX_CELL) {
        Some((end, _)) if !reader.wants_all() => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}
