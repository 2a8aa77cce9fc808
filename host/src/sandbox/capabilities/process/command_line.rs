//! A command line as people read it.

/// A command as people would write it in a shell.
pub(super) fn shown(argv: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./=:,@%+".contains(c))
    };
    let quoted = argv.iter().map(|word| match plain(word) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_would_take_it() {
        let argv = ["echo", "a b", "it's", "", "--x=1"].map(str::to_owned);
        assert_eq!(shown(&argv), r"echo 'a b' 'it'\''s' '' --x=1");
    }
}
