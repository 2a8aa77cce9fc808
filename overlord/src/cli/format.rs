//! Whether a command prints its answer for people or for programs.

use clap::Args;

/// How the answer of a command is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The flag of all commands that print data.
#[derive(Debug, Args)]
pub struct FormatFlag {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl FormatFlag {
    /// What it says.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Text }
    }
}
