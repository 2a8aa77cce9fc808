//! Patterns of whole paths.

use failure::Error;
use glob::Pattern;
use host_files::paths;

/// The longest pattern: as long as a path.
const LONGEST: usize = 4096;

/// Where what fits a pattern is to be looked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this path alone.
    Path(String),
    /// In a folder and below it, by a pattern for the path from there on.
    Below(String, String),
}

impl Place {
    /// Of a pattern as somebody writes it.
    pub(crate) fn of(text: &str) -> Result<Self, Error> {
        paths::check(text)?;
        let Some(first) = text.find(['*', '?', '[']) else { return Ok(Self::Path(text.to_owned())) };
        let invalid = |why: &str| {
            let shown: String = text.chars().take(200).collect();
            Error::Invalid(format!("\"{}\" is no pattern: {why}", shown.escape_debug()))
        };
        if text.len() > LONGEST {
            return Err(invalid("it is longer than any path"));
        }
        let end = text[..first].rfind('/').unwrap_or_default();
        let (folder, rest) = (&text[..end.max(1)], &text[end + 1..]);
        Pattern::new(rest).map_err(|error| invalid(error.msg))?;
        Ok(Self::Below(folder.to_owned(), rest.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_begins_in_the_folder_before_its_first_sign() {
        let below = |folder: &str, rest: &str| Ok(Place::Below(folder.to_owned(), rest.to_owned()));
        assert_eq!(Place::of("/etc/passwd"), Ok(Place::Path("/etc/passwd".to_owned())));
        assert_eq!(Place::of("/etc/ssh/*_config"), below("/etc/ssh", "*_config"));
        assert_eq!(Place::of("/*"), below("/", "*"));
        assert_eq!(Place::of("/srv/a?c/**/x"), below("/srv", "a?c/**/x"));
        for bad in ["", "etc/*", "/etc/../*", "/etc/a**", "/etc/[", "/etc/\0*", &"/*".repeat(4096)] {
            assert!(matches!(Place::of(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
