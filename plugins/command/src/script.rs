//! Scripts, and who reads them.

use failure::Error;
use minion_sdk::settings;

use crate::exports::minion::command::command::Interpreter;

/// That the owner of the host lets scripts run here. Where `run` may run any program it may run an interpreter, too: this
/// keeps those from it who are let call `run` by its arguments, and says nothing that a policy of programs does not.
///
/// # Errors
/// With the command that grants it.
pub(crate) fn check_grant() -> Result<(), Error> {
    match settings::boolean("script") {
        Ok(Some(true)) => Ok(()),
        Ok(_) => Err(Error::Denied(
            "scripts are not granted to this module: run `minion grant command:script` on this host"
                .to_owned(),
        )),
        Err(error) => Err(Error::Denied(String::from(error))),
    }
}

/// The interpreter with what has it read its input, and the arguments of the script.
pub(crate) fn argv(interpreter: Interpreter, args: Vec<String>) -> Vec<String> {
    let words: &[&str] = match interpreter {
        Interpreter::Sh => &["sh", "-s", "--"],
        Interpreter::Bash => &["bash", "-s", "--"],
        Interpreter::Python => &["python3", "-"],
        Interpreter::Perl => &["perl", "-"],
        Interpreter::Ruby => &["ruby", "-"],
        Interpreter::Node => &["node", "-"],
    };
    words.iter().map(|word| (*word).to_owned()).chain(args).collect()
}
