//! The rig: real daemons, on loopback or on a network of their own, driven through their command lines.

mod binaries;
mod cable;
mod daemon;
mod disk;
mod examples;
mod failpoints;
mod fleet;
mod history;
mod module;
mod network;
mod said;
mod terminal;
mod until;

pub use self::binaries::{binary, bundled_dir, fixtures_dir, modules_dir};
pub use self::cable::{Badness, Cable};
pub use self::daemon::{Daemon, peak_bytes};
pub use self::disk::Disk;
pub use self::examples::{Example, LANGUAGES, example};
pub use self::failpoints::Failpoints;
pub use self::fleet::{Fleet, free_port, interrupt};
pub use self::history::check_history;
pub use self::module::variant;
pub use self::network::Network;
pub use self::said::{PATIENCE, Said, named, refused_start, said, say_skipped};
pub use self::terminal::Terminal;
pub use self::until::{Over, until};
