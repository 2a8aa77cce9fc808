//! Who may become a minion: hosts that wait for an operator, rules that let some in by themselves, and the globs and
//! address ranges in both. Who has which name is the [registry](crate::registry)'s.

mod address_range;
mod autosign;
mod name_glob;
mod waiting;

pub use self::address_range::AddressRange;
pub use self::autosign::{Autosign, EnrolmentConfig};
pub use self::name_glob::NameGlob;
pub(crate) use self::waiting::{AGAIN, Asked, FORGOTTEN, WaitingHosts};
