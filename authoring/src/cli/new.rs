//! `minion new NAME`.

use std::path::PathBuf;

use clap::Args;
use output::{Exit, Failure, note};

use wire::name::ModuleName;

use crate::scaffold::{Language, create};

/// Start a new module: a folder with everything that it takes to build and call it
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The module's name: letters, digits, "-" and "_"
    name: ModuleName,
    /// What to write it in
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// Where to make it [default: a folder of the module's name]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl New {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let folder = self.output.unwrap_or_else(|| PathBuf::from(self.name.as_str()));
        for file in create(&self.name, self.lang, &folder)? {
            note(format_args!("wrote {}", file.display()));
        }
        let readme = folder.join("README.md");
        note(format_args!("{} says how to build {} and what comes next", readme.display(), self.name));
        Ok(Exit::Ok)
    }
}
