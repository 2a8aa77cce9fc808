//! Whom a target that an operator wrote means among the minions of this overlord, and what is said of that. The
//! language of the expressions is [`wire::targets`].

mod matching;

pub(crate) use self::matching::{Among, Matching, check_width, find, list};
