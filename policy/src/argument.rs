//! When an argument that a module wants to run a program with has the form that a grant gives it.

use crate::wildcard::wildcard;

/// The characters that options begin with, and words that programs read more arguments from.
///
/// `+` begins options of `date`, `vim` and `less`; `@` names a file of arguments to compilers, `java` and
/// everything that is built on Python's `argparse`.
const SIGNS: [char; 3] = ['-', '+', '@'];

/// The characters that stand between the parts of an argument that may be paths.
const SEPARATORS: [char; 4] = ['/', '=', ':', ','];

/// Whether a pattern covers an argument.
///
/// A `*` stands for any text, but never for what would decide what the program does: not for the first character
/// of an option, not for a step up to the folder above, and not for an argument that is empty. A grant that means
/// such an argument writes it out: `--since=*`, `-*`, `../*`.
pub(crate) fn covers(pattern: &str, argument: &str) -> bool {
    let Some((head, _)) = pattern.split_once('*') else { return pattern == argument };
    let signed = head.is_empty() && argument.starts_with(SIGNS);
    wildcard(pattern, argument) && !signed && !argument.is_empty() && steps_up(argument) <= steps_up(pattern)
}

/// How many times a text goes to the folder above: by `..`, alone or between what separates the parts of an argument.
pub fn steps_up(text: &str) -> usize {
    text.split(SEPARATORS).filter(|part| *part == "..").count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_text_and_for_nothing_that_steers_a_program() {
        for (pattern, argument, covered) in [
            ("*", "nginx", true),
            ("*", "a-b", true),
            ("*", "-", false),
            ("*", "--", false),
            ("*", "-o/etc/x", false),
            ("*", "--output=/etc/x", false),
            ("*", "+cmd", false),
            ("*", "@/tmp/arguments", false),
            ("*", "", false),
            ("*.conf", "-x.conf", false),
            ("*.conf", "x.conf", true),
            ("?x", "-x", false),
            ("[-]x", "-x", false),
            ("[!a]*", "-x", false),
            ("-*", "--output=/etc/x", true),
            ("-n*", "-n5", true),
            ("-n*", "-o5", false),
            ("--since=*", "--since=-1", true),
            ("--since=*", "--until=1", false),
            ("--since", "--since", true),
            ("", "", true),
            ("/srv/app/*", "/srv/app/log", true),
            ("/srv/app/*", "/srv/app/../../etc/passwd", false),
            ("/srv/app/*", "/srv/app/a/..", false),
            ("--file=*", "--file=../x", false),
            ("../*", "../x", true),
            ("../*", "../../x", false),
            ("*", "v1..v2", true),
        ] {
            assert_eq!(covers(pattern, argument), covered, "{pattern:?} and {argument:?}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_that_names_no_option_covers_one(
            pattern in "[a-z*?\\[\\]{}!.]{0,8}",
            sign in "[-+@]",
            rest in "[a-z*?\\[\\]{}!.=/-]{0,8}",
        ) {
            let option = sign + &rest;
            prop_assert!(!covers(&pattern, &option), "{pattern:?} covers {option:?}");
        }
    }
}
