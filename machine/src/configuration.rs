//! The daemons' configuration files: TOML, in which what does not fit is named with its line, and keys that have got another
//! name are still read by the older one.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// A key that has another name now, or another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// What it was called, outside of any table. Where it is now a table itself, it was a value.
    pub old: &'static str,
    /// What it is called, behind the name of its table where it has one.
    pub new: (Option<&'static str>, &'static str),
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read \"{path}\": {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML, has a key under two names, or anything else that the daemon's settings do not allow.
    #[error("\"{path}\", line {line}: {cause}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The line of the first thing that does not fit, counted from one.
        line: usize,
        /// What does not fit.
        cause: String,
    },
}

/// Something in a text that does not fit, and where.
struct Misfit {
    cause: String,
    at: usize,
}

/// Reads a daemon's configuration from a file; as if the file were empty where there is none. The log warns of keys with older
/// names.
///
/// # Errors
///
/// [`ConfigError::Read`] where the file is there and cannot be read, [`ConfigError::Parse`] where it does not fit `T`.
pub fn load<T: DeserializeOwned>(path: &Path, renamed: &[Renamed]) -> Result<T, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
    };
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let (read, outdated) = parse(&text, renamed).map_err(|Misfit { cause, at }| ConfigError::Parse {
        path: path.to_owned(),
        line: line(at),
        cause,
    })?;
    for (key, at) in outdated {
        let (file, line, old, new) = (path.display(), line(at), key.old, key.name());
        tracing::warn!(%file, line, %old, %new, "a key is read that has another name now: use the new one");
    }
    Ok(read)
}

/// Reads a text, and says which keys have older names in it, and where.
fn parse<T: DeserializeOwned>(text: &str, renamed: &[Renamed]) -> Result<(T, Vec<(Renamed, usize)>), Misfit> {
    let mut table = DeTable::parse(text).map_err(|error| {
        // A value and a table of one name are no TOML at all.
        let key = error.span().and_then(|span| text.get(span));
        let Misfit { cause, at } = error.into();
        let before = &text[..text[..at].rfind('\n').unwrap_or(0)];
        let was_value = |renamed: &&Renamed| {
            DeTable::parse(before)
                .is_ok_and(|known| key == Some(renamed.old) && renamed.is_in(known.get_ref()))
        };
        let both = renamed.iter().find(was_value);
        Misfit { cause: both.map_or(cause, Renamed::twice), at }
    })?;
    let mut outdated = Vec::new();
    for key in renamed {
        outdated.extend(key.move_in(table.get_mut())?.map(|at| (*key, at)));
    }
    Ok((T::deserialize(Deserializer::from(table))?, outdated))
}

impl Renamed {
    /// What it is called, as it can be written.
    fn name(&self) -> String {
        let (table, key) = self.new;
        table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"))
    }

    /// What is said where it is there under both of its names.
    fn twice(&self) -> String {
        format!(
            "`{}` is the older name of `{new}`, and both are there: keep `{new}`",
            self.old,
            new = self.name()
        )
    }

    /// Whether a table has it by the older name.
    fn is_in(&self, table: &DeTable<'_>) -> bool {
        let is_older =
            |value: &Spanned<DeValue<'_>>| self.new.0 != Some(self.old) || !value.get_ref().is_table();
        table.get(self.old).is_some_and(is_older)
    }

    /// Gives what a table has by the older name its new one, and says where that was.
    fn move_in(&self, table: &mut DeTable<'_>) -> Result<Option<usize>, Misfit> {
        let (within, new) = self.new;
        if !self.is_in(table) {
            return Ok(None);
        }
        let Some((key, value)) = table.remove_entry(self.old) else { return Ok(None) };
        let named = |name: &'static str| Spanned::new(key.span(), name.into());
        let place = match within {
            None => table,
            Some(name) => {
                let made = || Spanned::new(value.span(), DeValue::Table(DeTable::new()));
                match table.entry(named(name)).or_insert_with(made).get_mut() {
                    DeValue::Table(within) => within,
                    _ => return Err(self.misfit(key.span(), format!("`{name}` is not a table"))),
                }
            }
        };
        if place.contains_key(new) {
            return Err(self.misfit(key.span(), self.twice()));
        }
        place.insert(named(new), value);
        Ok(Some(key.span().start))
    }

    fn misfit(&self, span: Range<usize>, cause: String) -> Misfit {
        Misfit { cause, at: span.start }
    }
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        let cause = error.message().lines().collect::<Vec<_>>().join("; ");
        Self { cause, at: error.span().map_or(0, |span| span.start) }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct Sample {
        at_most: Option<u8>,
        kept: Kept,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Kept {
        age: Option<String>,
        size: Option<u8>,
    }

    const RENAMED: [Renamed; 3] = [
        Renamed { old: "at_most", new: (None, "at-most") },
        Renamed { old: "kept", new: (Some("kept"), "age") },
        Renamed { old: "kept_size", new: (Some("kept"), "size") },
    ];

    fn read(text: &str) -> Result<(Sample, Vec<&'static str>), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sample.toml");
        std::fs::write(&path, text).expect("written");
        let error = match load::<Sample>(&path, &RENAMED) {
            Ok(read) => {
                let Ok((same, outdated)) = parse::<Sample>(text, &RENAMED) else { panic!("{text}") };
                assert_eq!(read, same);
                return Ok((read, outdated.into_iter().map(|(key, _)| key.old).collect()));
            }
            Err(error) => error.to_string(),
        };
        Err(error.rsplit_once("sample.toml\", ").expect("the file is named").1.to_owned())
    }

    fn sample(at_most: Option<u8>, age: Option<&str>, size: Option<u8>) -> Sample {
        Sample { at_most, kept: Kept { age: age.map(str::to_owned), size } }
    }

    #[test]
    fn each_key_is_read_by_either_name_and_the_older_ones_are_told() {
        let new = "at-most = 1\n[kept]\nage = \"1s\"\nsize = 2";
        assert_eq!(read(new), Ok((sample(Some(1), Some("1s"), Some(2)), vec![])));
        let old = "at_most = 1\nkept_size = 2\nkept = \"1s\"";
        let all = vec!["at_most", "kept", "kept_size"];
        assert_eq!(read(old), Ok((sample(Some(1), Some("1s"), Some(2)), all)));
        let mixed = "kept_size = 2\n[kept]\nage = \"1s\"";
        assert_eq!(read(mixed), Ok((sample(None, Some("1s"), Some(2)), vec!["kept_size"])));
        assert_eq!(read("kept_size = 2"), Ok((sample(None, None, Some(2)), vec!["kept_size"])));
        assert_eq!(read(""), Ok((Sample::default(), vec![])));
    }

    #[test]
    fn a_key_by_both_names_is_an_error_with_the_line_that_names_both() {
        for (text, line, old, new) in [
            ("at-most = 1\nat_most = 1", 2, "at_most", "at-most"),
            ("\nkept_size = 2\nkept = { size = 2 }", 2, "kept_size", "kept.size"),
            ("kept = \"1s\"\n\n[kept]\nage = \"1s\"", 3, "kept", "kept.age"),
        ] {
            let expected = format!(
                "line {line}: `{old}` is the older name of `{new}`, and both are there: keep `{new}`"
            );
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line_whichever_way_it_is_called() {
        for (text, line, named) in [
            ("at_most = 1\nother = 2", 2, "other"),
            ("\nat-most = \"many\"", 2, "many"),
            ("\n\nat_most = \"many\"", 3, "many"),
            ("kept_size = 1\nkept = 5", 2, "string"),
            ("[kept]\nage = \"1s\"\n\n[kept]\nsize = 1", 4, "duplicate key"),
            ("kept = \n", 1, ""),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.starts_with(&format!("line {line}: ")), "{text}: {error}");
            assert!(error.contains(named) && !error.contains("older name"), "{text}: {error}");
        }
    }
}
