//! Text that is fit for a terminal, with or without our own styles in it.

use std::fmt::{self, Display};

use anstream::adapter::strip_str;
use wire::document::text::is_deceptive;

/// Text in which nothing steers a terminal but the styles that this crate put there. It prints without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Styled(String);

impl Styled {
    /// Any text, without styles. Characters that could steer a terminal become spaces.
    pub fn text(text: impl Display) -> Self {
        Self(clean(&text.to_string()))
    }

    /// Text whose parts were cleaned before they were styled.
    pub(crate) fn of_clean(text: String) -> Self {
        Self(text)
    }

    /// The text with the escape sequences of its styles.
    pub(crate) fn with_styles(&self) -> &str {
        &self.0
    }
}

impl Display for Styled {
    /// Prints the text without its styles.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        strip_str(&self.0).fmt(f)
    }
}

/// The text with a space in the place of every character that is not for eyes. Line ends and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| if is_deceptive(c) && c != '\n' && c != '\t' { ' ' } else { c };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_but_lines_and_tabs_is_left_of_what_is_not_for_eyes() {
        let hostile = "a\u{1b}]52;c;ZXZpbA==\u{7}b\r\nc\u{9b}31md\u{202e}e\tf\u{2028}g\u{feff}h\u{7f}";
        assert_eq!(Styled::text(hostile).with_styles(), "a ]52;c;ZXZpbA== b\nc 31md e\tf g h ");
    }

    proptest! {
        #[test]
        fn no_text_can_steer_a_terminal(text in any::<String>()) {
            let shown = Styled::text(&text);
            let steers = |c: char| is_deceptive(c) && c != '\n' && c != '\t';
            prop_assert!(!shown.with_styles().contains(steers), "{shown:?}");
            prop_assert_eq!(shown.to_string(), shown.with_styles(), "there is no style to take out");
        }
    }
}
