//! The calls that are made to measure.

use wire::message::job::{MinionState, OutcomeKind};
use wire::message::operator::{Call, Follow, JobDocument, Target};
use wire::value::Value;
use wire::value::arguments::Arguments;

use overlord::client::{Client, ClientError, JobEvent};

/// Whether a job is on disk before it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// It is not: an operator waits for the outcome.
    Lazy,
    /// It is.
    Durable,
}

/// A call of a method of the module `test`, on all minions.
pub(super) fn call(method: &str, arguments: Vec<Value>, record: Record) -> Call {
    // Only literals come here.
    let method = method.parse().expect("the methods that are measured with have the form of one");
    let durable = record == Record::Durable;
    Call { durable, confirmed: true, ..Call::new(Target::of("*"), method, Arguments::Values(arguments)) }
}

/// Makes a call and waits for all its outcomes.
pub(super) async fn finished(client: &Client, call: Call) -> Result<JobDocument, ClientError> {
    let mut events = client.call(call, Follow::Outcomes).await?;
    let mut last = None;
    while let Some(event) = events.next().await? {
        if let JobEvent::Document(document) = event {
            last = Some(*document);
        }
    }
    last.ok_or(ClientError::Unexpected)
}

/// The first part of a job that did not end as `ok`, in words.
pub(super) fn not_ok(document: &JobDocument) -> Option<String> {
    let outcome = |state: Option<MinionState>| state.and_then(MinionState::outcome);
    let part = document.parts.iter().find(|part| outcome(part.state) != Some(OutcomeKind::Ok))?;
    let ended = outcome(part.state).map_or("not over", OutcomeKind::as_str);
    Some(format!("\"{ended}\" on {} (job {})", part.minion, document.job))
}
