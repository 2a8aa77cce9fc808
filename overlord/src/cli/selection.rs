//! What all commands with a target have in common: what is left out, what is let pass, what is said of
//! it, and what is asked before a call that goes far.

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use wire::message::operator::{Assume, Lenience, Refusal, RefusalKind, Target, TargetWarning};

use super::CliError;
use super::signals::interrupts;
use crate::client::{Client, ClientError, Matched};
use crate::config::Config;
use crate::report::named;
use crate::targets::check_width;
use output::note;
use wire::document::text::line;
use wire::targets::Expression;

/// What is left out of a target, and what is let pass.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selection {
    /// Leave these minions out, whatever TARGET says
    #[arg(short = 'x', long, value_name = "EXPR")]
    pub(super) exclude: Option<String>,
    #[command(flatten)]
    lenient: Lenient,
}

/// What is let pass where a target is not wholly understood.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Lenient {
    /// Go on where a name in an expression is no minion's: a warning instead of an error
    #[arg(long)]
    ignore_missing: bool,
    /// Go on where it depends on facts that were never heard whether a minion is meant: take it along, or leave it out
    #[arg(long, value_name = "match|skip", hide_possible_values = true)]
    assume_unknown: Option<Assumption>,
}

/// How `--assume-unknown` is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Assumption {
    Match,
    Skip,
}

impl Selection {
    /// The target of this expression.
    pub(super) fn of(self, expression: impl Into<String>) -> Target {
        Target { exclude: self.exclude, ..self.lenient.of(expression) }
    }
}

impl Lenient {
    /// The target of this expression.
    pub(super) fn of(self, expression: impl Into<String>) -> Target {
        let assume_unknown = self.assume_unknown.map(|assumption| match assumption {
            Assumption::Match => Assume::Match,
            Assumption::Skip => Assume::Skip,
        });
        let lenience = Lenience { ignore_missing: self.ignore_missing, assume_unknown };
        Target { lenience, ..Target::of(expression) }
    }
}

impl<T> Matched<T> {
    /// The answer, after what is to be known of the target was said to people.
    pub(super) fn said(self) -> (T, Vec<TargetWarning>) {
        warn(&self.warnings);
        (self.answer, self.warnings)
    }
}

/// Says to people what is to be known of how a target was understood.
pub(super) fn warn(warnings: &[TargetWarning]) {
    for warning in warnings {
        note(format_args!("warning: {}", line(warning.message())));
    }
}

/// Adds to a document what is to be known of how its target was understood; nothing where that is nothing.
pub(super) fn with_warnings(mut document: Json, warnings: &[TargetWarning]) -> Json {
    if !warnings.is_empty() {
        let unmatched = warnings.iter().filter_map(|warning| match warning {
            TargetWarning::Unmatched { term, .. } => Some(term.as_str()),
            TargetWarning::Unknown { .. } | TargetWarning::NotPermitted { .. } => None,
        });
        document["unmatched"] = unmatched.collect();
        document["warnings"] = warnings.iter().map(warning_document).collect();
    }
    document
}

/// Whether the overlord refused only what a user has not confirmed, and there is one to ask.
pub(super) fn is_unconfirmed(refusal: &Refusal, confirmed: bool) -> bool {
    refusal.kind == RefusalKind::NeedsConfirmation && !confirmed && output::can_ask()
}

/// Settles whether a request may go as far as it does before it is signed, so that nobody has anything signed that the user
/// then did not want. `what` begins a sentence that says where it goes, and `width` is to how many minions. Returns whether
/// it is confirmed now; `None` where the user does not want it. Where nothing is signed, the overlord asks.
///
/// # Errors
/// What `width` fails with; and as the overlord refuses it, where nobody is there to confirm it.
pub(super) async fn settle(
    client: &Client,
    confirmed: bool,
    what: &str,
    width: impl Future<Output = Result<usize, ClientError>>,
) -> Result<Option<bool>, CliError> {
    match unsettled(client, confirmed, what, width).await? {
        None => Ok(Some(confirmed)),
        Some(refusal) if is_unconfirmed(&refusal, confirmed) => {
            Ok(confirm(&refusal.message).await?.then_some(true))
        }
        Some(refusal) => Err(ClientError::from(refusal).into()),
    }
}

/// What has to be confirmed before anything is signed, where that is so.
async fn unsettled(
    client: &Client,
    confirmed: bool,
    what: &str,
    width: impl Future<Output = Result<usize, ClientError>>,
) -> Result<Option<Refusal>, ClientError> {
    if confirmed || !client.signs() {
        return Ok(None);
    }
    Ok(check_width(Config::default().confirm_above, what, width.await?, confirmed).err())
}

/// The same for a request that goes to all minions of a target.
pub(super) async fn settle_target(
    client: &Client,
    confirmed: bool,
    target: &Target,
) -> Result<Option<bool>, CliError> {
    settle(client, confirmed, &format!("\"{}\" matches", target.expression), width(client, target)).await
}

/// How many minions a target means. The overlord is asked only where the target may be wide: for named minions the names
/// alone say that it is not.
async fn width(client: &Client, target: &Target) -> Result<usize, ClientError> {
    // What is no expression is the overlord's to refuse.
    let at_most = Expression::parse(&target.expression).ok().and_then(|expression| expression.at_most());
    match at_most.filter(|most| *most <= Config::default().confirm_above) {
        Some(most) => Ok(most),
        None => Ok(client.targets(target.clone()).await?.answer.len()),
    }
}

/// Asks, and takes only a clear yes for one. Ctrl-C is a no, whoever else listens for it.
pub(super) async fn confirm(question: &str) -> Result<bool, CliError> {
    let mut interrupts = interrupts()?;
    let question = question.to_owned();
    // Off this thread, which must keep the connection alive while the user thinks.
    let answer = tokio::task::spawn_blocking(move || output::ask(&question));
    tokio::select! {
        yes = answer => yes.map_err(|error| CliError::Runtime(error.into()))?.map_err(CliError::Runtime),
        // The thread goes on reading, and ends with the program.
        _ = interrupts.recv() => Ok(false),
    }
}

fn warning_document(warning: &TargetWarning) -> Json {
    match warning {
        TargetWarning::Unmatched { term, message } => {
            json!({ "kind": "unmatched", "term": term, "message": message })
        }
        TargetWarning::Unknown { minions, message } => {
            json!({ "kind": "unknown", "minions": named(minions), "message": message })
        }
        TargetWarning::NotPermitted { minions, message } => {
            json!({ "kind": "not-permitted", "minions": named(minions), "message": message })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::client::stolen::{Stolen, first_for_all};
    use wire::message::operator::OperatorRequest;

    use super::*;

    #[tokio::test]
    async fn what_is_wide_is_confirmed_before_it_is_signed() {
        let stolen = Stolen::that(first_for_all).await;
        let target = Target::of("*");
        let refusal = unsettled(&stolen.client, false, "\"*\" matches", width(&stolen.client, &target)).await;
        let refusal = refusal.expect("asked").expect("101 minions");
        assert_eq!(refusal.kind, RefusalKind::NeedsConfirmation);
        assert!(refusal.message.contains("\"*\" matches 101 minions"), "{refusal}");
        let asked = machine::lock::hold(&stolen.asked).clone();
        assert!(matches!(asked.as_slice(), [OperatorRequest::Targets(_)]), "nothing signed: {asked:?}");
        let confirmed = unsettled(&stolen.client, true, "", width(&stolen.client, &target)).await;
        assert_eq!(confirmed.expect("not asked"), None);
        assert_eq!(unsettled(&stolen.client, false, "", async { Ok(100) }).await.expect("asked"), None);
    }

    #[tokio::test]
    async fn nobody_is_asked_how_wide_a_few_names_are() {
        let stolen = Stolen::that(first_for_all).await;
        let target = Target::of("web1,web2");
        let settled = unsettled(&stolen.client, false, "", width(&stolen.client, &target)).await;
        assert_eq!(settled.expect("not asked"), None);
        assert!(machine::lock::hold(&stolen.asked).is_empty());
    }

    #[test]
    fn a_document_has_warnings_only_where_there_are_some() {
        assert_eq!(with_warnings(json!({ "job": 1 }), &[]), json!({ "job": 1 }));
        let warnings = [
            TargetWarning::Unmatched { term: "wbe2".into(), message: "no".into() },
            TargetWarning::Unknown { minions: vec!["db1".parse().expect("a name")], message: "out".into() },
        ];
        let expected = json!({
            "job": 1,
            "unmatched": ["wbe2"],
            "warnings": [
                { "kind": "unmatched", "term": "wbe2", "message": "no" },
                { "kind": "unknown", "minions": [{ "name": "db1" }], "message": "out" },
            ],
        });
        assert_eq!(with_warnings(json!({ "job": 1 }), &warnings), expected);
    }
}
