//! How both programs speak to people: answers on stdout, notes and progress on stderr, and the daemons' logs.
//!
//! Most of what they print was written by others: a minion names its methods, a guest words its failures, a peer
//! gives a reason. So nothing but this crate touches stdout and stderr, and nothing that is handed to it as text
//! can steer a terminal, turn the direction of writing, or pass for a line or a field of a log. Styles are added
//! here, after that, and come from nowhere else.
//!
//! What an answer is to say is not decided here: a command makes a [`Table`], a document or a text and hands it to
//! [`print()`], [`show`] or, where it comes to nothing, to [`Failure::say`].
#![deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod arguments;
pub mod check;
mod exit;
mod fails;
mod failure;
mod generated;
mod log;
mod panics;
mod printed;
mod progress;
mod question;
mod reader;
mod screen;
mod shown;
mod styled;
mod table;

pub use self::arguments::parse;
pub use self::exit::Exit;
pub use self::fails::{Context, Fails};
pub use self::failure::{Failure, end};
pub use self::generated::{Completions, Man};
pub use self::log::log_to_stderr;
pub use self::panics::caught;
pub use self::printed::Printed;
pub use self::progress::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle, bar, bars, terminal_height};
pub use self::question::{Confirm, ask, can_ask};
pub use self::reader::{FullFlag, Reader};
pub use self::screen::{
    Unprinted, complain, note, print, print_bytes, print_raw, replace_line, show, stderr_is_terminal,
    stdout_is_terminal,
};
pub use self::shown::Shown;
pub use self::styled::Styled;
pub use self::table::{Cell, Color, Column, Table, width};
