//! Words of others and figures, made fit for a terminal: the same as a minion's.

pub(super) use wire::text::span;
pub(crate) use wire::text::{counted, plain, printable, since, value};
