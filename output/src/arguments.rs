//! The words of a command line, parsed with what clap says about them made fit for a terminal.
#![allow(clippy::disallowed_methods, reason = "clap prints its own help, which quotes nobody")]

use clap::Parser;
use clap::error::ErrorKind;

use crate::failure::{Failure, listen};
use crate::screen::{complain, note};

/// Parses the words that the program was started with. Ends the program where they ask for help or are wrong: an
/// error quotes the words, and they may be a file's name that someone else chose.
pub fn parse<P: Parser>() -> P {
    // The message of a panic may quote others as well.
    std::panic::set_hook(Box::new(|panic| complain("panic", panic)));
    listen(std::env::args_os().skip(1));
    P::try_parse().unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion => error.exit(),
        _ => {
            let text = error.render().to_string();
            note(text.trim_end());
            Failure::usage(in_one_line(&text)).tell();
            std::process::exit(error.exit_code());
        }
    })
}

/// What the parser says, on one line, with its tips and the usage behind a semicolon, as a [`Failure`] has them.
fn in_one_line(text: &str) -> String {
    let paragraphs =
        text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("; ");
    text.strip_prefix("error: ").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parser_says_is_one_line() {
        let said = "error: unexpected argument '--jso' found\n\n  tip: a similar argument exists: '--json'\n\n\
                    Usage: overlord status --json\n\nFor more information, try '--help'.\n";
        let expected = "unexpected argument '--jso' found; tip: a similar argument exists: '--json'; \
                        Usage: overlord status --json; For more information, try '--help'.";
        assert_eq!(in_one_line(said), expected);
    }
}
