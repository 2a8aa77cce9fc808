//! A job as a table: one row a minion, errors in the last column.

use output::{Cell, CellAlignment, Color, ColumnConstraint, Styled, Table, Width};
use wire::call::Progress;
use wire::job::{MinionState, OutcomeKind};
use wire::operator::{JobDocument, Part};
use wire::outcome::{Failure, Outcome};

use super::absence;
use super::text::{counted, printable, since, span, value};

/// How wide "out of touch" is.
const LONGEST_OUTCOME: u16 = 12;

/// How wide the longest span of time is: "59m 59s".
const LONGEST_TIME: u16 = 7;

/// The most lines of one value that a terminal is given.
const MAX_LINES: usize = 20;

/// The most lines of a guest's stderr that stand below its error.
const MAX_STDERR: usize = 5;

/// The most characters of anything in one cell: what is longer is for programs, in the JSON document.
const MAX_CELL: usize = 4000;

/// The parts of a job as a table, in the order of the document.
///
/// On a terminal it is no wider than that: a value that does not fit is cut and ends in `…`, an error is
/// wrapped. Elsewhere every row is as long as it is.
pub fn table(document: &JobDocument) -> Styled {
    render(document, Table::fitting())
}

/// One part of a job as a row that stands by itself, for outcomes that are shown as they come in; `names` is
/// how wide the longest name of the job is.
pub fn row(part: &Part, names: usize) -> Styled {
    lone_row(part, names, Table::fitting())
}

/// One line about a whole job: how many minions, the outcomes, the job's id, and how long it took.
pub fn closing(document: &JobDocument) -> String {
    let mut counts: Vec<String> =
        document.counts().iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let open = document.parts.iter().filter(|part| part.state.and_then(MinionState::outcome).is_none());
    let (away, here): (Vec<_>, Vec<_>) = open.partition(|part| part.absence.is_some());
    for (open, what) in [(here, "not done"), (away, absence::OUT_OF_TOUCH)] {
        if !open.is_empty() {
            counts.push(format!("{} {what}", open.len()));
        }
    }
    let took = match document.ended_at {
        Some(ended) => since(document.accepted_at, ended),
        None => document.state.to_string(),
    };
    let minions = counted(document.parts.len(), "minion");
    format!("{minions}: {} · job {} · {took}", counts.join(", "), document.job)
}

fn render(document: &JobDocument, mut table: Table) -> Styled {
    let lines: Vec<Line> = document.parts.iter().map(Line::of).collect();
    let with_errors = lines.iter().any(|line| !line.error.is_empty());
    // A column that would be empty takes room from the others.
    let with_values = !with_errors || lines.iter().any(|line| !line.value.is_empty());
    table.set_truncation_indicator("…");
    let mut heading = vec!["MINION", "OUTCOME"];
    heading.extend(with_values.then_some("VALUE"));
    heading.push("TIME");
    heading.extend(with_errors.then_some("ERROR"));
    table.set_header(&heading);
    let on_terminal = table.width().is_some();
    for line in lines {
        let height = line.max_height(on_terminal);
        table.add_row(line.cells(with_values, with_errors), height);
    }
    for (column, heading) in table.column_iter_mut().zip(&heading) {
        column.set_padding((0, 2));
        // Names and figures stay whole; what is long shares the room that is left.
        if !matches!(*heading, "VALUE" | "ERROR") {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if *heading == "TIME" {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.render()
}

fn lone_row(part: &Part, names: usize, mut table: Table) -> Styled {
    let Line { minion, outcome, color, value, time, error } = Line::of(part);
    let text = [value, error].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    let outcome = Cell::new(outcome).fg(color);
    table.add_row([Cell::new(minion), outcome, Cell::new(time), Cell::new(text)], None);
    let longest_name = u16::try_from(names).unwrap_or(u16::MAX);
    for (column, width) in table.column_iter_mut().zip([longest_name, LONGEST_OUTCOME, LONGEST_TIME]) {
        column.set_padding((0, 2)).set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
    }
    if let Some(column) = table.column_mut(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_padding((0, 0));
    }
    table.render()
}

/// What one row says.
struct Line {
    minion: String,
    outcome: &'static str,
    color: Color,
    value: String,
    time: String,
    error: String,
}

impl Line {
    fn of(part: &Part) -> Self {
        let state = part.state.map_or("waiting", MinionState::as_str);
        let outcome = part.state.and_then(MinionState::outcome);
        let mut line = Line {
            minion: part.minion.to_string(),
            outcome: outcome.map_or(state, OutcomeKind::as_str),
            color: outcome.map_or(Color::Cyan, color),
            value: part.progress.as_ref().map(progress).unwrap_or_default(),
            time: "-".to_owned(),
            error: String::new(),
        };
        if let Some(absence) = &part.absence {
            (line.outcome, line.color) = (absence::OUT_OF_TOUCH, Color::Yellow);
            line.error = absence::words(absence, part);
        }
        let Some(report) = &part.report else { return line };
        line.value = String::new();
        match &report.outcome {
            Outcome::Ok(result) => line.value = result.as_ref().map_or_else(|| "-".to_owned(), value),
            Outcome::Failed(failure) => line.error = error(failure),
        }
        if let Some(given_up) = &part.given_up {
            line.error.push_str(&format!("\n| {}", absence::given_up_words(given_up)));
        }
        for effect in &report.would {
            line.value.push_str(&format!("\nwould: {}", printable(effect)));
        }
        line.value = cut(line.value.trim_start_matches('\n'));
        if report.module.is_some() || report.cost.wall_us > 0 {
            line.time = span(report.cost.wall_us);
        }
        line
    }

    /// Of how many lines it may be: a terminal is not flooded with a value, and has an error to its end.
    fn max_height(&self, on_terminal: bool) -> Option<usize> {
        (on_terminal && self.error.is_empty()).then(|| self.value.lines().count().min(MAX_LINES))
    }

    fn cells(self, with_value: bool, with_error: bool) -> Vec<Cell> {
        let mut cells = vec![Cell::new(self.minion), Cell::new(self.outcome).fg(self.color)];
        cells.extend(with_value.then(|| Cell::new(self.value)));
        cells.push(Cell::new(self.time));
        cells.extend((with_error && !self.error.is_empty()).then(|| Cell::new(self.error).fg(self.color)));
        cells
    }
}

fn color(outcome: OutcomeKind) -> Color {
    match outcome {
        OutcomeKind::Ok => Color::Green,
        // Nothing ran, or nobody knows: it may be tried again.
        OutcomeKind::Rejected
        | OutcomeKind::Denied
        | OutcomeKind::Undelivered
        | OutcomeKind::Lost
        | OutcomeKind::Cancelled => Color::Yellow,
        OutcomeKind::Error
        | OutcomeKind::Trapped
        | OutcomeKind::TimedOut
        | OutcomeKind::Killed
        | OutcomeKind::Interrupted => Color::Red,
    }
}

fn progress(progress: &Progress) -> String {
    let note = printable(&progress.note);
    let figures = match progress.total {
        0 => progress.done.to_string(),
        total => format!("{}/{total}", progress.done),
    };
    cut(format!("{figures} {note}").trim_end())
}

/// The message, with its kind where the outcome does not say it, and what the guest last wrote to stderr.
fn error(failure: &Failure) -> String {
    let (kind, outcome) = (failure.kind.as_str(), failure.kind.outcome().as_str());
    let mut text = printable(&failure.message);
    if kind != outcome {
        text = format!("{kind}: {text}");
    }
    let stderr = printable(failure.stderr.as_deref().unwrap_or_default());
    // A panic's message is in both.
    let said: Vec<&str> = stderr.lines().filter(|line| !failure.message.contains(line.trim())).collect();
    for line in &said[said.len().saturating_sub(MAX_STDERR)..] {
        text.push_str(&format!("\n| {line}"));
    }
    cut(&text)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CELL) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use wire::operator::{Absence, GivenUp, Later};
    use wire::outcome::{FailureKind, Report};
    use wire::value::Value;

    use super::*;
    use crate::report::sample;

    fn plain(parts: Vec<Part>, width: Option<u16>) -> String {
        render(&sample::document(parts), Table::of_width(width)).to_string()
    }

    fn text(text: &str) -> Outcome {
        Outcome::Ok(Some(Value::String(text.into())))
    }

    #[test]
    fn values_stand_in_line_and_errors_last() {
        let parts = vec![
            sample::ended("web1", Outcome::Ok(Some(Value::Signed(5))), 1900),
            sample::ended("database1", Outcome::failed(FailureKind::Trapped, "panicked: no"), 14_000),
            sample::undone("web2", Outcome::failed(FailureKind::UnknownMethod, "has no such method")),
        ];
        let expected = "\
MINION     OUTCOME   VALUE    TIME  ERROR
web1       ok        5      1.9 ms
database1  trapped           14 ms  panicked: no
web2       rejected              -  unknown-method: has no such method";
        assert_eq!(plain(parts, None), expected);
    }

    #[test]
    fn there_is_no_error_column_without_errors() {
        let parts = vec![sample::ended("web1", Outcome::Ok(None), 1900), sample::running("web2")];
        let expected = "\
MINION  OUTCOME  VALUE           TIME
web1    ok       -             1.9 ms
web2    running  3/10 copying       -";
        assert_eq!(plain(parts, None), expected);
    }

    #[test]
    fn a_table_fits_its_terminal() {
        let long = "word ".repeat(100);
        let trap = Outcome::failed(FailureKind::Trapped, long.clone());
        let parts = vec![
            sample::ended("web1", text(&long), 1900),
            sample::ended("web2", text(&"x".repeat(300)), 1900),
            sample::ended("web3", trap, 1900),
        ];
        let table = plain(parts, Some(80));
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("web")).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows[..2].iter().all(|row| row.contains('…')), "{table}");
        // The error is there to its end.
        assert_eq!(table.matches("word").count() - rows[0].matches("word").count(), 100);
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let long = "word ".repeat(100);
        let table = plain(vec![sample::ended("web1", text(long.trim()), 1900)], None);
        assert_eq!(table.lines().count(), 2);
        assert!(table.contains(long.trim()));
    }

    #[test]
    fn a_value_of_several_lines_keeps_them_in_its_column() {
        let table = plain(vec![sample::ended("web1", text("one\ntwo\n"), 1900)], Some(80));
        let expected = "\
MINION  OUTCOME  VALUE    TIME
web1    ok       one    1.9 ms
                 two";
        assert_eq!(table, expected);
        let many = plain(vec![sample::ended("web1", text(&"line\n".repeat(100)), 1900)], Some(80));
        assert_eq!(many.lines().count(), 1 + MAX_LINES);
    }

    #[test]
    fn the_last_words_of_a_guest_stand_below_its_error() {
        let failure = Failure {
            kind: FailureKind::Trapped,
            message: "panicked: boom".into(),
            value: None,
            stderr: Some("starting\nthread panicked at src/lib.rs:7:5:\nboom\n".into()),
            backtrace: None,
        };
        let table = plain(vec![sample::ended("web1", Outcome::Failed(failure), 1900)], None);
        let expected = "\
MINION  OUTCOME    TIME  ERROR
web1    trapped  1.9 ms  panicked: boom
                         | starting
                         | thread panicked at src/lib.rs:7:5:";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_dry_run_lists_what_it_would_do() {
        let mut part = sample::ended("web1", Outcome::Ok(None), 1900);
        part.report.as_mut().expect("a report").would.push("run systemctl restart nginx".into());
        assert!(plain(vec![part], None).contains("\n                 would: run systemctl restart nginx"));
    }

    #[test]
    fn a_minion_out_of_touch_is_shown_as_that_with_what_is_known_of_it() {
        let away = |part: Part, overdue: bool| {
            let absence = Absence { lost_at: 1_700_000_000_000, for_ms: 23_000, kept_ms: None, overdue };
            Part { absence: Some(absence), ..part }
        };
        let parts = vec![
            away(sample::running("web1"), false),
            away(sample::running("web2"), true),
            away(sample::silent("web3"), false),
            sample::running("web4"),
        ];
        let line = closing(&sample::document(parts.clone()));
        assert!(line.starts_with("4 minions: 1 not done, 3 out of touch · "), "{line}");
        let table = plain(parts, None);
        let rows: Vec<&str> = table.lines().collect();
        assert!(
            rows[1].starts_with("web1    out of touch") && rows[1].contains("(23.0 s): it ran there"),
            "{table}"
        );
        assert!(rows[2].contains("its timeout has passed since"), "{table}");
        assert!(rows[3].ends_with("it was sent, and nothing was heard of it"), "{table}");
        assert!(rows[4].starts_with("web4    running"), "{table}");
    }

    #[test]
    fn what_was_given_up_says_by_whom_and_what_came_of_it_later() {
        let lost = Outcome::failed(FailureKind::Lost, "given up by ann: nobody knows");
        let report = Report::without_run(Outcome::Ok(Some(Value::Signed(5))), 0);
        let given_up = |later| GivenUp { operator: "ann".parse().expect("a name"), at: 0, later };
        for (later, said) in
            [(None, "its minion has said nothing since"), (Some(Later { at: 0, report }), ": ok: 5")]
        {
            let part = Part { given_up: Some(given_up(later)), ..sample::undone("web1", lost.clone()) };
            let table = plain(vec![part], None);
            assert!(table.contains("given up by ann") && table.trim_end().ends_with(said), "{table}");
        }
    }

    #[test]
    fn the_closing_line_sums_up() {
        let trap = Outcome::failed(FailureKind::Trapped, "no");
        let mut parts = vec![
            sample::ended("web1", Outcome::Ok(None), 1),
            sample::ended("web2", Outcome::Ok(None), 1),
            sample::ended("web3", trap, 1),
        ];
        let line = closing(&sample::document(parts.clone()));
        assert_eq!(line, format!("3 minions: 2 ok, 1 trapped · job {} · 14 ms", sample::JOB));
        parts.truncate(1);
        parts.push(sample::running("web2"));
        let line = closing(&sample::document(parts));
        assert_eq!(line, format!("2 minions: 1 ok, 1 not done · job {} · partial", sample::JOB));
    }

    #[test]
    fn rows_that_come_one_by_one_are_aligned_all_the_same() {
        let alone = |part: &Part, width: Option<u16>| lone_row(part, 9, Table::of_width(width)).to_string();
        let ok = sample::ended("web1", Outcome::Ok(Some(Value::Signed(5))), 1900);
        let trap = Outcome::failed(FailureKind::Trapped, "panicked: no");
        let undone = sample::undone("web2", Outcome::failed(FailureKind::Undelivered, "it is not there"));
        assert_eq!(alone(&ok, None), "web1       ok             1.9 ms  5");
        let trapped = sample::ended("database1", trap, 14_000);
        assert_eq!(alone(&trapped, None), "database1  trapped         14 ms  panicked: no");
        assert_eq!(alone(&undone, None), "web2       undelivered         -  it is not there");
        let long = sample::ended("web1", text(&"word ".repeat(30)), 1900);
        assert!(alone(&long, Some(60)).lines().all(|line| line.chars().count() <= 60));
    }

    #[test]
    fn outcomes_have_colours() {
        let document = sample::document(vec![sample::ended("web1", Outcome::Ok(None), 1)]);
        let table = render(&document, Table::of_width(None));
        assert_ne!(table, Styled::text(&table), "the same without its styles");
    }
}
