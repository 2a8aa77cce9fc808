//! Target expressions: which minions a call is meant for. An [`Expression`] is parsed here and resolved against a
//! [`Roster`]; what minions have said of themselves comes in by [`Lookup`], so nothing here knows a connection or
//! a ledger. An overlord asks for all of its minions, and a minion for itself.
//!
//! Terms are names and globs (`web1`, `web*`, `db[0-9]`), groups (`@web`, `@web:*-eu`), regular expressions over
//! the whole name (`~web(1|2)`), and fact tests (`os=debian`, `mem.total>=4GiB`). `!` is complement, `&`
//! intersection, `,` and `;` union, binding in this order; parentheses group. Names compare without case.

mod error;
mod expression;
mod fact;
mod glob;
mod lookup;
mod members;
mod parse;
mod resolve;
mod resolver;
mod term;

pub use self::error::{Problem, TargetError};
pub use self::expression::Expression;
pub use self::glob::Glob;
pub use self::lookup::Lookup;
pub use self::members::Truth;
pub use self::resolve::{Matched, Roster, resolve};
pub use self::resolver::{Unmatched, UnmatchedKind};
