//! A role: what its operators may do, and on which minions.

use std::collections::BTreeSet;

use serde::Deserialize;
use wire::message::operators::RoleStatus;
use wire::name::{OperatorName, RoleName};

use super::deed::{Deed, JobVerb, MinionVerb, ModuleVerb};
use super::pattern::{Pattern, Targets};

/// What a role allows. What it does not name, it does not allow.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Role(Written);

/// A role as it is written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// The operators who have it, besides those to whom it was given by name.
    operators: Vec<Pattern>,
    /// The methods that they may call, as `module.method`.
    methods: Vec<Pattern>,
    /// The minions that they see, and on which they may do what the other keys say.
    targets: Option<Targets>,
    /// What they may do with modules.
    modules: BTreeSet<ModuleVerb>,
    /// What they may do with jobs of others.
    jobs: BTreeSet<JobVerb>,
    /// What they may do with the enrolment of minions.
    minions: BTreeSet<MinionVerb>,
    /// Whether they may read the audit log.
    audit: bool,
    /// Whether they may do everything.
    admin: bool,
}

impl Role {
    /// The role that allows everything. It is built in.
    pub(crate) fn admin() -> Self {
        Self(Written { admin: true, ..Written::default() })
    }

    /// The same role, which allows everything.
    pub(crate) fn made_admin(self) -> Self {
        Self(Written { admin: true, ..self.0 })
    }

    /// Whether it says who has it, and nothing of what it allows.
    pub(crate) fn says_only_who(&self) -> bool {
        self.0 == Written { operators: self.0.operators.clone(), admin: self.0.admin, ..Written::default() }
    }

    /// Whether the operator has it by its name.
    pub(crate) fn is_of(&self, operator: &OperatorName) -> bool {
        self.0.operators.iter().any(|pattern| pattern.matches(operator.as_str()))
    }

    /// Whether it allows everything.
    #[cfg(test)]
    pub(crate) fn is_admin(&self) -> bool {
        self.0.admin
    }

    /// Whether it allows the deed on some minion, or at all where no minion is concerned.
    pub(crate) fn allows(&self, deed: Deed<'_>) -> bool {
        let Written { methods, targets, modules, jobs, minions, audit, admin, operators: _ } = &self.0;
        let allowed = match deed {
            Deed::Own | Deed::Look => true,
            Deed::See => targets.is_some(),
            Deed::Call(method) => {
                let method = method.to_string();
                methods.iter().any(|pattern| pattern.matches(&method))
            }
            Deed::Job(verb) => jobs.contains(&verb),
            Deed::Module(verb) => modules.contains(&verb),
            Deed::Minion(verb) => minions.contains(&verb),
            Deed::Audit => *audit,
            Deed::Administer => false,
        };
        allowed || *admin
    }

    /// The minions that it is for; `None` where it is for none, unless it allows everything.
    pub(crate) fn targets(&self) -> Option<&Targets> {
        self.0.targets.as_ref()
    }

    /// Whether it is for every minion there can be.
    pub(crate) fn is_for_everybody(&self) -> bool {
        self.0.admin || self.0.targets.as_ref().is_some_and(Targets::is_everybody)
    }

    /// Whether it is for every name that a glob matches: it is for every minion, or for this glob itself. Whether an
    /// expression holds for all that another glob matches is not worked out.
    pub(crate) fn is_for_all_of(&self, glob: &str) -> bool {
        let is_itself = |targets: &Targets| targets.expression().as_str().trim() == glob;
        self.is_for_everybody() || self.0.targets.as_ref().is_some_and(is_itself)
    }

    /// What it allows, as it is written.
    pub(crate) fn status(&self, name: &RoleName) -> RoleStatus {
        let Written { methods, targets, modules, jobs, minions, audit, admin, operators: _ } = &self.0;
        let verbs = |words: Vec<&'static str>| words.into_iter().map(str::to_owned).collect();
        RoleStatus {
            name: name.clone(),
            admin: *admin,
            methods: methods.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            targets: targets.as_ref().map(|targets| targets.expression().as_str().to_owned()),
            modules: verbs(modules.iter().map(|verb| verb.as_str()).collect()),
            jobs: verbs(jobs.iter().map(|verb| verb.as_str()).collect()),
            minions: verbs(minions.iter().map(|verb| verb.as_str()).collect()),
            audit: *audit,
        }
    }

    /// The keys in which it differs from another.
    pub(crate) fn differs(&self, other: &Self) -> Vec<&'static str> {
        let (a, b) = (&self.0, &other.0);
        let keys = [
            ("operators", a.operators != b.operators),
            ("methods", a.methods != b.methods),
            ("targets", a.targets != b.targets),
            ("modules", a.modules != b.modules),
            ("jobs", a.jobs != b.jobs),
            ("minions", a.minions != b.minions),
            ("audit", a.audit != b.audit),
            ("admin", a.admin != b.admin),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

impl TryFrom<Written> for Role {
    type Error = String;

    fn try_from(role: Written) -> Result<Self, String> {
        let key = match () {
            () if role.targets.is_some() || role.admin => None,
            () if !role.methods.is_empty() => Some("methods"),
            () if !role.modules.is_empty() => Some("modules"),
            () if !role.minions.is_empty() => Some("minions"),
            () if !role.jobs.is_empty() => Some("jobs"),
            () => None,
        };
        match key {
            Some(key) => Err(format!(
                "`{key}` is for no minion without `targets`: name them by an expression, as targets = \"web*\", or \
                 \"*\" for all"
            )),
            None => Ok(Self(role)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn role(text: &str) -> Result<Role, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_key_allows_what_it_names_and_nothing_else() {
        let method = "service.restart".parse().expect("a method");
        let deeds = || {
            let of_jobs = JobVerb::ALL.iter().map(|verb| Deed::Job(*verb));
            let of_modules = ModuleVerb::ALL.iter().map(|verb| Deed::Module(*verb));
            let of_minions = MinionVerb::ALL.iter().map(|verb| Deed::Minion(*verb));
            let others = [Deed::See, Deed::Call(&method), Deed::Audit, Deed::Administer];
            others.into_iter().chain(of_jobs).chain(of_modules).chain(of_minions)
        };
        let allowed = |text: &str| -> Vec<Deed<'_>> {
            let role = role(text).expect("a role");
            deeds().filter(|deed| role.allows(*deed)).collect()
        };
        assert_eq!(allowed(""), []);
        assert_eq!(allowed("targets = '*'"), [Deed::See]);
        assert_eq!(allowed("audit = true"), [Deed::Audit]);
        for (methods, allows) in
            [("service.*", true), ("*.restart", true), ("*", true), ("service", false), ("service.re", false)]
        {
            let text = format!("targets = '*'\nmethods = [\"{methods}\"]");
            assert_eq!(allowed(&text).contains(&Deed::Call(&method)), allows, "{methods}");
        }
        for deed in deeds() {
            let (key, verb) = match deed {
                Deed::Job(verb) => ("jobs", verb.as_str()),
                Deed::Module(verb) => ("modules", verb.as_str()),
                Deed::Minion(verb) => ("minions", verb.as_str()),
                _ => continue,
            };
            assert_eq!(allowed(&format!("targets = '*'\n{key} = ['{verb}']")), [Deed::See, deed], "{verb}");
        }
        assert_eq!(allowed("admin = true"), deeds().collect::<Vec<_>>());
    }

    #[test]
    fn a_role_that_could_do_nothing_or_something_else_than_it_says_is_an_error() {
        for (text, said) in [
            ("methods = ['test.*']", "`methods` is for no minion"),
            ("modules = ['push']", "`modules` is for no minion"),
            ("minions = ['invite']", "`minions` is for no minion"),
            ("jobs = ['see']", "`jobs` is for no minion"),
            ("modules = ['shove']", "unknown variant `shove`"),
            ("targets = 'web1,'", "column"),
            ("operators = ['a b']", "not a pattern"),
            ("operators = ['[']", "not a pattern"),
            ("methods = ['']", "not a pattern"),
            ("method = ['a.b']", "unknown field `method`"),
        ] {
            let error = role(text).expect_err("refused");
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
