//! The rig: real daemons on loopback, driven through their command lines.

mod binaries;
mod daemon;
mod examples;
mod failpoints;
mod fleet;
mod history;
mod module;

pub use self::binaries::{binary, fixtures_dir, modules_dir};
pub use self::daemon::Daemon;
pub use self::examples::{Example, LANGUAGES, example};
pub use self::failpoints::Failpoints;
pub use self::fleet::{Fleet, Said, free_port, interrupt};
pub use self::history::check_history;
pub use self::module::variant;
