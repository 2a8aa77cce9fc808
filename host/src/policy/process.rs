//! Which programs a module may run.

use serde::Deserialize;

use super::wildcard;

/// One program with its arguments, as patterns.
///
/// In the command and in each argument `*` stands for any text; a last argument `**` stands for any number
/// of further arguments. Arguments that the patterns do not mention are not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProcessGrant {
    /// The program, by the name or the path with which the module asks for it.
    pub command: String,
    /// Its arguments. Left out: it must be called without any.
    #[serde(default)]
    pub args: Vec<String>,
    /// Whether it changes nothing, so that a dry run may run it. Default no.
    #[serde(default)]
    pub read_only: bool,
}

impl ProcessGrant {
    /// Whether this lets the program run with these arguments.
    pub fn allows(&self, command: &str, args: &[String]) -> bool {
        if !wildcard(&self.command, command) {
            return false;
        }
        let (patterns, rest) = match self.args.split_last() {
            Some((last, patterns)) if last == "**" => (patterns, true),
            _ => (self.args.as_slice(), false),
        };
        let counts_fit = if rest { args.len() >= patterns.len() } else { args.len() == patterns.len() };
        counts_fit && patterns.iter().zip(args).all(|(pattern, arg)| wildcard(pattern, arg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(command: &str, args: &[&str], asked: &[&str]) -> bool {
        let grant = ProcessGrant {
            command: command.into(),
            args: args.iter().map(|arg| (*arg).into()).collect(),
            read_only: false,
        };
        let asked: Vec<String> = asked.iter().map(|arg| (*arg).into()).collect();
        grant.allows(&asked[0], &asked[1..])
    }

    #[test]
    fn a_star_is_one_argument_and_two_at_the_end_are_any_number() {
        let restart = ["restart", "*"];
        assert!(allows("systemctl", &restart, &["systemctl", "restart", "nginx"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "restart"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "restart", "nginx", "--now"]));
        assert!(!allows("systemctl", &restart, &["systemctl", "stop", "nginx"]));
        assert!(allows("git", &["log", "**"], &["git", "log"]));
        assert!(allows("git", &["log", "**"], &["git", "log", "-n", "1"]));
        assert!(!allows("git", &["log", "**"], &["git", "push"]));
    }

    #[test]
    fn without_patterns_no_arguments_are_allowed_and_other_programs_never() {
        assert!(allows("uptime", &[], &["uptime"]));
        assert!(!allows("uptime", &[], &["uptime", "-p"]));
        assert!(!allows("uptime", &["**"], &["/tmp/uptime"]));
    }
}
