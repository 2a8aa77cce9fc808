//! The policy that a module suggests: `policy.toml` beside its manifest, and the section `minion:policy` of its
//! file.
//!
//! A suggestion has levels, each a table of the keys that a module's own table has in `minion.toml`. Nothing of it
//! is ever applied by itself: somebody reads it, and grants a level.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::entry::{Entry, Grants, ModulePolicy};

/// The name of the custom section of a component that carries the suggestion, as the text of `policy.toml`.
pub const SECTION: &str = "minion:policy";
/// The largest suggestion that is read, in bytes.
pub const MAX_SECTION: usize = 64 << 10;
/// The level that is meant where a suggestion has several and none is named.
pub const USUAL_LEVEL: &str = "read";

/// What a module suggests that it be granted, in levels.
#[derive(Clone, Debug)]
pub struct Suggestion {
    text: String,
    /// The levels, in the order in which they are written.
    levels: Vec<Level>,
}

/// One level of a suggestion: a name, and what it would grant.
#[derive(Clone, Debug)]
pub struct Level {
    name: LevelName,
    description: Option<String>,
    includes: Vec<LevelName>,
    entry: Entry,
    /// All that the level grants, with what it includes.
    grants: Grants,
}

/// The name of a level, such as `read` or `manage`: 1 to 32 lower-case letters, digits and `-`, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LevelName(String);

/// The error for a text that is not the name of a level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not the name of a level: write lower-case letters, digits and \"-\", a letter first, {MAX_NAME} at most"
)]
pub struct BadLevelName(String);

/// Why a text is not a suggestion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSuggestion {
    /// The text has more than [`MAX_SECTION`] bytes: how many.
    #[error("{0} bytes are over the limit of {MAX_SECTION}: a level should fit on a screen")]
    TooLarge(usize),
    /// The bytes are not text.
    #[error("it is not UTF-8")]
    NotText,
    /// The text has something in it that a suggestion does not have.
    #[error("line {line}: {cause}")]
    Parse {
        /// The line, counted from one.
        line: usize,
        /// What does not fit there.
        cause: String,
    },
}

impl Suggestion {
    /// Reads the content of a section, which may be anything: its author is not trusted.
    ///
    /// # Errors
    /// [`BadSuggestion`], with what is wrong and in which line.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSuggestion> {
        std::str::from_utf8(bytes).map_err(|_| BadSuggestion::NotText)?.parse()
    }

    /// The text that the suggestion was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The levels, in the order in which they are written.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The level of that name; `None` where there is none.
    pub fn level(&self, name: &LevelName) -> Option<&Level> {
        self.levels.iter().find(|level| level.name == *name)
    }

    /// The level that is meant where none is named: the only one, or [`USUAL_LEVEL`].
    pub fn usual(&self) -> Option<&Level> {
        match self.levels.as_slice() {
            [only] => Some(only),
            levels => levels.iter().find(|level| level.name.as_str() == USUAL_LEVEL),
        }
    }

    /// These levels and all that they include, each once, in the order in which they are written.
    pub fn with_included(&self, names: &[LevelName]) -> Vec<&Level> {
        let mut wanted: BTreeSet<&LevelName> = names.iter().collect();
        // A level includes only levels before it, so one way back through them finds all.
        for level in self.levels.iter().rev() {
            if wanted.contains(&level.name) {
                wanted.extend(&level.includes);
            }
        }
        self.levels.iter().filter(|level| wanted.contains(&level.name)).collect()
    }

    /// What a module may do by these levels and nothing else; the limits that they do not name are the defaults.
    pub fn policy(&self, names: &[LevelName]) -> ModulePolicy {
        let mut policy = ModulePolicy::default();
        self.with_included(names).iter().for_each(|level| level.entry.add_to(&mut policy));
        policy
    }

    /// Whether the policy already says everything that these levels say.
    pub fn is_within(&self, names: &[LevelName], policy: &ModulePolicy) -> bool {
        self.with_included(names).iter().all(|level| level.entry.is_within(policy))
    }

    /// The level of these that gives away the least: first the one that leaves least to the module, of those the
    /// one with the fewest grants, and of several the one that is written first.
    pub fn smallest(&self, names: &[LevelName]) -> Option<&Level> {
        let named = self.levels.iter().filter(|level| names.contains(&level.name));
        named.min_by_key(|level| level.grants.weight())
    }
}

impl Level {
    /// The name of the level.
    pub fn name(&self) -> &LevelName {
        &self.name
    }

    /// What the level is for, in the words of the module's author.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// All that the level grants, with what it includes.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The levels before this one whose grants it has besides its own.
    pub fn includes(&self) -> &[LevelName] {
        &self.includes
    }
}

impl LevelName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LevelName {
    type Err = BadLevelName;

    fn from_str(text: &str) -> Result<Self, BadLevelName> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        match begins && text.len() <= MAX_NAME && text.chars().all(fits) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadLevelName(text.chars().take(MAX_NAME).collect())),
        }
    }
}

impl fmt::Display for LevelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Suggestion {
    type Err = BadSuggestion;

    fn from_str(text: &str) -> Result<Self, BadSuggestion> {
        if text.len() > MAX_SECTION {
            return Err(BadSuggestion::TooLarge(text.len()));
        }
        let at = |start: usize, cause: String| {
            let line = 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count();
            BadSuggestion::Parse { line, cause }
        };
        let Written(mut written) = toml::from_str(text).map_err(|error| {
            let cause = error.message().lines().collect::<Vec<_>>().join("; ");
            at(error.span().map_or(0, |span| span.start), cause)
        })?;
        written.sort_by_key(|(start, _)| *start);
        if written.is_empty() || written.len() > MAX_LEVELS {
            let cause = format!("it has {} levels: write one to {MAX_LEVELS}, as [read]", written.len());
            return Err(at(0, cause));
        }
        let mut levels: Vec<Level> = Vec::with_capacity(written.len());
        for (start, level) in written {
            let unknown = level.includes.iter().find(|name| levels.iter().all(|level| level.name != **name));
            if let Some(name) = unknown {
                let cause = format!(
                    "level \"{}\" includes \"{name}\", and no level of that name is written before it",
                    level.name
                );
                return Err(at(start, cause));
            }
            levels.push(level);
        }
        let mut suggestion = Self { text: text.to_owned(), levels };
        for place in 0..suggestion.levels.len() {
            let name = suggestion.levels[place].name.clone();
            suggestion.levels[place].grants = suggestion.policy(&[name]).grants;
        }
        Ok(suggestion)
    }
}

/// The levels of a file, each with the place at which it begins.
struct Written(Vec<(usize, Level)>);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Levels;

        impl<'de> Visitor<'de> for Levels {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("levels, each a table like [read]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut levels = Vec::new();
                while let Some(key) = map.next_key::<toml::Spanned<String>>()? {
                    let (start, name) = (key.span().start, key.into_inner().parse());
                    let body: Body = map.next_value()?;
                    let name = name.map_err(A::Error::custom)?;
                    let Body { description, includes, entry } = body;
                    levels.push((
                        start,
                        Level { name, description, includes, entry, grants: Grants::default() },
                    ));
                }
                Ok(Written(levels))
            }
        }

        deserializer.deserialize_map(Levels)
    }
}

/// What stands in the table of a level: its own two keys, and those of a policy.
#[derive(Default)]
struct Body {
    description: Option<String>,
    includes: Vec<LevelName>,
    entry: Entry,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a level, which is a table like [read]")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body, A::Error> {
                let mut own = Body::default();
                let others = Others { map, description: &mut own.description, includes: &mut own.includes };
                let entry = Entry::deserialize(MapAccessDeserializer::new(others))?;
                Ok(Body { entry, ..own })
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

/// A table from which the level's own keys are taken out on the way. `serde(flatten)` would do that as well, but
/// takes unknown keys and forgets where things stand.
struct Others<'a, A> {
    map: A,
    description: &'a mut Option<String>,
    includes: &'a mut Vec<LevelName>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Others<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            match key.as_str() {
                "description" => *self.description = Some(self.map.next_value()?),
                "includes" => {
                    let names: Vec<String> = self.map.next_value()?;
                    let names = names.iter().map(|name| name.parse().map_err(A::Error::custom));
                    *self.includes = names.collect::<Result<_, _>>()?;
                }
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The longest name of a level, in bytes.
const MAX_NAME: usize = 32;
/// The most levels that a suggestion has: nobody chooses well among more.
const MAX_LEVELS: usize = 16;

#[cfg(test)]
mod tests;
