//! One rule of the access list, and what it says of a call.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use wire::document::redaction::{cut, hides};
use wire::name::{MethodPath, OperatorName};
use wire::value::Value;
use wire::value::arguments::{Arguments, bind};
use wire::value::method::{Signature, TypeRef};

use crate::access::constraint::Constraint;
use crate::access::finding::{Extent, Finding, Held, has_field};
use crate::access::fit::fits;
use crate::access::pattern::Pattern;

/// Some calls, by who makes them, what they call and with which arguments.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rule {
    /// What the rule is called where it decides. Default: its place in the list.
    name: Option<String>,
    /// A glob on operators' names. Default: all.
    operator: Pattern,
    /// A glob on `module.method`, or on `module.interface/method`. Default: all.
    method: Pattern,
    /// The arguments, by parameter, or by parameter and field as `login.user`. Default: all.
    arguments: BTreeMap<ArgumentName, Constraint>,
}

/// The name of a parameter, with those of the fields that lead to a part of its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct ArgumentName(Vec<String>);

impl TryFrom<String> for ArgumentName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let names: Vec<String> = name.split('.').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!("\"{name}\" is no argument: write \"parameter\", or \"parameter.field\""));
        }
        Ok(Self(names))
    }
}

impl fmt::Display for ArgumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A call that somebody asks for.
pub(crate) struct Asked<'a> {
    pub(super) operator: &'a OperatorName,
    pub(super) path: &'a MethodPath,
    signature: Option<Signature<'a>>,
    arguments: &'a Arguments,
    /// All ways to write the method, against which a rule is held.
    spellings: Vec<String>,
    /// Those of them that mean this method and no other one of its module, against which a rule is held that allows.
    names: Vec<String>,
    /// The values that the method would be given, once somebody asked for them; `None` where it takes others.
    values: OnceCell<Option<Vec<Value>>>,
}

impl<'a> Asked<'a> {
    /// A call. `signature` is that of the method that the path means, where it is known: a rule about the method holds
    /// whichever way it was written. Whether the module has no other method that is called so as well, but for its interface,
    /// `is_alone` says: only then does a rule that allows `module.method` allow this one.
    pub(crate) fn new(
        operator: &'a OperatorName,
        path: &'a MethodPath,
        signature: Option<Signature<'a>>,
        is_alone: bool,
        arguments: &'a Arguments,
    ) -> Self {
        let mut methods = vec![path.method.clone(), path.function().to_owned()];
        methods.extend(signature.into_iter().flat_map(|signature| signature.names()));
        let names = match signature {
            Some(signature) if is_alone => signature.names().to_vec(),
            Some(signature) => vec![signature.qualified(), signature.full()],
            None => vec![path.method.clone()],
        };
        let spelled = |methods: Vec<String>| {
            methods.into_iter().map(|method| format!("{}.{method}", path.module)).collect()
        };
        let (spellings, names) = (spelled(methods), spelled(names));
        Self { operator, path, signature, arguments, spellings, names, values: OnceCell::new() }
    }

    /// The method with the values that it would be given; `None` where it cannot be called with these arguments, or is
    /// not known. Then the call is rejected, whatever the access list says.
    fn bound(&self) -> Option<(Signature<'a>, &[Value])> {
        let signature = self.signature?;
        let values = || bind(signature, &self.path.module, self.arguments).ok();
        Some((signature, self.values.get_or_init(values).as_deref()?))
    }
}

/// What a rule is against in a call that it denies, or does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    /// The rule, as `rule 2 of [[access.deny]]`, or by its name.
    pub(crate) rule: String,
    /// The arguments that decided, by parameter and field.
    pub(crate) arguments: Vec<String>,
    /// What the rule says, behind its name.
    says: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rule, self.says)
    }
}

/// Why a constraint cannot be held against a method at all, whatever its arguments are.
enum Misfit {
    /// The method has no such parameter, or the parameter no such field.
    Missing,
    /// The argument is of a type of which the constraint says nothing.
    Unsaid,
    /// The constraint names what no argument of that type can be, so that it would deny nothing.
    Unfit,
}

impl Rule {
    /// Whether the rule is about who calls what here, whatever the arguments are.
    pub(super) fn is_about(&self, asked: &Asked<'_>) -> bool {
        self.operator.matches(asked.operator.as_str())
            && asked.spellings.iter().any(|text| self.method.matches(text))
    }

    /// Whether the rule, as one that allows, is for this call, whatever the arguments are.
    pub(super) fn is_for(&self, asked: &Asked<'_>) -> bool {
        self.operator.matches(asked.operator.as_str())
            && asked.names.iter().any(|text| self.method.matches(text))
    }

    /// Whether it depends on the arguments what the rule says.
    pub(super) fn has_constraints(&self) -> bool {
        !self.arguments.is_empty()
    }

    /// What this rule of `deny`, at this place from 1 on, is against in a call; `None` where the call is none of those
    /// that it is about. A rule that cannot be held against the method denies it.
    pub(super) fn denies(&self, asked: &Asked<'_>, place: usize) -> Option<Objection> {
        if !self.is_about(asked) {
            return None;
        }
        let rule = self.named("deny", place);
        if !self.has_constraints() {
            return Some(Objection { rule, arguments: Vec::new(), says: "denies it".to_owned() });
        }
        let (signature, values) = asked.bound()?;
        let mut is_about = true;
        for (name, constraint) in &self.arguments {
            match hold(constraint, Extent::Any, name, signature, values) {
                Ok(named) => is_about &= named,
                Err(misfit) => return Some(misfit.of(rule, name)),
            }
        }
        let told = |(name, constraint)| match is_secret(signature, name) {
            true => format!("\"{name}\" is as it was given"),
            false => format!("\"{name}\" is {constraint}"),
        };
        is_about.then(|| Objection {
            rule,
            arguments: self.arguments.keys().map(ArgumentName::to_string).collect(),
            says: format!(
                "denies it where {}",
                self.arguments.iter().map(told).collect::<Vec<_>>().join(" and ")
            ),
        })
    }

    /// What this rule of `allow`, at this place from 1 on, is against in a call that it is about but for the arguments;
    /// `None` where it allows it. A rule that cannot be held against the method allows nothing of it.
    pub(super) fn forbids(&self, asked: &Asked<'_>, place: usize) -> Option<Objection> {
        if !self.has_constraints() {
            return None;
        }
        let (signature, values) = asked.bound()?;
        self.arguments.iter().find_map(|(name, constraint)| {
            let rule = || self.named("allow", place);
            let says = match hold(constraint, Extent::Every, name, signature, values) {
                Ok(true) => return None,
                Err(misfit) => return Some(misfit.of(rule(), name)),
                Ok(false) if is_secret(signature, name) => format!("wants \"{name}\" to be another one"),
                Ok(false) => format!("wants \"{name}\" to be {constraint}"),
            };
            Some(Objection { rule: rule(), arguments: vec![name.to_string()], says })
        })
    }

    /// What people call the rule.
    fn named(&self, list: &str, place: usize) -> String {
        match &self.name {
            Some(name) => format!("rule \"{}\" of [[access.{list}]]", cut(name, MAX_NAME)),
            None => format!("rule {place} of [[access.{list}]]"),
        }
    }
}

/// Whether a constraint names the argument of this name.
fn hold(
    constraint: &Constraint,
    extent: Extent,
    name: &ArgumentName,
    signature: Signature<'_>,
    values: &[Value],
) -> Result<bool, Misfit> {
    let found = argument(name, signature, values);
    let (fields, ty, value) =
        found.filter(|(fields, ty, _)| has_field(*ty, fields)).ok_or(Misfit::Missing)?;
    if extent == Extent::Any && !fits(constraint, ty, fields) {
        return Err(Misfit::Unfit);
    }
    match Held::new(constraint, extent).against(ty, fields, value) {
        Finding::Named => Ok(true),
        Finding::Other => Ok(false),
        Finding::Unsaid => Err(Misfit::Unsaid),
    }
}

/// The parameter of this name with what it is given, and the fields that are meant in that.
fn argument<'n, 'a>(
    name: &'n ArgumentName,
    signature: Signature<'a>,
    values: &'a [Value],
) -> Option<(&'n [String], TypeRef<'a>, &'a Value)> {
    let (parameter, fields) = name.0.split_first()?;
    let mut given = signature.params().zip(values);
    given.find(|((param, _), _)| param == parameter).map(|((_, ty), value)| (fields, ty, value))
}

impl Misfit {
    fn of(self, rule: String, name: &ArgumentName) -> Objection {
        let says = match self {
            Misfit::Missing => format!("is about an argument \"{name}\", which the method does not have"),
            Misfit::Unsaid => format!("says nothing of values like that of \"{name}\""),
            Misfit::Unfit => format!("names what no value of \"{name}\" can be"),
        };
        let says = format!("{says}: mend the rule in minion.toml");
        Objection { rule, arguments: vec![name.to_string()], says }
    }
}

/// Whether what is written of an argument may not be shown, since its value is secret.
fn is_secret(signature: Signature<'_>, name: &ArgumentName) -> bool {
    hides(signature.method(), name.0.iter().map(String::as_str))
}

/// The most characters of a rule's name in a message.
const MAX_NAME: usize = 64;
