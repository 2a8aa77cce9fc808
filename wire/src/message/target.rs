//! Which minions an operator means, and what the overlord has to say of how it understood that. The language of
//! the expressions, and how they are resolved, are in [`crate::targets`].

use serde::{Deserialize, Serialize};

use crate::name::MinionName;

/// Which minions are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The target expression.
    pub expression: String,
    /// An expression whose matches are left out, whatever `expression` says.
    pub exclude: Option<String>,
    /// What is let pass; nothing is, for an operator of an older version.
    #[serde(with = "crate::message::version::since_three")]
    pub lenience: Lenience,
}

impl Target {
    /// The minions that the expression means, with none left out and nothing let pass.
    pub fn of(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..Self::default() }
    }
}

/// What is let pass where a target is not wholly understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lenience {
    /// Whether a name that no minion has is a warning and not an error.
    pub ignore_missing: bool,
    /// What becomes of minions of which it is not known whether they match, because they never told the facts that
    /// decide it. Where nothing is said, they are left out by a test that stands by itself, and a test that is
    /// negated is refused.
    pub assume_unknown: Option<Assume>,
}

/// What becomes of a minion of which it is not known whether it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assume {
    /// The minion is taken along.
    Match,
    /// The minion is left out.
    Skip,
}

/// What an operator should know of how a target was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetWarning {
    /// A term of the expression matches no minion.
    Unmatched {
        /// The term as it was written.
        term: String,
        /// One line for people.
        message: String,
    },
    /// It is not known of some minions whether they match, since they never told their facts.
    Unknown {
        /// Those minions, by name.
        minions: Vec<MinionName>,
        /// What became of these minions, as one line for people.
        message: String,
    },
    /// Some minions were left out, since the operator may not do this there. Said to nobody who did not ask for it by
    /// [`Call::permitted`](crate::message::operator::Call::permitted).
    NotPermitted {
        /// Those minions, by name.
        minions: Vec<MinionName>,
        /// Which rule left them out, as one line for people.
        message: String,
    },
}

impl TargetWarning {
    /// The line for people.
    pub fn message(&self) -> &str {
        match self {
            TargetWarning::Unmatched { message, .. }
            | TargetWarning::Unknown { message, .. }
            | TargetWarning::NotPermitted { message, .. } => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::version::Version;

    #[test]
    fn older_versions_say_a_target_as_they_always_did() {
        let lenience = Lenience { ignore_missing: true, assume_unknown: Some(Assume::Skip) };
        let target = Target { exclude: Some("db*".into()), lenience, ..Target::of("web*") };
        for version in [Version::One, Version::Two] {
            let bytes = version.speak(|| postcard::to_stdvec(&target)).expect("encodes");
            assert_eq!(bytes, b"\x04web*\x01\x03db*", "{version:?}");
            let read: Target = version.speak(|| postcard::from_bytes(&bytes)).expect("decodes");
            assert_eq!(read, Target { lenience: Lenience::default(), ..target.clone() });
        }
        let bytes = postcard::to_stdvec(&target).expect("encodes");
        assert_eq!(postcard::from_bytes::<Target>(&bytes), Ok(target));
    }

    #[test]
    fn a_warning_of_either_kind_has_its_message() {
        let message = || "nothing matches web*".to_owned();
        for warning in [
            TargetWarning::Unmatched { term: "web*".into(), message: message() },
            TargetWarning::Unknown { minions: Vec::new(), message: message() },
        ] {
            assert_eq!(warning.message(), message());
        }
    }
}
