//! The text of `minion.toml`, of which one table is looked for, put in or taken out, and all else stays.

use std::ops::Range;

use toml_edit::{Item, Table};
use wire::name::ModuleName;

use super::block::{Block, Mark};
use crate::policy::LevelName;

/// The text of a configuration.
pub(super) struct Document<'a> {
    text: &'a str,
}

/// What a configuration has of one module under its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// What a grant wrote, as it was written.
    Ours {
        /// The levels that were granted.
        levels: Vec<LevelName>,
        /// The block, its mark among it.
        range: Range<usize>,
    },
    /// What somebody wrote, or changed.
    ByHand {
        /// Where it begins, counted from one.
        line: usize,
        /// Whether a grant wrote it first.
        was_ours: bool,
        /// Its lines, where they stand together.
        range: Option<Range<usize>>,
    },
}

impl<'a> Document<'a> {
    /// A text that is a configuration.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Looks for the table of a module.
    pub(super) fn find(&self, module: &ModuleName) -> Result<Found, String> {
        let document = toml_edit::Document::parse(self.text).map_err(|error| error.message().to_owned())?;
        let modules = document.get("modules");
        let Some(item) = modules.and_then(|modules| modules.get(module.as_str())) else {
            return Ok(Found::Nothing);
        };
        let start = item.span().map_or(0, |span| span.start);
        let line = 1 + self.text[..start].matches('\n').count();
        let Some(table) = item.as_table().filter(|table| !table.is_dotted()).and_then(|it| self.lines(it))
        else {
            return Ok(Found::ByHand { line, was_ours: false, range: None });
        };
        let above = self.text[..table.start].strip_suffix('\n').unwrap_or_default();
        let above = above.rfind('\n').map_or(0, |end| end + 1)..table.start;
        let mark = Mark::read(self.text[above.clone()].trim_end_matches(['\r', '\n']), module);
        Ok(match mark {
            Some(mark) if mark.is_of(&self.text[table.clone()]) => {
                Found::Ours { levels: mark.levels, range: above.start..table.end }
            }
            Some(_) => Found::ByHand { line, was_ours: true, range: Some(above.start..table.end) },
            None => Found::ByHand { line, was_ours: false, range: Some(table) },
        })
    }

    /// The lines of a table from its header to its last key, where they stand together.
    fn lines(&self, table: &Table) -> Option<Range<usize>> {
        let start = table.span()?.start;
        let header = start + self.text[start..].find(']')?;
        let end = ends(table)?.into_iter().chain([header]).max()?;
        let end = self.text[end..].find('\n').map_or(self.text.len(), |more| end + more + 1);
        // What is indented is not as it was written by a grant, and still a line.
        let start = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        Some(start..end)
    }

    /// The text with a block at its end.
    pub(super) fn with(&self, block: &Block) -> String {
        let (mut text, end) = (self.text.to_owned(), self.line_end());
        if !text.is_empty() {
            text.push_str(end);
            if !self.text.ends_with('\n') {
                text.push_str(end);
            }
        }
        text + &self.lines_of(block)
    }

    /// The text with a block in the place of another.
    pub(super) fn replaced(&self, range: Range<usize>, block: &Block) -> String {
        [&self.text[..range.start], &self.lines_of(block), &self.text[range.end..]].concat()
    }

    /// A block with lines that end as those of the file do.
    fn lines_of(&self, block: &Block) -> String {
        block.text().replace('\n', self.line_end())
    }

    /// How the first line ends.
    fn line_end(&self) -> &'static str {
        let first = self.text.split_inclusive('\n').next().unwrap_or_default();
        if first.ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// The text without these lines, and without the empty line that a grant puts above them.
    pub(super) fn without(&self, range: Range<usize>) -> String {
        let before = &self.text[..range.start];
        let empty = ["\n\r\n", "\n\n"].into_iter().find(|empty| before.ends_with(empty));
        let before = &before[..before.len() - empty.map_or(0, |empty| empty.len() - 1)];
        [before, &self.text[range.end..]].concat()
    }
}

/// Where the values of a table end; nothing, where some of it has a header of its own.
fn ends(table: &Table) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for (_, item) in table.iter() {
        match item {
            Item::Value(value) => found.push(value.span()?.end),
            Item::Table(table) if table.is_dotted() => found.extend(ends(table)?),
            Item::Table(_) | Item::ArrayOfTables(_) => return None,
            Item::None => {}
        }
    }
    Some(found)
}

/// Fails where two texts say different things of anything but this module.
pub(super) fn same_but(before: &str, after: &str, module: &ModuleName) -> Result<(), String> {
    let others = |text: &str| {
        let mut table: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if let Some(toml::Value::Table(modules)) = table.get_mut("modules") {
            modules.remove(module.as_str());
            if modules.is_empty() {
                table.remove("modules");
            }
        }
        // As text, in which a number that is none is equal to itself.
        Ok::<_, String>(table.to_string())
    };
    match others(before)? == others(after)? {
        true => Ok(()),
        false => Err("something else in it would be another".to_owned()),
    }
}
