//! Who may call what on this host, and who may change its modules, whatever the overlord says: the `[access]` table of
//! `minion.toml`.

mod constraint;
mod finding;
mod fit;
mod pattern;
mod rule;
mod signatures;
mod signers;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use serde::Deserialize;

use wire::name::{MethodPath, ModuleName, OperatorName};
use wire::signing::PublicKey;

use crate::access::pattern::Pattern;
use crate::access::rule::Rule;
use crate::access::signers::{Calls, Operators, Window};

pub(crate) use crate::access::rule::{Asked, Objection};
pub(crate) use crate::access::signers::Untrusted;

/// The access list. A call is allowed if no rule of `deny` is about it and, where there is an `allow` at all, one
/// of its rules is. Default: everyone may call everything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Whether calls and changes of modules have to be signed by operators. Default: no.
    calls: Calls,
    /// By how much the clocks of those who sign may differ from that of this host. Default: 5 minutes.
    window: Window,
    /// The keys with which operators sign, by their names. Default: none.
    operators: Operators,
    /// The key of those who say of other keys whose they are. Default: nobody.
    #[serde(rename = "operators-authority")]
    operators_authority: Option<PublicKey>,
    /// Keys whose signatures do not count, whoever vouches for them. Default: none.
    #[serde(rename = "revoked-keys")]
    revoked_keys: Vec<PublicKey>,
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
#[error("the access list of this minion does not let \"{operator}\" call \"{method}\"{}", reason(.objection, *.others))]
pub(crate) struct Denied {
    operator: OperatorName,
    method: MethodPath,
    /// What the rule that decided is against; `None` where no rule is about who calls what at all.
    objection: Option<Box<Objection>>,
    /// How many more rules might have allowed the call, and do not.
    others: usize,
}

impl Denied {
    /// What the rule that decided is against; `None` where no rule is about who calls what at all.
    pub(crate) fn objection(&self) -> Option<&Objection> {
        self.objection.as_deref()
    }
}

/// What follows the sentence that a call is not allowed.
fn reason(objection: &Option<Box<Objection>>, others: usize) -> String {
    let Some(objection) = objection else { return String::new() };
    match others {
        0 => format!(": {objection}"),
        1 => format!(": {objection}, and 1 more rule does not allow it either"),
        _ => format!(": {objection}, and {others} more rules do not allow it either"),
    }
}

impl Access {
    /// Whether this operator may make this call.
    ///
    /// # Errors
    /// [`Denied`], where a rule of `deny` is about the call, or there is an `allow` and none of its rules is.
    pub(crate) fn check(&self, asked: &Asked<'_>) -> Result<(), Denied> {
        let denied = |objection: Option<Objection>, others| {
            let (operator, method) = (asked.operator.clone(), asked.path.clone());
            Err(Denied { operator, method, objection: objection.map(Box::new), others })
        };
        let denies = |(place, rule): (usize, &Rule)| rule.denies(asked, place + 1);
        if let Some(objection) = self.deny.iter().enumerate().find_map(denies) {
            return denied(Some(objection), 0);
        }
        let Some(allow) = &self.allow else { return Ok(()) };
        let mut objections = Vec::new();
        for (place, rule) in allow.iter().enumerate().filter(|(_, rule)| rule.is_for(asked)) {
            match rule.forbids(asked, place + 1) {
                None => return Ok(()),
                Some(objection) => objections.push(objection),
            }
        }
        let others = objections.len().saturating_sub(1);
        denied(objections.into_iter().next(), others)
    }

    /// Whether the answer to this call depends on its arguments, which takes time where they are large.
    pub(crate) fn looks_at_arguments(&self, asked: &Asked<'_>) -> bool {
        let mut rules = self.deny.iter().chain(self.allow.iter().flatten());
        rules.any(|rule| rule.has_constraints() && rule.is_about(asked))
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
        Err(ChangeDenied::Access { operator: operator.clone(), module: module.clone() })
    }
}

/// The error for a change of a module that the access list does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeDenied {
    /// No rule of the list is about it.
    #[error("does not let \"{operator}\" change module \"{module}\": its access list is against it")]
    Access {
        /// Who asks for it.
        operator: OperatorName,
        /// The module.
        module: ModuleName,
    },
    /// It is not signed, and has to be.
    #[error("does not let module \"{module}\" be changed: {why}")]
    Unsigned {
        /// The module.
        module: ModuleName,
        /// Why no signature of it counts.
        why: String,
    },
}

impl ChangeDenied {
    /// The error for a change that is not signed, and has to be; `why` says why no signature of it counts.
    pub(crate) fn unsigned(module: ModuleName, why: String) -> Self {
        ChangeDenied::Unsigned { module, why }
    }
}
