//! Parts whose minions are out of touch, or were given up.

use serde_json::{Map, Value as Json, json};
use wire::message::job::MinionState;
use wire::message::operator::{Absence, GivenUp, Part};
use wire::message::outcome::{Outcome, Report};

use machine::clock::rfc3339;
use machine::moment::local;
use wire::document::text::{line, plain, span};

/// What stands in the place of an outcome.
pub(super) const OUT_OF_TOUCH: &str = "out of touch";

/// What is known of a part whose minion is out of touch, in one line.
pub(super) fn words(absence: &Absence, part: &Part) -> String {
    let Absence { lost_at, for_ms, kept_ms, overdue } = absence;
    let since = format!("since {} ({})", local(*lost_at), span(for_ms.saturating_mul(1000)));
    let what = match (kept_ms, part.state) {
        (Some(kept_ms), _) => {
            format!("not sent yet; kept for it for another {}", span(kept_ms.saturating_mul(1000)))
        }
        (None, Some(MinionState::Running)) if *overdue => {
            "it ran there, and its timeout has passed since: it is over, or the minion is down".to_owned()
        }
        (None, Some(MinionState::Running)) => "it ran there when the link was lost".to_owned(),
        (None, Some(MinionState::Queued)) => "it waited for its turn there".to_owned(),
        (None, _) => "it was sent, and nothing was heard of it".to_owned(),
    };
    format!("{since}: {what}")
}

/// The same for programs.
pub(super) fn document(absence: &Absence) -> Map<String, Json> {
    let Absence { lost_at, overdue, kept_ms, .. } = absence;
    let mut json = Map::from_iter([
        ("out_of_touch".to_owned(), true.into()),
        ("out_of_touch_at".to_owned(), rfc3339(*lost_at).into()),
        ("overdue".to_owned(), (*overdue).into()),
    ]);
    if let Some(kept_ms) = kept_ms {
        json.insert("kept_ms".to_owned(), (*kept_ms).into());
    }
    json
}

/// By whom a part was given up, and what its minion said of it later.
pub(super) fn given_up_words(given_up: &GivenUp) -> String {
    let by = format!("given up by {} at {}", given_up.operator, local(given_up.at));
    match &given_up.later {
        None => format!("{by}; its minion has said nothing since"),
        Some(later) => format!("{by}; its minion said at {}: {}", local(later.at), outcome(&later.report)),
    }
}

/// The same for programs.
pub(super) fn given_up_document(given_up: &GivenUp) -> Json {
    let later = given_up.later.as_ref().map(|later| {
        let mut json = later.report.document();
        json.insert("heard_at".to_owned(), rfc3339(later.at).into());
        json
    });
    json!({ "operator": given_up.operator, "given_up_at": rfc3339(given_up.at), "heard_later": later })
}

/// An outcome and its value or error, on one line: what the minion says must not pass for a line about another.
fn outcome(report: &Report) -> String {
    let kind = report.outcome.kind();
    match &report.outcome {
        Outcome::Ok(None) => kind.to_string(),
        Outcome::Ok(Some(result)) => format!("{kind}: {}", line(&plain(result))),
        Outcome::Failed(failure) => format!("{kind}: {}", line(&failure.message)),
    }
}
