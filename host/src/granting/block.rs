//! The block that a grant writes: a table, and a line above it that says what wrote it.

use wire::digest::Digest;
use wire::document::text::is_deceptive;
use wire::name::ModuleName;

use crate::policy::LevelName;

/// A table with its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    text: String,
    /// Where the table begins, behind the mark.
    table: usize,
}

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The levels that were granted.
    pub(super) levels: Vec<LevelName>,
    digest: String,
}

/// Text with characters in it that nobody sees.
#[derive(Debug)]
pub(super) struct Unseen;

impl Block {
    /// The block that grants these lines.
    ///
    /// # Errors
    /// Where a line has characters in it that cannot be seen, since the person who grants the lines has to see
    /// what they are.
    pub(super) fn new(module: &ModuleName, levels: &[LevelName], lines: &str) -> Result<Self, Unseen> {
        if lines.chars().any(|c| is_deceptive(c) && c != '\n') {
            return Err(Unseen);
        }
        let table = format!("[modules.{module}]\n{lines}");
        let levels = levels.iter().map(LevelName::as_str).collect::<Vec<_>>().join(",");
        let mark = format!(
            "{BEFORE}{module}:{levels}{BETWEEN}{}{AFTER} `minion revoke-grant {module}` takes it out.\n",
            digest(&table)
        );
        Ok(Self { table: mark.len(), text: mark + &table })
    }

    /// All of it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether this text says the same, however its lines end.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == plain(text)
    }

    /// The table alone.
    pub(super) fn table(&self) -> &str {
        &self.text[self.table..]
    }
}

impl Mark {
    /// Reads a line, without its end, that may be the mark of a module's table.
    pub(super) fn read(line: &str, module: &ModuleName) -> Option<Self> {
        let rest = line.strip_prefix(BEFORE)?.strip_prefix(module.as_str())?.strip_prefix(':')?;
        let (levels, rest) = rest.split_once(BETWEEN)?;
        let (digest, _) = rest.split_once(AFTER)?;
        let levels = levels.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { levels, digest: digest.to_owned() })
    }

    /// Whether the table is still what was written.
    pub(super) fn is_of(&self, table: &str) -> bool {
        self.digest == digest(table)
    }
}

fn digest(table: &str) -> String {
    Digest::of(plain(table).as_bytes()).short()
}

/// Lines as a grant writes them. Editors make others of their ends, which says nothing else.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    if text.ends_with('\n') { text } else { text + "\n" }
}

const BEFORE: &str = "# What `minion grant ";
const BETWEEN: &str = "` wrote (";
const AFTER: &str = ");";
