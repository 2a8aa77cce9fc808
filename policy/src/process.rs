//! Which programs a module may run.

use serde::Deserialize;

use crate::argument;
use crate::variable::{self, USUAL};
use crate::wildcard;
use crate::working_folder::WorkingFolder;

/// One program with everything that decides what it does: its arguments, its environment and its folder.
///
/// What the grant does not name is not allowed. In an argument `*` stands for any text, except that it never
/// stands for the beginning of an option (`-`, `+`, `@`), for a step up (`..`) or for an empty argument; a
/// last argument `**` stands for any number of further arguments of that kind. In the command it stands for
/// no `/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProcessGrant {
    /// The program, by the name or the path with which the module asks for it.
    pub command: String,
    /// Its arguments. Left out: it must be called without any.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment variables: `NAME=value` is always set, `NAME` and `FAMILY_*` are those that the module may
    /// set. Left out: it may set those of language, time zone and terminal, to values that name no file.
    #[serde(default = "usual")]
    pub env: Vec<String>,
    /// The folders that the module may have it run in, besides `/`. Left out: none.
    #[serde(default)]
    pub cwd: Vec<WorkingFolder>,
    /// Whether it changes nothing, so that a dry run may run it. Default no.
    #[serde(default)]
    pub read_only: bool,
}

fn usual() -> Vec<String> {
    USUAL.map(str::to_owned).to_vec()
}

impl ProcessGrant {
    /// Whether the module may give this environment variable this value.
    pub fn allows_variable(&self, name: &str, value: &str) -> bool {
        let covered = self.env.iter().any(|entry| variable::covers(entry, name));
        covered
            && self.fixed_variables().all(|(fixed, _)| fixed != name)
            && (!self.has_usual_variables() || variable::is_plain(name, value))
    }

    /// The environment variables that the grant itself sets.
    pub fn fixed_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().filter_map(|entry| variable::fixed(entry))
    }

    /// Whether the variables are the ones that stand for none said.
    pub fn has_usual_variables(&self) -> bool {
        self.env == usual()
    }

    /// Whether this lets the program run with these arguments.
    pub fn allows(&self, command: &str, args: &[String]) -> bool {
        self.matches(command, args, argument::covers)
    }

    /// The argument for want of which the program is not allowed, where a `*` would cover it if it were none
    /// that steers the program.
    pub fn steered_by<'a>(&self, command: &str, args: &'a [String]) -> Option<&'a String> {
        if self.allows(command, args) || !self.matches(command, args, wildcard) {
            return None;
        }
        let pattern = |nth: usize| self.args.get(nth).map_or("**", String::as_str);
        (0..).zip(args).find(|(nth, arg)| !argument::covers(pattern(*nth), arg)).map(|(_, arg)| arg)
    }

    fn matches(&self, command: &str, args: &[String], covers: fn(&str, &str) -> bool) -> bool {
        let folders = |path: &str| path.matches('/').count();
        if !wildcard(&self.command, command) || folders(&self.command) != folders(command) {
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
            && further.iter().all(|arg| rest.is_some_and(|pattern| covers(pattern, arg)))
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
        }
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
}
