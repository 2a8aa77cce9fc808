//! A job as a table: one row a minion, errors in the last column.

use output::{Reader, Shown, width};
use wire::message::job::MinionState;
use wire::message::operator::{JobDocument, Part};
use wire::message::outcome::Outcome;

use super::line::{Line, would};
use super::outcomes::{lone_row, outcomes, result};
use super::{absence, answer_tables, answers_by_minion};
use wire::document::text::{counted, since};

/// The parts of a job as a table, in the order of the document, where many that say the same are one row.
///
/// On a terminal it is no wider than that: a value that does not fit is cut, an error is wrapped. Elsewhere every row is
/// as long as it is, and every byte as it was said. The value of a job on one minion is whole everywhere: what does not fit
/// into its row, and what has fields, stands below it. On a terminal so do the records that several minions answered with.
pub fn table(document: &JobDocument, reader: Reader) -> Shown {
    if let [part] = &document.parts[..]
        && let Some(shown) = alone(part, reader)
    {
        return shown;
    }
    let apart = || outcomes(&document.parts, reader).shown(reader);
    answers_by_minion::table(&document.parts, reader).unwrap_or_else(apart)
}

/// One part of a job as a row that stands by itself, for outcomes that are shown as they come in; `names` is
/// how wide the longest name of the job is.
pub fn row(part: &Part, names: usize, reader: Reader) -> Shown {
    lone_row(part, names, reader).shown(reader)
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

/// The only part of a job with its value below it, where that is no short text.
fn alone(part: &Part, reader: Reader) -> Option<Shown> {
    let Outcome::Ok(Some(value)) = &part.report.as_ref()?.outcome else { return None };
    let line = Line::of(part, reader);
    let cells = [("MINION", line.names(reader)), ("OUTCOME", line.outcome.to_owned()), ("TIME", line.time())];
    let beside = cells.iter().map(|(heading, cell)| width(heading).max(width(cell)) + 2).sum();
    let value = answer_tables::below(value, beside, reader)?;
    let shown = result(part, reader).shown(reader).and(value);
    match would(part) {
        effects if effects.is_empty() => Some(shown),
        effects => Some(shown.and(answer_tables::shown(effects.join("\n"), reader))),
    }
}

#[cfg(test)]
mod tests;
