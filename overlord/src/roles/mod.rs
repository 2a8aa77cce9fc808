//! What each operator may do: the roles of the configuration, and the one decision over them.
//!
//! A [`Role`] says what its operators may do and on which minions; several roles of one operator add up, and nothing
//! takes away. Everything that an operator can ask for is a [`Deed`], and [`decide::decide`] says whether the roles allow it. It
//! knows no connection, ledger or clock.

mod decide;
mod deed;
mod held;
mod load;
mod pattern;
mod role;

pub(crate) use self::decide::{On, Verdict};
pub(crate) use self::deed::{Deed, JobVerb, MinionVerb, ModuleVerb};
pub(crate) use self::held::{Held, RoleBook};
pub(crate) use self::load::{Rules, admin};
