//! What several minions answered with records, as one table with a row for each of them.

use std::collections::HashMap;

use output::{Reader, Shown};
use wire::message::operator::Part;
use wire::message::outcome::Outcome;
use wire::name::MinionName;
use wire::value::Value;

use super::answer_tables;
use super::line::would;
use super::names::folded;
use super::outcomes::{outcomes, outcomes_alone};

/// How many rows of answers a terminal is given: more than that is for programs, and stands in the cells as it did.
const MAX_ROWS: usize = 2000;

/// How many ranges of names stand before an answer that many minions gave.
const MAX_NAMES: usize = 2;

/// How the minions fared, and below it a row for each record of their answers. `None` where somebody answered with something
/// else, where all of it has room in the cells, and for programs, which read line by line.
pub(super) fn table(parts: &[Part], reader: Reader) -> Option<Shown> {
    let answers = answers(parts).filter(|_| reader.is_terminal())?;
    let is_list = |value: &&Value| matches!(value, Value::List(_));
    if !answers.iter().any(|(_, answer)| is_list(answer)) && outcomes(parts, reader).fits(reader) {
        return None;
    }
    let rows =
        answers.iter().map(|(_, answer)| if let Value::List(values) = answer { values.len() } else { 1 });
    if rows.sum::<usize>() > MAX_ROWS {
        return None;
    }
    let groups = grouped(&answers);
    let groups: Vec<(Option<&str>, &Value)> =
        groups.iter().map(|(names, answer)| (Some(names.as_str()), *answer)).collect();
    let tables = answer_tables::joined(&answer_tables::tables(&groups, reader)?, reader)?;
    Some(outcomes_alone(parts, reader).shown(reader).and(tables))
}

/// What each minion answered; `None` where there is more to say of one of them.
fn answers(parts: &[Part]) -> Option<Vec<(&MinionName, &Value)>> {
    let mut answers = Vec::new();
    for part in parts {
        match part.report.as_ref().map(|report| &report.outcome) {
            Some(_) if !would(part).is_empty() => return None,
            Some(Outcome::Ok(Some(value))) => answers.push((&part.minion, answer_tables::behind(value))),
            Some(Outcome::Ok(None)) => return None,
            None if part.progress.is_some() => return None,
            Some(Outcome::Failed(_)) | None => {}
        }
    }
    Some(answers)
}

/// Each answer once, with the names of those that gave it, in the order of the first of them.
fn grouped<'a>(answers: &[(&MinionName, &'a Value)]) -> Vec<(String, &'a Value)> {
    let mut groups: Vec<(Vec<MinionName>, &Value)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (minion, answer) in answers {
        let place = *places.entry(format!("{answer:?}")).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((minions, _)) => minions.push((*minion).clone()),
            None => groups.push((vec![(*minion).clone()], answer)),
        }
    }
    groups.into_iter().map(|(minions, answer)| (folded(&minions, MAX_NAMES), answer)).collect()
}
