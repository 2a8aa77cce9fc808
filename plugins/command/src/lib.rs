//! The module `command`: programs of the host, as operators ask for them. What each method does is said in
//! `wit/command.wit`.

mod program;
mod running;
mod script;

use failure::{Error, Failure, read};

use exports::minion::command::command::{Guest, Interpreter, Options, Output};

use crate::program::Asked;

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:command/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq, Eq],
});

struct Command;

export!(Command);

impl Guest for Command {
    fn run(argv: Vec<String>, options: Option<Options>) -> Result<Output, Error> {
        running::run(Asked::of(argv, options.unwrap_or_else(none_said))?)
    }

    fn script(
        interpreter: Interpreter,
        text: String,
        args: Option<Vec<String>>,
        options: Option<Options>,
    ) -> Result<Output, Error> {
        script::check_grant()?;
        let options = options.unwrap_or_else(none_said);
        if options.stdin.is_some() {
            return Err(Error::Invalid(
                "`stdin` is what the script itself is read from: leave it out".to_owned(),
            ));
        }
        let argv = script::argv(interpreter, args.unwrap_or_default());
        running::run(Asked::of(argv, Options { stdin: Some(text), ..options })?)
    }

    fn exists(program: String) -> Result<bool, Error> {
        program::check_word("program", &program)?;
        if program.contains('/') && !program.starts_with('/') {
            return Ok(false);
        }
        match read(&["which", "--", &program]) {
            Ok(_) => Ok(true),
            // What `which` says of a program that is not there.
            Err(Error::Failed(Failure { exit: Some(1), .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn none_said() -> Options {
    Options { stdin: None, env: None, cwd: None, timeout: None, user: None, streamed: None }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output as Printed;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_program_is_there_or_not() {
        let _host = Host::new()
            .program(&["which", "--", "ls"], Printed::printed("/usr/bin/ls\n", 0))
            .program(&["which", "--", "; touch x"], Printed::printed("", 1));
        let exists = |program: &str| Command::exists(program.to_owned());
        assert_eq!((exists("ls"), exists("; touch x"), exists("bin/ls")), (Ok(true), Ok(false), Ok(false)));
        for bad in ["", "-a", "a\0b", "a\nb", "/bin/../x"] {
            assert!(matches!(exists(bad), Err(Error::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_script_runs_only_where_it_is_granted_and_is_read_from_the_input() {
        let call = |options| {
            Command::script(Interpreter::Sh, "exit 3".to_owned(), Some(vec!["-x".to_owned()]), options)
        };
        let argv = ["sh", "-s", "--", "-x"];
        let host = Host::new().program(&argv, Printed::printed("", 3));
        assert!(matches!(call(None), Err(Error::Denied(why)) if why.contains("minion grant command:script")));
        assert_eq!(host.ran(), [[""; 0]; 0]);
        drop(host);
        let host = Host::new().setting("script", true).program(&argv, Printed::printed("", 3));
        assert_eq!(call(None).map(|output| output.exit), Ok(3));
        let with_input = Options { stdin: Some("x".to_owned()), ..none_said() };
        assert!(matches!(call(Some(with_input)), Err(Error::Invalid(_))));
        assert_eq!(host.ran(), [argv]);
    }
}
