//! Refusals of requests that the overlord cannot do right now, whatever they ask for.

use ledger::LedgerError;
use wire::message::operator::{Refusal, RefusalKind};

/// The ledger could not be read or written.
pub(crate) fn unavailable(error: LedgerError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("the overlord's ledger: {error}"))
}

/// What was asked for could not be put on record, and so is not done. `what` follows "cannot record", as in "the job".
pub(crate) fn cannot_record(what: &str, cause: &dyn std::error::Error) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("the overlord cannot record {what}: {cause}"))
}
