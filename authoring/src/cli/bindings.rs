//! `minion bindings LANGUAGE`.

use std::path::PathBuf;

use clap::Args;
use output::{Exit, Failure, note};

use crate::{BindingsLanguage, write_bindings};

/// Write what a module's source in this language needs to compile, made from its WIT
#[derive(Debug, Args)]
pub(crate) struct Bindings {
    /// The language
    language: BindingsLanguage,
    /// The folder with the module's WIT
    #[arg(long, value_name = "DIR", default_value = "wit")]
    wit: PathBuf,
    /// The world, where the package has several: its name, or `namespace:package/world`
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// Where to write; files that are there already are replaced
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Bindings {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        for file in write_bindings(&self.wit, self.world.as_deref(), self.language, &self.output)? {
            note(format_args!("wrote {}", file.display()));
        }
        Ok(Exit::Ok)
    }
}
