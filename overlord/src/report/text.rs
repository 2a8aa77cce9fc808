//! Words of others and figures, made fit for a terminal: the same as a minion's.

pub(super) use wire::document::text::span;
pub(crate) use wire::document::text::{counted, plain, printable, since, value};
