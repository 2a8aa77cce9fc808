//! The policy of a host as it stands in its file, and what a grant or its end makes of that.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wire::document::text::counted;
use wire::name::ModuleName;

use super::block::Block;
use super::document::{self, Document, Found};
use super::lines;
use crate::config::Config;
use crate::policy::{LevelName, Suggestion};
use crate::sandbox::suggestion;

/// What a module of a running minion suggests, as it is told to the owner of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Suggested {
    /// This, in the words of its section.
    Text(String),
    /// Nothing.
    Nothing,
    /// Something that cannot be read.
    Unreadable(String),
    /// There is no such module.
    NoModule,
}

impl Suggested {
    /// What the component of these bytes suggests.
    pub(crate) fn by(component: &[u8]) -> Self {
        match suggestion(component) {
            Ok(Some(suggestion)) => Suggested::Text(suggestion.text().to_owned()),
            Ok(None) => Suggested::Nothing,
            Err(error) => Suggested::Unreadable(error.to_string()),
        }
    }
}

/// What a grant or its end makes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The levels that are granted by it: none, where the table is taken out.
    pub(crate) levels: Vec<LevelName>,
    /// The lines that go.
    pub(crate) removed: Option<String>,
    /// The lines that come.
    pub(crate) added: Option<String>,
    /// The whole file.
    pub(crate) after: String,
}

/// Why a grant is not written, or not taken out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    /// The configuration cannot be read as it is.
    #[error("\"{}\" {cause}: correct that first", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// Somebody wrote or changed the table.
    #[error(
        "\"{}\", line {line}: the table [modules.{module}] was {how} by hand and stays as it is: write these lines into it, \
         or take it out {} and grant again", .path.display(), way_out(*.together, .module)
    )]
    ByHand {
        /// The file.
        path: PathBuf,
        /// Where the table begins.
        line: usize,
        /// Whose it is.
        module: ModuleName,
        /// `written` or `changed`.
        how: &'static str,
        /// Whether its lines stand together, and so can be taken out by a command.
        together: bool,
        /// What would have been written.
        lines: String,
    },
    /// The table has a form that cannot be taken out line by line.
    #[error(
        "\"{}\", line {line}: what is there of \"{module}\" is not one table with its keys below it: take it out with an \
         editor", .path.display()
    )]
    Scattered {
        /// The file.
        path: PathBuf,
        /// Where it begins.
        line: usize,
        /// Whose it is.
        module: ModuleName,
    },
    /// A level that was granted is not suggested any more.
    #[error(
        "level \"{level}\" of \"{module}\" was granted, and this version of it suggests no such level: take it out with \
         `minion revoke-grant {module}`, and grant again"
    )]
    LevelGone {
        /// Whose it was.
        module: ModuleName,
        /// Which one.
        level: LevelName,
    },
    /// There is no such level.
    #[error("\"{module}\" suggests no level \"{level}\"; it suggests {}", listed(.levels))]
    NoLevel {
        /// Whose it would be.
        module: ModuleName,
        /// What was asked for.
        level: LevelName,
        /// What there is.
        levels: Vec<LevelName>,
    },
    /// The text of a level is not what it seems to be.
    #[error(
        "\"{module}\" suggests text with characters that nobody sees, which is not granted: ask its author why"
    )]
    Unseen {
        /// Whose it is.
        module: ModuleName,
    },
    /// What was to be written would not be read as it is meant.
    #[error("\"{}\" has no place for the table [modules.{module}] ({cause}): write it with an editor", .path.display())]
    NoPlace {
        /// The file.
        path: PathBuf,
        /// Whose it would be.
        module: ModuleName,
        /// What does not fit.
        cause: String,
    },
}

/// The policy of a host as it stands in its file.
pub(crate) struct Policy<'a> {
    /// The path of the file, for errors to name.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: &'a str,
}

impl Policy<'_> {
    /// What is to be written to grant these levels as well; nothing, where all of it is granted already.
    pub(crate) fn grant(
        &self,
        module: &ModuleName,
        suggestion: &Suggestion,
        wanted: &[LevelName],
    ) -> Result<Option<Change>, GrantError> {
        if let Some(level) = wanted.iter().find(|level| suggestion.level(level).is_none()) {
            let levels = suggestion.levels().iter().map(|level| level.name().clone()).collect();
            return Err(GrantError::NoLevel { module: module.clone(), level: level.clone(), levels });
        }
        let policy = self.config(self.text)?.modules.of(module);
        let document = Document::new(self.text);
        let found = document.find(module).map_err(|cause| self.unreadable(cause))?;
        let is_granted = || suggestion.is_within(wanted, &policy);
        let block = |levels: &[LevelName]| {
            let lines = lines::of_levels(suggestion, levels);
            Block::new(module, levels, &lines).map_err(|_| GrantError::Unseen { module: module.clone() })
        };
        let (levels, removed, block, after) = match found {
            Found::Nothing | Found::ByHand { .. } if is_granted() => return Ok(None),
            Found::Nothing => {
                let levels = chosen(suggestion, wanted);
                let block = block(&levels)?;
                let after = document.with(&block);
                (levels, None, block, after)
            }
            Found::Ours { levels, range } => {
                if let Some(level) = levels.iter().find(|level| suggestion.level(level).is_none()) {
                    return Err(GrantError::LevelGone { module: module.clone(), level: level.clone() });
                }
                let levels = chosen(suggestion, &[levels, wanted.to_vec()].concat());
                let block = block(&levels)?;
                if block.is(&self.text[range.clone()]) {
                    return Ok(None);
                }
                let after = document.replaced(range.clone(), &block);
                (levels, Some(self.text[range].to_owned()), block, after)
            }
            Found::ByHand { line, was_ours, range } => {
                let how = if was_ours { "changed" } else { "written" };
                let lines = block(&chosen(suggestion, wanted))?.table().to_owned();
                let (path, module) = (self.path.clone(), module.clone());
                let together = range.is_some();
                return Err(GrantError::ByHand { path, line, module, how, together, lines });
            }
        };
        self.check(module, &after)?;
        Ok(Some(Change { levels, removed, added: Some(block.text().to_owned()), after }))
    }

    /// What the file is without the table of a module; nothing, where there is none.
    pub(crate) fn revoke(&self, module: &ModuleName) -> Result<Option<Change>, GrantError> {
        self.config(self.text)?;
        let document = Document::new(self.text);
        let range = match document.find(module).map_err(|cause| self.unreadable(cause))? {
            Found::Nothing => return Ok(None),
            Found::Ours { range, .. } => range,
            Found::ByHand { range: Some(range), .. } => range,
            Found::ByHand { line, range: None, .. } => {
                let (path, module) = (self.path.clone(), module.clone());
                return Err(GrantError::Scattered { path, line, module });
            }
        };
        let after = document.without(range.clone());
        self.check(module, &after)?;
        let removed = Some(self.text[range].to_owned());
        Ok(Some(Change { levels: Vec::new(), removed, added: None, after }))
    }

    /// Whether the file is read as it was read before, but for this module.
    fn check(&self, module: &ModuleName, after: &str) -> Result<(), GrantError> {
        let no_place = |cause: String| {
            let (path, module) = (self.path.clone(), module.clone());
            GrantError::NoPlace { path, module, cause }
        };
        document::same_but(self.text, after, module).map_err(no_place)?;
        toml::from_str::<Config>(after).map(|_| ()).map_err(|error| no_place(error.message().to_owned()))
    }

    fn config(&self, text: &str) -> Result<Config, GrantError> {
        toml::from_str(text).map_err(|error| self.unreadable(error.message().to_owned()))
    }

    fn unreadable(&self, cause: String) -> GrantError {
        let cause =
            format!("cannot be read as a configuration ({})", cause.lines().collect::<Vec<_>>().join("; "));
        GrantError::Unreadable { path: self.path.clone(), cause }
    }
}

/// These levels in the order in which they are written, without those that another one includes.
fn chosen(suggestion: &Suggestion, names: &[LevelName]) -> Vec<LevelName> {
    let is_included = |name: &LevelName| {
        let others: Vec<LevelName> = names.iter().filter(|other| *other != name).cloned().collect();
        suggestion.with_included(&others).iter().any(|level| level.name() == name)
    };
    let levels = suggestion.levels().iter().map(|level| level.name());
    levels.filter(|name| names.contains(name) && !is_included(name)).cloned().collect()
}

/// How a table that somebody wrote is taken out.
fn way_out(together: bool, module: &ModuleName) -> String {
    if together { format!("with `minion revoke-grant {module}`") } else { "with an editor".to_owned() }
}

/// Names of levels for a sentence.
pub(crate) fn listed(levels: &[LevelName]) -> String {
    match levels {
        [] => counted(0, "level"),
        levels => levels.iter().map(LevelName::as_str).collect::<Vec<_>>().join(", "),
    }
}
