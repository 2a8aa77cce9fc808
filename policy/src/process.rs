//! Which programs a module may run, and how.

use std::path::Path;

use serde::Deserialize;

use crate::argument;
use crate::variable::{self, USUAL};
use crate::wildcard::wildcard;
use crate::working_folder::WorkingFolder;

/// One program with everything that decides what it does: its arguments, its environment and its folder.
///
/// What the grant does not name is not allowed. In an argument `*` stands for any text, except that it never
/// stands for the beginning of an option (`-`, `+`, `@`), for a step up (`..`) or for an empty argument; a
/// last argument `**` stands for any number of further arguments of that kind. In the command it stands for
/// no `/`. What `any` lists has no such limits: there the module chooses by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct ProcessGrant {
    /// The program, by the name or the path with which the module asks for it.
    pub command: String,
    /// The arguments of the program. Left out: it must be run without any.
    pub args: Vec<String>,
    /// The environment variables: `NAME=value` is always set, `NAME` and `FAMILY_*` are those that the module may
    /// set. Left out: it may set those of language, time zone and terminal, to values that name no file.
    pub env: Vec<String>,
    /// The folders that the module may have it run in, besides `/`. Left out: none.
    pub cwd: Vec<WorkingFolder>,
    /// Whether the program changes nothing, so that a dry run may run it. Default no, and never where `any` lists
    /// something.
    pub read_only: bool,
    /// What the module itself chooses, without any limit. Left out: nothing.
    pub any: Vec<Free>,
}

/// What a grant may leave to the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Free {
    /// The program: any program, by its name or its whole path.
    Command,
    /// The arguments behind those of `args`, options among them.
    Args,
    /// The environment variables, except those that the grant sets.
    Env,
    /// The folder that it runs in.
    Cwd,
}

/// A grant as it stands in the file, before what it leaves to the module is checked against the rest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default = "usual")]
    env: Vec<String>,
    #[serde(default)]
    cwd: Vec<WorkingFolder>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    any: Vec<Free>,
}

/// Why a program cannot be granted as it is written.
#[derive(Debug, thiserror::Error)]
enum BadProcess {
    /// The grant does not say which program.
    #[error("missing field `command`: write the program's name, or its whole path")]
    NoCommand,
    /// A program is named where every one is granted.
    #[error("`any` has \"command\", so \"{0}\" in `command` says nothing: leave one of them out")]
    TwoCommands(String),
    /// The grant says that the program changes nothing, and leaves to the module what decides that.
    #[error("what `any` leaves to the module can change something: leave `read-only` out, or `any`")]
    ReadOnly,
}

impl TryFrom<Written> for ProcessGrant {
    type Error = BadProcess;

    fn try_from(written: Written) -> Result<Self, BadProcess> {
        let Written { command, args, env, cwd, read_only, any } = written;
        if read_only && !any.is_empty() {
            return Err(BadProcess::ReadOnly);
        }
        let command = match (command, any.contains(&Free::Command)) {
            (Some(command), true) => return Err(BadProcess::TwoCommands(command)),
            (None, false) => return Err(BadProcess::NoCommand),
            (command, _) => command.unwrap_or_else(|| "*".to_owned()),
        };
        Ok(Self { command, args, env, cwd, read_only, any })
    }
}

fn usual() -> Vec<String> {
    USUAL.map(str::to_owned).to_vec()
}

impl ProcessGrant {
    /// Whether the grant leaves this to the module.
    pub fn is_free(&self, what: Free) -> bool {
        self.any.contains(&what)
    }

    /// Whether the module may have the program run in this folder, which exists; `real` is its path without links.
    pub fn allows_folder(&self, real: &Path) -> bool {
        self.is_free(Free::Cwd) || self.cwd.iter().any(|cwd| cwd.covers(real))
    }

    /// Whether the module may be told that this folder does not exist.
    pub fn names_folder(&self, path: &Path) -> bool {
        self.is_free(Free::Cwd) || self.cwd.iter().any(|cwd| cwd.names(path))
    }

    /// Whether the module may give this environment variable this value.
    pub fn allows_variable(&self, name: &str, value: &str) -> bool {
        if self.is_free(Free::Env) {
            return variable::is_name(name) && self.fixed_variables().all(|(fixed, _)| fixed != name);
        }
        let covered = self.env.iter().any(|entry| variable::covers(entry, name));
        covered
            && self.fixed_variables().all(|(fixed, _)| fixed != name)
            && (!self.has_usual_variables() || variable::is_plain(name, value))
    }

    /// The environment variables that the grant itself sets.
    pub fn fixed_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().filter_map(|entry| variable::fixed(entry))
    }

    /// Whether the variables are those that a grant has that says nothing of them.
    pub fn has_usual_variables(&self) -> bool {
        self.env == usual()
    }

    /// Whether the grant covers the program with these arguments.
    pub fn allows(&self, command: &str, args: &[String]) -> bool {
        self.matches(command, args, argument::covers)
    }

    /// The argument because of which the program is not allowed, where a `*` of the grant would cover it if it did
    /// not decide what the program does: an option, a step up, an empty text. `None` where the grant does not fit
    /// for other reasons.
    pub fn steered_by<'a>(&self, command: &str, args: &'a [String]) -> Option<&'a String> {
        if self.allows(command, args) || !self.matches(command, args, wildcard) {
            return None;
        }
        let pattern = |nth: usize| self.args.get(nth).map_or("**", String::as_str);
        (0..).zip(args).find(|(nth, arg)| !argument::covers(pattern(*nth), arg)).map(|(_, arg)| arg)
    }

    fn matches(&self, command: &str, args: &[String], covers: fn(&str, &str) -> bool) -> bool {
        let folders = |path: &str| path.matches('/').count();
        let named = || wildcard(&self.command, command) && folders(&self.command) == folders(command);
        if !self.is_free(Free::Command) && !named() {
            return false;
        }
        let (patterns, rest) = match self.args.split_last() {
            Some((last, patterns)) if last == "**" => (patterns, Some("*")),
            _ => (self.args.as_slice(), None),
        };
        if args.len() < patterns.len() {
            return false;
        }
        let (named, further) = args.split_at(patterns.len());
        patterns.iter().zip(named).all(|(pattern, arg)| covers(pattern, arg))
            && (self.is_free(Free::Args)
                || further.iter().all(|arg| rest.is_some_and(|pattern| covers(pattern, arg))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(command: &str, args: &[&str]) -> ProcessGrant {
        ProcessGrant {
            command: command.into(),
            args: args.iter().map(|arg| (*arg).into()).collect(),
            env: usual(),
            cwd: Vec::new(),
            read_only: false,
            any: Vec::new(),
        }
    }

    fn read(text: &str) -> ProcessGrant {
        toml::from_str(text).expect(text)
    }

    fn words(asked: &[&str]) -> Vec<String> {
        asked.iter().map(|arg| (*arg).into()).collect()
    }

    fn allows(command: &str, args: &[&str], asked: &[&str]) -> bool {
        grant(command, args).allows(asked[0], &words(&asked[1..]))
    }

    #[test]
    fn a_star_is_one_argument_and_two_at_the_end_are_any_number() {
        let restart = ["restart", "*"];
        assert!(allows("systemctl", &restart, &["systemctl", "restart", "nginx"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "restart"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "restart", "nginx", "ssh"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "stop", "nginx"]));
        assert!(allows("git", &["log", "**"], &["git", "log"]));
        assert!(allows("git", &["log", "**"], &["git", "log", "main", "next"]));
        assert!(!allows("git", &["log", "**"], &["git", "push"]));
    }

    #[test]
    fn options_are_denied_unless_the_grant_writes_them_out() {
        let output = ["git", "log", "--output=/etc/cron.d/x"];
        assert!(!allows("git", &["log", "*"], &output));
        assert!(!allows("git", &["log", "**"], &output));
        assert!(!allows("git", &["log", "**"], &["git", "log", "main", "--output=/etc/cron.d/x"]));
        assert!(!allows("git", &["log", "--", "*"], &["git", "log", "--", "--output=x"]));
        assert!(!allows("git", &["log", "--", "**"], &["git", "log", "--", "a", "-x"]));
        assert!(allows("git", &["log", "--", "*"], &["git", "log", "--", "src"]));
        assert!(allows("git", &["log", "--output=*"], &output));
        let (log, asked) = (grant("git", &["log", "**"]), words(&output[1..]));
        assert_eq!(log.steered_by("git", &asked).map(String::as_str), Some("--output=/etc/cron.d/x"));
        assert_eq!(log.steered_by("git", &words(&["push"])), None);
        assert_eq!(log.steered_by("git", &words(&["log", "main"])), None);
    }

    #[test]
    fn without_patterns_no_arguments_are_allowed_and_other_programs_never() {
        assert!(allows("uptime", &[], &["uptime"]));
        assert!(!allows("uptime", &[], &["uptime", "-p"]));
        assert!(!allows("uptime", &["**"], &["/tmp/uptime"]));
        assert!(!allows("*", &[], &["/tmp/uptime"]));
        assert!(!allows("/usr/bin/*", &[], &["/usr/bin/../../tmp/uptime"]));
        assert!(allows("/usr/bin/*", &[], &["/usr/bin/uptime"]));
    }

    #[test]
    fn a_variable_that_changes_what_runs_must_be_granted_by_name() {
        let grant: ProcessGrant = toml::from_str("command = \"uptime\"").expect("a grant");
        assert!(grant.allows_variable("LC_ALL", "C") && !grant.allows_variable("LD_PRELOAD", "/tmp/x.so"));
        assert!(!grant.allows_variable("LC_ALL", "../../tmp/x"));
        let env = "command = \"git\"\nenv = [\"GIT_DIR\", \"GIT_*\", \"APP_*\", \"APP_MODE=safe\"]";
        let grant: ProcessGrant = toml::from_str(env).expect("a grant");
        assert!(grant.allows_variable("GIT_DIR", "/srv/x") && !grant.allows_variable("LANG", "C"));
        assert!(!grant.allows_variable("GIT_SSH_COMMAND", "sh") && !grant.allows_variable("APP_MODE", "x"));
        assert!(grant.allows_variable("APP_COLOR", "red"));
        assert_eq!(grant.fixed_variables().collect::<Vec<_>>(), [("APP_MODE", "safe")]);
    }

    #[test]
    fn what_is_left_to_the_module_has_no_limit_and_the_rest_has_its_own() {
        let runs = |grant: &ProcessGrant, argv: &[&str]| grant.allows(argv[0], &words(&argv[1..]));
        let git = read("command = 'git'\nargs = ['log']\nany = ['args']");
        assert!(runs(&git, &["git", "log"]) && runs(&git, &["git", "log", "-O/bin/sh", "", "../..", "@x"]));
        assert!(!runs(&git, &["git"]) && !runs(&git, &["git", "push"]) && !runs(&git, &["/tmp/git", "log"]));
        assert!(!git.allows_variable("GIT_DIR", "/x") && !git.allows_folder(Path::new("/tmp")));
        let any = read("any = ['command']");
        assert!(runs(&any, &["true"]) && runs(&any, &["/opt/a/b"]) && !runs(&any, &["true", "x"]));
        let env = read("command = 'x'\nenv = ['MODE=safe']\nany = ['env']");
        assert!(env.allows_variable("LD_PRELOAD", "/x.so") && env.allows_variable("LANG", "/x"));
        assert!(!env.allows_variable("MODE", "x"));
        for name in ["", "A=B", "A\0", "BASH_FUNC_ls%%", "1A"] {
            assert!(!env.allows_variable(name, "x"), "{name:?}");
        }
        let cwd = read("command = 'x'\nany = ['cwd']");
        assert!(cwd.allows_folder(Path::new("/srv/app")) && !runs(&cwd, &["x", "y"]));
    }

    #[test]
    fn a_folder_is_granted_by_its_name_and_one_that_is_gone_may_be_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("a path");
        let app = read(&format!("command = 'x'\ncwd = ['{}', '/gone/*']", real.display()));
        assert!(app.allows_folder(&real) && !app.allows_folder(Path::new("/")));
        assert!(app.names_folder(&real) && app.names_folder(Path::new("/gone/app")));
        for other in ["/gone", "/gone/a/b", "/gone/..", "/gone/app/..", "/srv"] {
            assert!(!app.names_folder(Path::new(other)), "{other}");
        }
        assert!(read("command = 'x'\nany = ['cwd']").names_folder(Path::new("/srv")));
        assert!(!read("command = 'x'").names_folder(Path::new("/")));
    }

    #[test]
    fn a_star_means_what_it_always_did() {
        let stars = read("command = '*'\nargs = ['**']\nenv = ['*']\ncwd = ['/*']");
        assert!(!stars.allows("/bin/ls", &[]) && !stars.allows("ls", &words(&["-l"])));
        assert!(!stars.allows_variable("LD_PRELOAD", "x") && !stars.allows_folder(Path::new("/srv/app")));
    }

    #[test]
    fn a_grant_that_contradicts_itself_is_refused_with_what_to_leave_out() {
        for (text, part) in [
            ("args = ['x']", "missing field `command`"),
            ("command = 'ls'\nany = ['command']", "leave one of them out"),
            ("any = ['command', 'args']\nread-only = true", "leave `read-only` out"),
            ("command = 'ls'\nany = ['cwd']\nread-only = true", "leave `read-only` out"),
            ("command = 'ls'\nany = ['stdin']", "stdin"),
            ("command = 'ls'\nany = true", "any"),
            ("command = 'ls'\nreadonly = true", "readonly"),
        ] {
            let error = toml::from_str::<ProcessGrant>(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(read("command = 'ls'\nany = []\nread-only = true").read_only);
    }
}
