//! What is asked of an overlord's ledger, done with the embedded database.
//!
//! Each function here is one operation of [`OverlordLedger`](super::OverlordLedger): on a batch in the making, which
//! is committed as a whole, or on a view of one moment.

pub(super) mod assignment;
pub(super) mod cancellation;
pub(super) mod catalogue;
pub(super) mod certificate;
mod cursor;
pub(super) mod document;
pub(super) mod enrolment;
pub(super) mod given_up;
pub(super) mod holding;
pub(super) mod invitation;
pub(super) mod job;
pub(super) mod job_list;
pub(super) mod minion;
pub(super) mod operator;
pub(super) mod part;
pub(super) mod purge;
mod records;
mod reindex;
mod tally;
pub(super) mod transition;

pub(crate) use minion::Modules;
pub(crate) use reindex::reindex;
