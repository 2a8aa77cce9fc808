//! What is looked for in a line.

use failure::{Error, MAX_EXPRESSION};
use memchr::memmem::Finder;
use regex_lite::{Regex, RegexBuilder};

/// A pattern that lines are held against.
pub(crate) enum Pattern {
    /// Every line.
    Any,
    /// Those with this text.
    Text(Finder<'static>),
    /// Those with a text of this form.
    Form(Regex),
}

impl Pattern {
    /// What an operator has written.
    ///
    /// # Errors
    /// Where it is no regular expression, with what is wrong.
    pub(crate) fn of(
        pattern: Option<String>,
        fixed: Option<bool>,
        ignore_case: Option<bool>,
    ) -> Result<Self, Error> {
        let (fixed, ignore_case) = (fixed.unwrap_or(false), ignore_case.unwrap_or(false));
        let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else { return Ok(Self::Any) };
        if pattern.len() > MAX_EXPRESSION {
            return Err(Error::Invalid(format!("`pattern` is over {MAX_EXPRESSION} bytes")));
        }
        if fixed && !ignore_case {
            return Ok(Self::Text(Finder::new(&pattern).into_owned()));
        }
        let form = if fixed { regex_lite::escape(&pattern) } else { pattern };
        let form = RegexBuilder::new(&form).case_insensitive(ignore_case).build();
        form.map(Self::Form)
            .map_err(|error| Error::Invalid(format!("`pattern` is no regular expression: {error}")))
    }

    /// Whether a line fits.
    pub(crate) fn fits(&self, line: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Text(text) => text.find(line).is_some(),
            Self::Form(form) => form.is_match(&String::from_utf8_lossy(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_form_or_the_text_itself() {
        let fits = |pattern: &str, fixed, ignore_case, line: &str| {
            Pattern::of(Some(pattern.to_owned()), Some(fixed), Some(ignore_case))
                .expect("a pattern")
                .fits(line.as_bytes())
        };
        assert!(fits("a.c$", false, false, "xabc") && !fits("a.c$", false, false, "abcx"));
        assert!(!fits("a.c", true, false, "abc") && fits("a.c", true, false, "xa.cx"));
        assert!(fits("A.C", true, true, "xa.cx") && !fits("A.C", true, true, "abc"));
        assert!(fits("ÄB", false, false, "ÄB") && fits("^ab", false, true, "ABC"));
        let any = Pattern::of(None, None, None).expect("a pattern");
        assert!(any.fits(b"") && any.fits(b"\xff"));
        for bad in ["(", "a{", &"x".repeat(5000)] {
            let bad = Pattern::of(Some(bad.to_owned()), None, None);
            assert!(matches!(bad, Err(Error::Invalid(_))));
        }
    }
}
