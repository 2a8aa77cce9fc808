//! The decision: whether an operator's roles allow a deed, and by which rule.

use std::fmt;

use wire::name::{MinionName, OperatorName, RoleName};

use super::deed::Deed;
use super::role::Role;

/// The roles that an operator has, by name.
pub(crate) type Roles<'r> = [(&'r RoleName, &'r Role)];

/// What a deed concerns.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On<'a> {
    /// No minion.
    Nothing,
    /// These minions, which are in order.
    These(&'a [MinionName]),
    /// All minions, also those that enrol later.
    Everybody,
    /// All names that this glob matches, enrolled or not.
    Matching(&'a str),
}

/// What the roles of an operator say to a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The minions on which it is allowed, in order.
    pub(crate) allowed: Vec<MinionName>,
    /// The minions on which it is not allowed, in order.
    pub(crate) denied: Vec<MinionName>,
    /// The rule that decided: where it is allowed on all that it concerns, a role that allows it, and otherwise why
    /// it is not.
    pub(crate) rule: Rule,
}

/// The rule that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody who is let in may do it.
    Everyone,
    /// The first of these roles allows it, or, where there are several, all of them together do.
    Allowed(Vec<RoleName>),
    /// The operator has no role.
    NoRole,
    /// None of the operator's roles, which are these, has what the deed needs.
    NotNamed(Vec<RoleName>),
    /// These roles allow it, on other minions.
    Elsewhere(Vec<(RoleName, String)>),
}

/// Says whether the roles of an operator allow a deed. `covers` says which of the minions, which are in order, a role
/// is for.
///
/// Nothing is allowed that no role allows, and no role takes away what another allows.
pub(crate) fn decide(
    roles: &Roles<'_>,
    deed: Deed<'_>,
    on: On<'_>,
    covers: impl Fn(&Role, &[MinionName]) -> Vec<bool>,
) -> Verdict {
    let minions = if let On::These(minions) = on { minions } else { &[] };
    let nowhere = |rule| Verdict { allowed: Vec::new(), denied: minions.to_vec(), rule };
    if deed == Deed::Own {
        return Verdict { allowed: minions.to_vec(), denied: Vec::new(), rule: Rule::Everyone };
    }
    if roles.is_empty() {
        return nowhere(Rule::NoRole);
    }
    let naming: Vec<&(&RoleName, &Role)> = roles.iter().filter(|(_, role)| role.allows(deed)).collect();
    if naming.is_empty() {
        return nowhere(Rule::NotNamed(roles.iter().map(|(name, _)| (*name).clone()).collect()));
    }
    // What the deed concerns, one element for each minion, and one alone where it concerns none or everybody.
    let mut open = vec![true; if let On::These(minions) = on { minions.len() } else { 1 }];
    let mut by = Vec::new();
    for (name, role) in &naming {
        let covered = match on {
            On::Nothing => vec![true],
            On::Everybody => vec![role.is_for_everybody()],
            On::Matching(glob) => vec![role.is_for_all_of(glob)],
            On::These(minions) if role.is_for_everybody() => vec![true; minions.len()],
            On::These(minions) => covers(role, minions),
        };
        let mut helps = false;
        for (open, covered) in open.iter_mut().zip(covered) {
            helps |= *open && covered;
            *open &= !covered;
        }
        if helps || (open.is_empty() && by.is_empty()) {
            by.push((*name).clone());
        }
    }
    if open.contains(&true) {
        let elsewhere = naming.iter().map(|(name, role)| ((*name).clone(), written(role)));
        let (denied, allowed) = minions.iter().cloned().zip(&open).partition::<Vec<_>, _>(|(_, open)| **open);
        let names = |part: Vec<(MinionName, &bool)>| part.into_iter().map(|(name, _)| name).collect();
        return Verdict {
            allowed: names(allowed),
            denied: names(denied),
            rule: Rule::Elsewhere(elsewhere.collect()),
        };
    }
    Verdict { allowed: minions.to_vec(), denied: Vec::new(), rule: Rule::Allowed(by) }
}

/// The minions that a role is for, as they were written.
fn written(role: &Role) -> String {
    role.targets().map(|targets| targets.expression().as_str().to_owned()).unwrap_or_default()
}

impl Verdict {
    /// Whether the deed is allowed on all that it concerns.
    pub(crate) fn is_allowed(&self) -> bool {
        matches!(self.rule, Rule::Everyone | Rule::Allowed(_))
    }

    /// Why the deed is not allowed, as one line for people: what is refused, the part that is refused where that is a
    /// part, and the rule.
    pub(crate) fn refusal(&self, operator: &OperatorName, deed: Deed<'_>) -> String {
        let what = match deed {
            Deed::See if matches!(self.rule, Rule::Elsewhere(_)) => {
                format!("operator \"{operator}\" may not look")
            }
            deed => format!("operator \"{operator}\" may not {deed}"),
        };
        let on = match (&self.rule, self.denied.as_slice()) {
            (Rule::Elsewhere(_), denied @ [_, ..]) => {
                let all = self.allowed.len() + denied.len();
                let of =
                    if denied.len() == all { String::new() } else { format!(" ({} of {all})", denied.len()) };
                format!(" on {}{of}", crate::targets::list(denied))
            }
            _ => String::new(),
        };
        let needs = deed.key().map(|key| format!(" with {key}")).unwrap_or_default();
        let needs = if matches!(self.rule, Rule::NotNamed(_)) { needs } else { String::new() };
        format!("{what}{on}: {}{needs}", self.rule)
    }
}

impl Rule {
    /// The roles that decided.
    pub(crate) fn roles(&self) -> Vec<RoleName> {
        match self {
            Rule::Everyone | Rule::NoRole => Vec::new(),
            Rule::Allowed(roles) | Rule::NotNamed(roles) => roles.clone(),
            Rule::Elsewhere(roles) => roles.iter().map(|(role, _)| role.clone()).collect(),
        }
    }
}

impl fmt::Display for Rule {
    /// Reads on from "by" or from a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Everyone => f.write_str("every operator may"),
            Rule::Allowed(roles) => f.write_str(&named(roles)),
            Rule::NoRole => f.write_str("no role is given to it"),
            Rule::NotNamed(roles) => match roles.as_slice() {
                [role] => write!(f, "its only role is {}, not one", table(role)),
                roles => write!(f, "none of its roles ({}) is one", named(roles)),
            },
            Rule::Elsewhere(roles) => {
                for (place, (role, targets)) in roles.iter().enumerate() {
                    let before = if place > 0 { ", and " } else { "" };
                    let only = if place == 0 { " only" } else { "" };
                    let targets = wire::document::text::line(targets);
                    match targets.as_str() {
                        "" => write!(f, "{before}{} is for no minion", table(role))?,
                        targets => {
                            write!(f, "{before}{} allows it{only} on targets \"{targets}\"", table(role))?
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

fn named(roles: &[RoleName]) -> String {
    let tables: Vec<String> = roles.iter().map(table).collect();
    tables.join(", ")
}

/// A role as the configuration has it.
fn table(role: &RoleName) -> String {
    format!("[roles.{role}]")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::name::MethodPath;

    use super::super::deed::{JobVerb, MinionVerb, ModuleVerb};
    use super::super::role::tests::role;
    use super::*;
    use wire::targets::Truth;

    fn covers(role: &Role, minions: &[MinionName]) -> Vec<bool> {
        let targets = role.targets().map(|targets| targets.expression().certain(minions, &()));
        targets.and_then(Result::ok).unwrap_or_else(|| vec![false; minions.len()])
    }

    fn minions(names: &[&str]) -> Vec<MinionName> {
        names.iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn said(roles: &[(&str, &str)], deed: Deed<'_>, on: &[&str]) -> (bool, String) {
        let roles: Vec<(RoleName, Role)> = roles
            .iter()
            .map(|(name, text)| (name.parse().expect("a name"), role(text).expect("a role")))
            .collect();
        let roles: Vec<_> = roles.iter().map(|(name, role)| (name, role)).collect();
        let on = minions(on);
        let verdict = decide(&roles, deed, On::These(&on), covers);
        let bob = "bob".parse().expect("a name");
        match verdict.is_allowed() {
            true => (true, verdict.rule.to_string()),
            false => (false, verdict.refusal(&bob, deed)),
        }
    }

    #[test]
    fn the_rule_that_decided_is_said() {
        let method = "test.ping".parse().expect("a method");
        let ping = Deed::Call(&method);
        let web = ("web", "methods = ['test.*']\ntargets = 'web*'");
        let db = ("db", "methods = ['test.ping']\ntargets = 'db*'");
        let see = ("see", "targets = '*'");
        for (roles, on, allowed, expected) in [
            (&[web][..], &["web1"][..], true, "[roles.web]"),
            (&[web, db], &["db1", "web1"], true, "[roles.web], [roles.db]"),
            (&[web, db, see], &["db1"], true, "[roles.db]"),
            (&[], &["web1"], false, "operator \"bob\" may not call test.ping: no role is given to it"),
            (
                &[see],
                &["web1"],
                false,
                "operator \"bob\" may not call test.ping: its only role is [roles.see], not one with methods: \
                 \"test.ping\"",
            ),
            (
                &[web, see],
                &["db1", "web1"],
                false,
                "operator \"bob\" may not call test.ping on \"db1\" (1 of 2): [roles.web] allows it only on targets \
                 \"web*\"",
            ),
        ] {
            assert_eq!(said(roles, ping, on), (allowed, expected.to_owned()), "{roles:?} {on:?}");
        }
        let (_, why) = said(&[see, web], Deed::Module(ModuleVerb::Push), &["web1"]);
        assert_eq!(
            why,
            "operator \"bob\" may not push modules: none of its roles ([roles.see], [roles.web]) is one with \
             modules: \"push\""
        );
    }

    #[test]
    fn what_also_concerns_later_minions_needs_a_role_for_all() {
        let name: RoleName = "r".parse().expect("a name");
        let verdict = |text: &str| {
            let role = role(text).expect("a role");
            decide(&[(&name, &role)], Deed::Module(ModuleVerb::Assign), On::Everybody, covers).is_allowed()
        };
        assert!(!verdict("modules = ['assign']\ntargets = 'web*'"));
        assert!(verdict("modules = ['assign']\ntargets = '*'"));
        assert!(verdict("admin = true"));
    }

    #[test]
    fn what_concerns_all_names_of_a_glob_needs_a_role_for_that_glob_or_for_all() {
        let name: RoleName = "r".parse().expect("a name");
        let verdict = |targets: &str, glob: &str| {
            let role = role(&format!("minions = ['invite']\ntargets = '{targets}'")).expect("a role");
            decide(&[(&name, &role)], Deed::Minion(MinionVerb::Invite), On::Matching(glob), covers)
                .is_allowed()
        };
        assert!(verdict("web*", "web*") && verdict("*", "web*") && verdict("*", "*"));
        for (targets, glob) in [("web*", "*"), ("web*", "web?*"), ("web* & !web1", "web*"), ("db*", "web*")] {
            assert!(!verdict(targets, glob), "{targets} {glob}");
        }
    }

    const METHODS: [&str; 4] = ["test.ping", "test.add", "service.restart", "files.unit/read"];
    const NAMES: [&str; 5] = ["db1", "db2", "web1", "web2", "web10"];
    const PATTERNS: [&str; 7] =
        ["*", "test.*", "*.restart", "test.ping", "t?st.[a-c]*", "files.unit/*", "web*"];
    const TARGETS: [&str; 7] = ["*", "web*", "db1", "web1,db2", "!web*", "web* & !web1", "os=debian"];

    /// A role, as the test knows it.
    #[derive(Clone, Debug)]
    struct Rough {
        methods: Vec<&'static str>,
        targets: Option<&'static str>,
        push: bool,
        see: bool,
        invite: bool,
        audit: bool,
        admin: bool,
    }

    fn roughs() -> impl Strategy<Value = Vec<Rough>> {
        let methods = prop::collection::vec(prop::sample::select(PATTERNS.to_vec()), 0..3);
        let targets = prop::option::of(prop::sample::select(TARGETS.to_vec()));
        let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
        let rough = (methods, targets, flags).prop_map(|(methods, targets, flags)| {
            let (push, see, invite, audit, admin) = flags;
            Rough { methods, targets, push, see, invite, audit, admin }
        });
        prop::collection::vec(rough, 0..4)
    }

    impl Rough {
        fn made(&self) -> Option<Role> {
            let targets =
                self.targets.map(|targets| format!("targets = \"{targets}\"\n")).unwrap_or_default();
            let list = |key: &str, verb: &str, is: bool| {
                if is { format!("{key} = ['{verb}']\n") } else { String::new() }
            };
            let text = format!(
                "methods = {:?}\n{targets}{}{}{}audit = {}\nadmin = {}",
                self.methods,
                list("modules", "push", self.push),
                list("jobs", "see", self.see),
                list("minions", "invite", self.invite),
                self.audit,
                self.admin
            );
            role(&text).ok()
        }

        /// What the role says to a deed on one minion, the slow way.
        fn allows(&self, deed: Deed<'_>, minion: &MinionName) -> bool {
            let is_named = match deed {
                Deed::Own | Deed::Look => return true,
                Deed::See => true,
                Deed::Call(method) => self.methods.iter().any(|pattern| naive(pattern, &method.to_string())),
                Deed::Module(verb) => self.push && verb == ModuleVerb::Push,
                Deed::Job(verb) => self.see && verb == JobVerb::See,
                Deed::Minion(verb) => self.invite && verb == MinionVerb::Invite,
                Deed::Audit => self.audit,
                Deed::Administer => false,
            };
            let here = self.targets.is_some_and(|targets| {
                let expression: wire::targets::Expression = targets.parse().expect("an expression");
                expression.matches(minion, &()).expect("resolves") == Truth::Yes
            });
            self.admin || (is_named && here)
        }
    }

    fn naive(pattern: &str, text: &str) -> bool {
        let pattern = pattern.replace('.', r"\.").replace('*', ".*").replace('?', ".");
        regex::Regex::new(&format!("^(?:{pattern})$")).expect("a pattern").is_match(text)
    }

    proptest! {
        #[test]
        fn the_decision_is_that_of_each_role_on_each_minion(
            roughs in roughs(),
            method in prop::sample::select(METHODS.to_vec()),
            kind in 0..7usize,
            on in prop::sample::subsequence(NAMES.to_vec(), 1..5),
        ) {
            let method: MethodPath = method.parse().expect("a method");
            let deed = [
                Deed::Call(&method),
                Deed::See,
                Deed::Module(ModuleVerb::Push),
                Deed::Job(JobVerb::See),
                Deed::Minion(MinionVerb::Invite),
                Deed::Administer,
                Deed::Module(ModuleVerb::Assign),
            ][kind];
            let made: Vec<(RoleName, Role, &Rough)> = roughs
                .iter()
                .enumerate()
                .filter_map(|(n, rough)| Some((format!("r{n}").parse().expect("a name"), rough.made()?, rough)))
                .collect();
            let roles: Vec<_> = made.iter().map(|(name, role, _)| (name, role)).collect();
            let on = minions(&on);
            let verdict = decide(&roles, deed, On::These(&on), covers);
            let may = |minion: &MinionName| made.iter().any(|(_, _, rough)| rough.allows(deed, minion));
            let (allowed, denied): (Vec<_>, Vec<_>) = on.iter().cloned().partition(may);
            prop_assert_eq!(verdict.is_allowed(), denied.is_empty(), "{:?}", &verdict);
            prop_assert_eq!((&verdict.allowed, &verdict.denied), (&allowed, &denied));
            if let Rule::Allowed(by) = &verdict.rule {
                // The roles that are named allow it by themselves, and none of them is one too many.
                let named: Vec<_> = made.iter().filter(|(name, ..)| by.contains(name)).collect();
                prop_assert!(on.iter().all(|minion| named.iter().any(|(.., rough)| rough.allows(deed, minion))));
            }
        }
    }
}
