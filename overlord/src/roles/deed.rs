//! What an operator may want to do, in the words of roles.

use std::fmt;

use serde::Deserialize;
use wire::name::MethodPath;

/// Something that an operator wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed<'a> {
    /// What concerns the operator alone: to ask who it is, or to renew its own certificate.
    Own,
    /// Look at what concerns no minion and no job: the overlord's status, the catalogue, the assignments.
    Look,
    /// See minions, their modules and their facts, and ping them.
    See,
    /// Call this method.
    Call(&'a MethodPath),
    /// Do this with a job of another operator.
    Job(JobVerb),
    /// Do this with modules.
    Module(ModuleVerb),
    /// Do this with the enrolment of minions.
    Minion(MinionVerb),
    /// Read the audit log.
    Audit,
    /// Change operators, or what nobody but an administrator may change.
    Administer,
}

/// Declares verbs as roles spell them.
macro_rules! verbs {
    ($(#[$doc:meta])* $name:ident { $($(#[$verb_doc:meta])* $verb:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name {
            $($(#[$verb_doc])* $verb,)*
        }

        impl $name {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$verb,)*];

            /// The word for it in a role.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$verb => $word,)*
                }
            }
        }
    };
}

verbs! {
    /// What may be done with jobs of others.
    JobVerb {
        /// See them, follow them, and see their outcomes.
        See = "see",
        /// Cancel them and give up their parts.
        Cancel = "cancel",
        /// Forget those that are over.
        Purge = "purge",
    }
}

verbs! {
    /// What may be done with modules.
    ModuleVerb {
        /// Bring a version into the catalogue and put it into service.
        Push = "push",
        /// Take a module out of service.
        Remove = "remove",
        /// Go back to the version before.
        Rollback = "rollback",
        /// Assign a version to all minions of an expression, and take that back.
        Assign = "assign",
        /// End a change that another operator began.
        Release = "release",
    }
}

verbs! {
    /// What may be done with the enrolment of minions.
    MinionVerb {
        /// Make tokens, see them, and take them back.
        Invite = "invite",
        /// Accept or reject minions that wait.
        Accept = "accept",
        /// Revoke minions, and take that back.
        Revoke = "revoke",
        /// Forget minions.
        Remove = "remove",
    }
}

impl Deed<'_> {
    /// The key of a role that allows the deed, with what has to be in it; `None` where no single key does.
    pub(crate) fn key(self) -> Option<String> {
        Some(match self {
            Deed::Own | Deed::Look => return None,
            Deed::See => "targets".to_owned(),
            Deed::Call(method) => format!("methods: \"{method}\""),
            Deed::Job(verb) => format!("jobs: \"{}\"", verb.as_str()),
            Deed::Module(verb) => format!("modules: \"{}\"", verb.as_str()),
            Deed::Minion(verb) => format!("minions: \"{}\"", verb.as_str()),
            Deed::Audit => "audit".to_owned(),
            Deed::Administer => "admin".to_owned(),
        })
    }
}

impl fmt::Display for Deed<'_> {
    /// As it reads on from "may".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deed::Own => f.write_str("ask about itself"),
            Deed::Look => f.write_str("look at the overlord"),
            Deed::See => f.write_str("see minions"),
            Deed::Call(method) => write!(f, "call {method}"),
            Deed::Job(verb) => write!(f, "{} jobs of others", verb.as_str()),
            Deed::Module(ModuleVerb::Rollback) => f.write_str("roll modules back"),
            Deed::Module(ModuleVerb::Release) => f.write_str("end changes of others"),
            Deed::Module(verb) => write!(f, "{} modules", verb.as_str()),
            Deed::Minion(verb) => write!(f, "{} minions", verb.as_str()),
            Deed::Audit => f.write_str("read the audit log"),
            Deed::Administer => f.write_str("administer the overlord"),
        }
    }
}
