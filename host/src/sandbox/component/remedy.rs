//! What an operator can do about a grant that a module lacks: grant a level that the module suggests, or else
//! write a line of its policy.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use machine::lock;
use wire::message::outcome::{FailureKind, Outcome};
use wire::name::ModuleName;

use crate::policy::{Grants, LevelName, Suggestion};

/// For how many denials of a job a remedy is looked for, since a module can go on for ever.
const MAX_LOOKS: usize = 100;

/// What the owner of the host can do about a grant that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The module that lacks the grant.
    pub module: ModuleName,
    /// A level that the module suggests and that has what is missing; `None` where there is none.
    pub level: Option<LevelName>,
    /// The line of the module's table that would grant it.
    pub line: &'static str,
}

/// The command line that grants a level. Prints as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The module that gets the level.
    pub module: ModuleName,
    /// The level.
    pub level: LevelName,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command() {
            Some(command) => write!(f, "run `{command}` on its host"),
            None => write!(f, "add `{}` to [modules.{}] in minion.toml", self.line, self.module),
        }
    }
}

impl Remedy {
    /// The command that grants the level; `None` where there is no level.
    pub fn command(&self) -> Option<Command> {
        Some(Command { module: self.module.clone(), level: self.level.clone()? })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "minion grant {}:{}", self.module, self.level)
    }
}

/// What would mend everything that one job was denied so far. Clones are the same.
#[derive(Clone)]
pub(in crate::sandbox) struct Remedies(Arc<Inner>);

/// What all clones share.
struct Inner {
    module: ModuleName,
    suggestion: Option<Arc<Suggestion>>,
    found: Mutex<Found>,
}

/// What was found for a job so far.
#[derive(Default)]
struct Found {
    /// How often something was looked for.
    looks: usize,
    /// The levels that would have allowed everything that was denied; empty where no level allows any of it.
    levels: Vec<LevelName>,
}

impl Remedies {
    /// The remedies of a job of this module that was denied nothing yet.
    pub(in crate::sandbox) fn new(module: ModuleName, suggestion: Option<Arc<Suggestion>>) -> Self {
        Self(Arc::new(Inner { module, suggestion, found: Mutex::default() }))
    }

    /// Takes note that something was denied that these grants would have covered. Returns the command for the
    /// smallest level that covers it, where there is one.
    pub(in crate::sandbox) fn denied(&self, covers: impl Fn(&Grants) -> bool) -> Option<Command> {
        let suggestion = self.0.suggestion.as_ref()?;
        let mut found = self.found();
        if found.looks >= MAX_LOOKS {
            return None;
        }
        found.looks += 1;
        let covering = covering(suggestion, covers);
        let command = self.smallest(&covering)?;
        let both: Vec<LevelName> = found.levels.iter().filter(|it| covering.contains(it)).cloned().collect();
        // Where no level covers everything, the last denial is the one that the module ended with.
        found.levels = if both.is_empty() { covering } else { both };
        Some(command)
    }

    /// Whether the module suggests a level whose grants are such.
    pub(in crate::sandbox) fn suggests(&self, is: impl Fn(&Grants) -> bool) -> bool {
        self.0.suggestion.as_ref().is_some_and(|it| it.levels().iter().any(|level| is(level.grants())))
    }

    /// The command that would mend what was denied so far; `None` where no level would.
    pub(in crate::sandbox) fn command(&self) -> Option<Command> {
        self.smallest(&self.found().levels)
    }

    /// Names the command in the message of a job that ended badly and was denied something that a level allows.
    pub(in crate::sandbox) fn add_to(&self, outcome: &mut Outcome) {
        let Outcome::Failed(failure) = outcome else { return };
        if !matches!(failure.kind, FailureKind::Error | FailureKind::Trapped) {
            return;
        }
        let command = self.command().map(|command| format!("`{command}`"));
        // A module that passes the host's own words on has named it already.
        if let Some(command) = command.filter(|command| !failure.message.contains(command.as_str())) {
            failure.message = format!("{}; it was denied what {command} grants on its host", failure.message);
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        lock::hold(&self.0.found)
    }

    fn smallest(&self, levels: &[LevelName]) -> Option<Command> {
        let suggestion = self.0.suggestion.as_ref()?;
        let level = suggestion.smallest(levels)?.name().clone();
        Some(Command { module: self.0.module.clone(), level })
    }
}

/// The smallest level whose grants are such; `None` where there is none.
pub(in crate::sandbox) fn level(
    suggestion: &Suggestion,
    covers: impl Fn(&Grants) -> bool,
) -> Option<LevelName> {
    suggestion.smallest(&covering(suggestion, covers)).map(|level| level.name().clone())
}

fn covering(suggestion: &Suggestion, covers: impl Fn(&Grants) -> bool) -> Vec<LevelName> {
    let covering = suggestion.levels().iter().filter(|level| covers(level.grants()));
    covering.map(|level| level.name().clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedies(text: &str) -> Remedies {
        let suggestion = text.parse().expect("a suggestion");
        Remedies::new("service".parse().expect("a name"), Some(Arc::new(suggestion)))
    }

    #[test]
    fn one_level_is_named_for_all_that_was_denied() {
        let remedies = remedies(
            "[all]\nincludes = []\nfacts = ['*']\nenv = ['A', 'B']\n[some]\nfacts = ['os']\n[other]\nenv = ['A']",
        );
        assert_eq!(remedies.command(), None);
        let facts = |grants: &Grants| !grants.facts.is_empty();
        let told = remedies.denied(facts).map(|command| command.to_string());
        assert_eq!(told.as_deref(), Some("minion grant service:some"));
        assert_eq!(remedies.denied(|grants| grants.kv.is_some()), None);
        remedies.denied(|grants| !grants.env.is_empty());
        let told = remedies.command().map(|command| command.to_string());
        assert_eq!(told.as_deref(), Some("minion grant service:all"));
    }

    #[test]
    fn a_job_that_fails_without_what_a_level_grants_names_it_once() {
        let remedies = remedies("[read]\nfacts = ['*']");
        let message = |kind, text: &str| {
            let mut outcome = Outcome::failed(kind, text);
            remedies.add_to(&mut outcome);
            match outcome {
                Outcome::Failed(failure) => failure.message,
                Outcome::Ok(_) => String::new(),
            }
        };
        assert_eq!(message(FailureKind::Error, "no"), "no");
        remedies.denied(|grants| !grants.facts.is_empty());
        let told = message(FailureKind::Error, "no");
        assert_eq!(told, "no; it was denied what `minion grant service:read` grants on its host");
        assert_eq!(message(FailureKind::Trapped, &told), told);
        assert_eq!(message(FailureKind::Cancelled, "no"), "no");
    }

    #[test]
    fn a_module_that_suggests_nothing_has_no_remedy() {
        let remedies = Remedies::new("service".parse().expect("a name"), None);
        assert_eq!((remedies.denied(|_| true), remedies.command()), (None, None));
    }
}
