//! What an operator is told of the audit log.

use audit_log::{AuditEntries, AuditError, Matcher};
use quinn::SendStream;
use wire::message::audit::AuditQuery;
use wire::message::operator::{OperatorReply, Refusal, RefusalKind};
use wire::name::OperatorName;
use wire::transport::frame::FrameError;

use super::permit::Gate;
use crate::outbox::Outbox;
use crate::services::Services;

/// Tells the entries that fit, and where they are followed, those that are added until the operator stops the stream.
pub(super) async fn tell(
    services: &Services,
    (operator, mut gate): (&OperatorName, Gate<'_>),
    (query, follow): (AuditQuery, bool),
    send: &mut SendStream,
    outbox: &Outbox,
) -> Result<(), FrameError> {
    services.audit.read(operator, &query);
    // From before the first look, so that nothing is missed between two.
    let mut appended = services.audit.appended();
    let mut reader = match open(services, &query).await {
        Ok(reader) => reader,
        Err(refusal) => return outbox.say(send, OperatorReply::Refused(refusal)).await,
    };
    loop {
        let entries;
        (reader, entries) = match reader.next(services).await {
            Ok(read) => read,
            Err(refusal) => return outbox.say(send, OperatorReply::Refused(refusal)).await,
        };
        for some in batches(entries) {
            outbox.tell(send, OperatorReply::AuditEntries(some), outbox.making().await).await?;
        }
        if !follow {
            return Ok(());
        }
        tokio::select! {
            changed = appended.changed() => if changed.is_err() { return Ok(()) },
            _ = send.stopped() => return Ok(()),
        }
        if let Err(refusal) = gate.still_audits() {
            return outbox.say(send, OperatorReply::Refused(refusal)).await;
        }
    }
}

/// What is read of the log for one request.
struct Reader {
    matcher: Matcher,
    entries: AuditEntries,
}

impl Reader {
    /// The entries that fit, of those that were not read before.
    async fn next(mut self, services: &Services) -> Result<(Self, Vec<String>), Refusal> {
        // A log may have hundreds of megabytes: one after the other reads it.
        let _turn = services.audit.reading().await;
        let read = tokio::task::spawn_blocking(move || {
            let newest = self.matcher.newest(&mut self.entries);
            newest.map(|newest| (self, newest))
        });
        match read.await {
            Ok(read) => read.map_err(|error| unreadable(&error)),
            Err(error) => Err(Refusal::new(RefusalKind::Unavailable, error.to_string())),
        }
    }
}

async fn open(services: &Services, query: &AuditQuery) -> Result<Reader, Refusal> {
    let matcher =
        Matcher::new(query).map_err(|error| Refusal::new(RefusalKind::BadRequest, error.to_string()))?;
    let path = services.audit.path().to_owned();
    let opened = tokio::task::spawn_blocking(move || AuditEntries::open(&path)).await;
    match opened {
        Ok(Ok(entries)) => Ok(Reader { matcher, entries }),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(error) => Err(Refusal::new(RefusalKind::Unavailable, error.to_string())),
    }
}

fn unreadable(error: &AuditError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, error.to_string())
}

/// The entries in parts that a message can hold. There is always one, which says that all was read.
fn batches(entries: Vec<String>) -> Vec<Vec<String>> {
    let (mut batches, mut held) = (vec![Vec::new()], 0);
    for entry in entries {
        if held + entry.len() > BATCH && held > 0 {
            batches.push(Vec::new());
            held = 0;
        }
        held += entry.len();
        if let Some(batch) = batches.last_mut() {
            batch.push(entry);
        }
    }
    batches
}

/// The most text in one message, but for an entry that is larger, in bytes.
const BATCH: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_in_batches_and_in_their_order() {
        let entries: Vec<String> = (0..1000).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
        let parts = batches(entries.clone());
        assert!(
            parts.len() > 1 && parts.iter().all(|part| part.iter().map(String::len).sum::<usize>() <= BATCH)
        );
        assert_eq!(parts.concat(), entries);
        assert_eq!(batches(Vec::new()), [Vec::<String>::new()]);
        assert_eq!(batches(vec!["x".repeat(BATCH + 1), "y".into()]).len(), 2);
    }
}
