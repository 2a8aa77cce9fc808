//! The words of a command line.
#![allow(clippy::disallowed_methods, reason = "clap prints its own help, which quotes nobody")]

use clap::Parser;
use clap::error::ErrorKind;

use crate::screen::{complain, note};

/// Parses the words that the program was started with; ends it where that is help, or an error.
///
/// An error quotes the words, and they may be a file's name that someone else chose.
pub fn parse<P: Parser>() -> P {
    // The message of a panic may quote anyone as well.
    std::panic::set_hook(Box::new(|panic| complain("panic", panic)));
    P::try_parse().unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion => error.exit(),
        _ => {
            note(error.render().to_string().trim_end());
            std::process::exit(error.exit_code());
        }
    })
}
