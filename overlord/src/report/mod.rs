//! How jobs look: tables for people, documents for programs.
//!
//! Everything here turns what an overlord said into text or JSON and prints nothing. Tables carry colours,
//! which are left out where they are printed and nobody would see them.

mod absence;
mod answer_tables;
mod answers_by_minion;
mod cells;
mod change;
mod history;
mod json;
mod line;
pub(crate) mod names;
mod outcomes;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod table;

pub use self::change::{
    OpenChange, change_closing, change_json, change_json_line, change_json_summary, changes,
    open_change_json_line,
};
pub use self::history::{given_up, history, history_json};
pub use self::json::{counts_json, json, json_line, json_summary, named, results_json};
pub use self::table::{closing, row, table};
