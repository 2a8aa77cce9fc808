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
    /// Environment variables that the module may set for it, as patterns. Left out: those of language, time
    /// zone and terminal, since others (`LD_PRELOAD`, `PATH`) make one program run another.
    #[serde(default = "harmless")]
    pub env: Vec<String>,
    /// Whether it changes nothing, so that a dry run may run it. Default no.
    #[serde(default)]
    pub read_only: bool,
}

/// Variables that change how a program speaks and not what it does.
fn harmless() -> Vec<String> {
    ["LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "COLUMNS", "NO_COLOR"].map(str::to_owned).to_vec()
}

impl ProcessGrant {
    /// Whether the module may set this environment variable for it.
    pub fn allows_variable(&self, name: &str) -> bool {
        self.env.iter().any(|pattern| wildcard(pattern, name))
    }

    /// Whether the variables are the ones that stand for none said.
    pub(crate) fn has_usual_variables(&self) -> bool {
        self.env == harmless()
    }

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
            env: harmless(),
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

    #[test]
    fn a_variable_that_changes_what_runs_must_be_granted_by_name() {
        let grant: ProcessGrant = toml::from_str("command = \"uptime\"").expect("a grant");
        assert!(grant.allows_variable("LC_ALL") && !grant.allows_variable("LD_PRELOAD"));
        let grant: ProcessGrant = toml::from_str("command = \"git\"\nenv = [\"GIT_*\"]").expect("a grant");
        assert!(grant.allows_variable("GIT_DIR") && !grant.allows_variable("LANG"));
    }
}
