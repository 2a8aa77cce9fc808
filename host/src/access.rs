//! Who may call what on this host, and who may change its modules, whatever the overlord says: the `[access]` table of
//! `minion.toml`.

use std::sync::{Arc, PoisonError, RwLock};

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use wire::name::{MethodPath, ModuleName, OperatorName};
use wire::value::method::Method;

use crate::glob::{BadGlob, compile};

/// The access list. A call is allowed if no rule of `deny` is about it and, where there is an `allow` at all, one
/// of its rules is. Default: everyone may call everything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// The only calls that are allowed. Left out: all that are not denied.
    allow: Option<Vec<Rule>>,
    /// Calls that are denied, also where `allow` has them.
    deny: Vec<Rule>,
    /// The only changes of modules over the link that are taken. Left out: all.
    modules: Option<Vec<ModuleRule>>,
}

/// Some changes of modules, by who makes them and of what.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ModuleRule {
    /// A glob on operators' names. Default: all.
    operator: Pattern,
    /// A glob on modules' names. Default: all.
    module: Pattern,
}

/// Some calls, by who makes them and what they call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rule {
    /// A glob on operators' names. Default: all.
    operator: Pattern,
    /// A glob on `module.method`, or on `module.interface/method`. Default: all.
    method: Pattern,
}

/// A glob, compiled.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(GlobMatcher);

/// The access list that is in force, which a reload replaces. Clones share the list.
#[derive(Clone, Debug)]
pub(crate) struct AccessInForce(Arc<RwLock<Arc<Access>>>);

impl AccessInForce {
    /// This list, until another replaces it.
    pub(crate) fn new(access: Access) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(access))))
    }

    /// The list as it is now.
    pub(crate) fn current(&self) -> Arc<Access> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the list for everything from now on. Returns whether the new one differs.
    pub(crate) fn replace(&self, access: Access) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let differs = **current != access;
        *current = Arc::new(access);
        differs
    }
}

/// The error for a call that the access list does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access list of this minion does not let \"{operator}\" call \"{method}\"")]
pub(crate) struct Denied {
    operator: OperatorName,
    method: MethodPath,
}

impl Access {
    /// Whether this operator may make this call. `found` is the method that the path means, where it is known: a
    /// rule about the method holds whichever way it was written.
    ///
    /// # Errors
    /// [`Denied`], where a rule of `deny` is about the call, or there is an `allow` and none of its rules is.
    pub(crate) fn check(
        &self,
        operator: &OperatorName,
        path: &MethodPath,
        found: Option<&Method>,
    ) -> Result<(), Denied> {
        let spellings = spellings(path, found);
        let about = |rule: &Rule| {
            rule.operator.matches(operator.as_str()) && spellings.iter().any(|text| rule.method.matches(text))
        };
        let denied = self.deny.iter().any(about);
        let allowed = self.allow.as_ref().is_none_or(|rules| rules.iter().any(about));
        if allowed && !denied {
            return Ok(());
        }
        Err(Denied { operator: operator.clone(), method: path.clone() })
    }

    /// Whether this operator may push, activate, roll back or remove this module.
    ///
    /// # Errors
    /// [`ChangeDenied`], where no rule of `modules` is about it.
    pub(crate) fn check_change(
        &self,
        operator: &OperatorName,
        module: &ModuleName,
    ) -> Result<(), ChangeDenied> {
        let about = |rule: &ModuleRule| {
            rule.operator.matches(operator.as_str()) && rule.module.matches(module.as_str())
        };
        if self.modules.as_ref().is_none_or(|rules| rules.iter().any(about)) {
            return Ok(());
        }
        Err(ChangeDenied { operator: operator.clone(), module: module.clone() })
    }
}

/// The error for a change of a module that the access list does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not let \"{operator}\" change module \"{module}\": its access list is against it")]
pub(crate) struct ChangeDenied {
    operator: OperatorName,
    module: ModuleName,
}

/// All ways to write a method, against which a rule is held.
fn spellings(path: &MethodPath, found: Option<&Method>) -> Vec<String> {
    let mut methods = vec![path.method.clone(), path.function().to_owned()];
    if let Some(method) = found {
        methods.extend(method.names());
    }
    methods.into_iter().map(|method| format!("{}.{method}", path.module)).collect()
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl Default for Pattern {
    fn default() -> Self {
        Self(Glob::new("*").expect("a star is a glob").compile_matcher())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadGlob;

    fn try_from(glob: String) -> Result<Self, BadGlob> {
        compile(&glob, "access").map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restart() -> Method {
        Method {
            interface: Some("minion:service/unit@0.1.0".into()),
            name: "restart".into(),
            params: vec![],
            result: None,
            is_async: false,
            not_callable: None,
            docs: None,
        }
    }

    fn allowed(list: &str, operator: &str, method: &str) -> bool {
        let access: Access = toml::from_str(list).expect("a list");
        let (operator, method) = (operator.parse().expect("a name"), method.parse().expect("a method"));
        access.check(&operator, &method, Some(&restart())).is_ok()
    }

    #[test]
    fn without_rules_everyone_may_call_everything() {
        assert!(allowed("", "ann", "service.restart"));
        assert!(!allowed("allow = []", "ann", "service.restart"));
    }

    #[test]
    fn deny_has_the_last_word() {
        let list = "allow = [{ operator = \"a*\" }]\ndeny = [{ method = \"service.*\" }]";
        assert!(allowed(list, "ann", "test.restart"));
        assert!(!allowed(list, "ann", "service.restart"));
        assert!(!allowed(list, "bob", "test.restart"));
    }

    #[test]
    fn modules_are_changed_by_those_who_may_and_where_nothing_is_said_by_all() {
        let may = |list: &str, operator: &str, module: &str| {
            let access: Access = toml::from_str(list).expect("a list");
            let (operator, module) = (operator.parse().expect("a name"), module.parse().expect("a name"));
            access.check_change(&operator, &module).is_ok()
        };
        assert!(may("deny = [{ operator = \"*\" }]", "ann", "service"));
        let list = "modules = [{ operator = \"ops-*\" }, { operator = \"ann\", module = \"web-*\" }]";
        assert!(may(list, "ops-1", "service") && may(list, "ann", "web-disk"));
        assert!(!may(list, "ann", "service") && !may(list, "bob", "web-disk"));
        assert!(!may("modules = []", "ops-1", "service"));
    }

    #[test]
    fn a_rule_holds_whichever_way_the_method_is_written() {
        let full = "service.minion:service/unit@0.1.0/restart";
        for denied in ["service.restart", "service.unit/restart", "service.unit/*", full] {
            let list = format!("deny = [{{ method = \"{denied}\" }}]");
            for written in ["service.restart", "service.unit/restart", full] {
                assert!(!allowed(&list, "ann", written), "{denied} {written}");
            }
        }
    }

    #[test]
    fn a_rule_holds_where_it_is_not_known_which_method_is_meant() {
        let denies = |rule: &str, written: &str| {
            let access: Access =
                toml::from_str(&format!("deny = [{{ method = \"{rule}\" }}]")).expect("a list");
            access.check(&"ann".parse().expect("a name"), &written.parse().expect("a method"), None).is_err()
        };
        assert!(denies("service.restart", "service.unit/restart") && denies("service.*", "service.restart"));
        assert!(
            denies("service.unit/*", "service.unit/restart") && !denies("service.stop", "service.restart")
        );
    }

    #[test]
    fn who_is_denied_is_told_what() {
        let access: Access = toml::from_str("allow = []\nmodules = []").expect("a list");
        let operator = "ann".parse().expect("a name");
        let call = access.check(&operator, &"service.restart".parse().expect("a method"), None);
        let told = call.expect_err("denied").to_string();
        assert_eq!(told, "the access list of this minion does not let \"ann\" call \"service.restart\"");
        let change = access.check_change(&operator, &"service".parse().expect("a name"));
        let told = change.expect_err("denied").to_string();
        assert_eq!(told, "does not let \"ann\" change module \"service\": its access list is against it");
    }

    #[test]
    fn a_list_that_is_replaced_holds_for_all_who_share_it_and_says_whether_it_differs() {
        let list = |text: &str| -> Access { toml::from_str(text).expect("a list") };
        let in_force = AccessInForce::new(list("deny = [{ operator = \"ann\" }]"));
        let shared = in_force.clone();
        assert!(!in_force.replace(list("deny = [{ operator = \"ann\", method = \"*\" }]")));
        assert!(in_force.replace(list("deny = [{ operator = \"bob\" }]")));
        assert_eq!(*shared.current(), list("deny = [{ operator = \"bob\" }]"));
        assert!(in_force.replace(Access::default()) && *shared.current() == Access::default());
    }

    #[test]
    fn what_a_rule_does_not_know_is_an_error_that_names_it() {
        for (list, named) in [
            ("alow = []", "alow"),
            ("deny = [{ user = \"a\" }]", "user"),
            ("deny = [{ method = \"a[\" }]", "a["),
        ] {
            let error = toml::from_str::<Access>(list).expect_err(list).to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
