//! What one module may do on a host, as people write it: a table `[modules.GLOB]` of `minion.toml`, and the levels
//! of the same tables that a module suggests.
//!
//! [`ModulePolicy`] is what a module may do; an [`Entry`] is one table that adds to it, and a [`Suggestion`] what
//! a module proposes. Each capability has its grants in a file: what they look like, and what they cover. Nothing
//! here acts on them: the minion's sandbox asks before it opens, runs or sends anything, and looks again at what
//! it opened.
//!
//! The minion reads the first to decide, and the second to propose it. The SDK's macro reads the second while a
//! module is built, so this crate has few dependencies and none of ours.

mod address;
mod argument;
mod entry;
mod files;
pub mod given;
mod http;
mod limits;
mod probe;
mod process;
mod rollback;
pub mod size;
pub mod suggestion;
mod url_path;
mod variable;
mod wildcard;
mod working_folder;

pub use address::{Realm, realm};
pub use argument::steps_up;
pub use entry::{Entry, Grants, ModulePolicy};
pub use files::{FileGrant, FileMode, Shown, Symlinks};
pub use http::{BadUrl, HttpGrant, HttpTarget, Reach};
pub use limits::Limits;
pub use probe::{BadProbe, ProbeGrant, ProbeTarget};
pub use process::{Free, ProcessGrant};
pub use rollback::RollbackRule;
pub use suggestion::{Level, LevelName, Suggestion};
pub use url_path::Ambiguous;
pub use wildcard::wildcard;
pub use working_folder::{BadFolder, WorkingFolder};
