//! The commands of `minion` that authors use: here the short ones, and each other one in a file of its own.

mod pack;
mod sign;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use output::{Exit, Fails, Failure, note};
use wire::name::ModuleName;

use crate::scaffold::{Language, ScaffoldError, create};
use crate::{AuthoringError, BindingsLanguage, write_bindings};

/// A command of authors.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    private_interfaces,
    reason = "each command tells its own, and is only run from outside"
)]
pub enum Command {
    Bindings(Bindings),
    New(New),
    Pack(pack::Pack),
    Sign(sign::Sign),
}

impl Command {
    /// Does what was asked for.
    pub fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Bindings(bindings) => bindings.run(),
            Self::New(new) => new.run(),
            Self::Pack(pack) => pack.run(),
            Self::Sign(sign) => sign.run(),
        }
    }
}

impl Fails for AuthoringError {}
impl Fails for ScaffoldError {}

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
    fn run(self) -> Result<Exit, Failure> {
        let folder = self.output.unwrap_or_else(|| PathBuf::from(self.name.as_str()));
        for file in create(&self.name, self.lang, &folder)? {
            note(format_args!("wrote {}", file.display()));
        }
        let readme = folder.join("README.md");
        note(format_args!("{} says how to build {} and what comes next", readme.display(), self.name));
        Ok(Exit::Ok)
    }
}

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
    fn run(self) -> Result<Exit, Failure> {
        for file in write_bindings(&self.wit, self.world.as_deref(), self.language, &self.output)? {
            note(format_args!("wrote {}", file.display()));
        }
        Ok(Exit::Ok)
    }
}
