//! What is asked for, held against what can be meant.

use std::time::Duration;

use accounts::{User, find_user};
use failure::Error;
use minion_sdk::process::Command;

use crate::exports::minion::command::command::Options;

/// How much a program that is streamed can be given to read: a pipe takes that before anybody reads it.
const MOST_STREAMED: usize = 64 << 10;

/// A program to run.
pub(crate) struct Asked {
    /// Its name and its arguments, as they were given.
    pub(crate) argv: Vec<String>,
    /// What runs, which is more where it runs as another user.
    pub(crate) command: Command,
    /// Whether another program starts it.
    pub(crate) wrapped: bool,
    /// After how long it is ended.
    pub(crate) timeout: Option<Duration>,
    /// Whether its output is shown while it runs.
    pub(crate) streamed: bool,
}

impl Asked {
    /// What is asked for.
    ///
    /// # Errors
    /// With what cannot be meant.
    pub(crate) fn of(argv: Vec<String>, options: Options) -> Result<Self, Error> {
        let Options { stdin, env, cwd, timeout, user, streamed } = options;
        check(&argv)?;
        let (env, streamed) = (env.unwrap_or_default(), streamed.unwrap_or(false));
        if let Some((name, _)) = env.iter().find(|(name, value)| !is_variable(name) || value.contains('\0')) {
            return Err(Error::Invalid(format!(
                "{name:?} in `env` is no variable: write letters, digits and \"_\""
            )));
        }
        let timeout = timeout.map(|seconds| Duration::from_secs(seconds.into()));
        if timeout == Some(Duration::ZERO) {
            return Err(Error::Invalid("a `timeout` of no time ends everything: write seconds".to_owned()));
        }
        if streamed && stdin.as_ref().is_some_and(|input| input.len() > MOST_STREAMED) {
            return Err(Error::Invalid(
                "`stdin` is over 64 KiB, which is what is streamed at most".to_owned(),
            ));
        }
        let user = user.map(|name| account(&name)).transpose()?;
        let mut command = command(&argv, user.as_ref());
        for (name, value) in
            user.iter().flat_map(variables).filter(|(name, _)| !env.iter().any(|(n, _)| n == name))
        {
            command = command.env(name, value);
        }
        command = env.into_iter().fold(command, |command, (name, value)| command.env(name, value));
        if let Some(cwd) = cwd {
            command = command.cwd(cwd);
        }
        if let Some(input) = stdin {
            command = command.stdin(input);
        }
        if let Some(timeout) = timeout {
            command = command.timeout(timeout);
        }
        Ok(Self { argv, command, wrapped: user.is_some(), timeout, streamed })
    }
}

fn check(argv: &[String]) -> Result<(), Error> {
    let Some(program) = argv.first() else {
        return Err(Error::Invalid("`argv` is empty: write the program, then its arguments".to_owned()));
    };
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(Error::Invalid("no program can be given an argument with a NUL byte".to_owned()));
    }
    // Said by the host as well, but not of what another program starts for us.
    if program.is_empty() || (program.contains('/') && !program.starts_with('/')) {
        return Err(Error::NotFound(format!(
            "there is no program {program:?}: write its name, or its path from \"/\" on"
        )));
    }
    Ok(())
}

/// The program as it is, or as another user by a program that does nothing but become that user.
fn command(argv: &[String], user: Option<&User>) -> Command {
    let (program, arguments) =
        argv.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let arguments = arguments.iter().map(String::as_str);
    let Some(user) = user else { return Command::new(program).args(arguments) };
    Command::new("setpriv")
        .args([format!("--reuid={}", user.uid), format!("--regid={}", user.gid)])
        .args(["--init-groups", "--", program])
        .args(arguments)
}

fn account(name: &str) -> Result<User, Error> {
    check_word("user", name)?;
    find_user(name)?.ok_or_else(|| Error::NotFound(format!("there is no user \"{name}\"")))
}

/// What a program of a user expects to find.
fn variables(user: &User) -> [(&'static str, String); 4] {
    let User { name, home, shell, .. } = user;
    [("HOME", home), ("USER", name), ("LOGNAME", name), ("SHELL", shell)]
        .map(|(key, value)| (key, value.clone()))
}

fn is_variable(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// That a word can be looked up by another program.
///
/// # Errors
/// With what it must not be.
pub(crate) fn check_word(what: &str, word: &str) -> Result<(), Error> {
    let climbs = word.split('/').any(|step| step == "..");
    if word.is_empty() || climbs || word.starts_with(['-', '+', '@']) || word.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "the {what} is none: write its name, without \"-\", \"+\" or \"@\" in front, \"..\" and control characters"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;
    use crate::none_said;

    fn words(argv: &[&str]) -> Vec<String> {
        argv.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_anything_runs() {
        let refused = |argv: &[&str], options| Asked::of(words(argv), options).err();
        let env = |name: &str| Options { env: Some(vec![(name.to_owned(), "x".to_owned())]), ..none_said() };
        let user = |name: &str| Options { user: Some(name.to_owned()), ..none_said() };
        let long = Options { stdin: Some("x".repeat(70_000)), streamed: Some(true), ..none_said() };
        for (argv, options) in [
            (&[][..], none_said()),
            (&["ls", "a\0b"], none_said()),
            (&["ls"], env("A=B")),
            (&["ls"], env("")),
            (&["ls"], Options { timeout: Some(0), ..none_said() }),
            (&["ls"], long),
            (&["ls"], user("-r")),
            (&["ls"], user("")),
        ] {
            assert!(matches!(refused(argv, options), Some(Error::Invalid(_))), "{argv:?}");
        }
        for program in ["", "bin/ls", "./ls"] {
            assert!(matches!(refused(&[program], none_said()), Some(Error::NotFound(_))), "{program:?}");
        }
    }

    #[test]
    fn another_user_is_become_by_numbers_and_has_a_home() {
        let line = "ann:x:1000:100:Ann:/home/ann:/bin/zsh\n";
        let _host = Host::new().program(&["getent", "passwd", "--", "ann"], Output::printed(line, 0));
        let env = Some(vec![("HOME".to_owned(), "/srv".to_owned())]);
        let options = Options { user: Some("ann".to_owned()), env, ..none_said() };
        let asked = Asked::of(words(&["-x", "--", "y"]), options).expect("meant");
        let expected = Command::new("setpriv")
            .args(["--reuid=1000", "--regid=100", "--init-groups", "--", "-x", "--", "y"])
            .env("USER", "ann")
            .env("LOGNAME", "ann")
            .env("SHELL", "/bin/zsh")
            .env("HOME", "/srv");
        assert_eq!(asked.command, expected);
    }
}
