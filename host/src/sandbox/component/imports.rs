//! What a module imports, compared with what the minion has and what policy grants.
//!
//! This is checked before the linker is asked, whose message names a missing function where the reason is a
//! missing grant or another version.

use std::collections::BTreeSet;

use wire::name::ModuleName;

use crate::policy::{Grants, LevelName, Suggestion};
use crate::sandbox::capabilities::package::{Interface, Package, PackageVersion};
use crate::sandbox::capabilities::{self, ALL, Capability, Grant, Without};
use crate::sandbox::component::remedy::{Remedy, level};
use crate::sandbox::error::Defect;

/// An interface that a module imports, and whether it can have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name: `minion:kv/kv@0.1.0`.
    pub interface: String,
    /// The key of the capability behind the interface in a policy; `None` where it needs no grant.
    pub capability: Option<&'static str>,
    /// Whether the module can have the interface.
    pub standing: Standing,
}

/// Whether a module can have an interface that it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can: the interface needs no grant.
    Free,
    /// It can: its policy grants the interface.
    Granted,
    /// It can, but every call of it is refused, since policy grants nothing behind it. The line would grant
    /// something.
    Powerless(&'static str),
    /// Its policy does not grant it, so the module is not loaded. The line would grant it.
    NotGranted(&'static str),
    /// The minion does not have it, or not in this version: what the minion has instead.
    Unknown(String),
}

impl Import {
    /// Compares an import with what the minion has and policy grants.
    pub(in crate::sandbox) fn new(interface: &str, grants: &Grants) -> Self {
        let package = interface.split('/').next().unwrap_or_default();
        let capability = capabilities::of_package(package).filter(|found| found.needed_grant().is_some());
        let standing = match (offered(interface), capability.and_then(Capability::needed_grant)) {
            (Err(offered), _) => Standing::Unknown(offered),
            (Ok(()), None) => Standing::Free,
            (Ok(()), Some(grant)) => standing(grant, grants),
        };
        let capability = capability.map(|capability| capability.name);
        Self { interface: interface.to_owned(), capability, standing }
    }

    /// Why the module cannot be loaded because of this import; `None` where it can.
    fn defect(&self, remedies: &Remedies<'_>) -> Option<Defect> {
        let import = self.interface.clone();
        match &self.standing {
            Standing::Free | Standing::Granted | Standing::Powerless(_) => None,
            Standing::NotGranted(line) => {
                Some(Defect::NotGranted { import, remedy: remedies.of(self.capability, line) })
            }
            Standing::Unknown(offered) => Some(Defect::Unknown { import, offered: offered.clone() }),
        }
    }

    /// What to tell of this import although the module can be loaded.
    fn warning(&self, remedies: &Remedies<'_>) -> Option<String> {
        let Standing::Powerless(line) = self.standing else { return None };
        let capability = self.capability.unwrap_or_default();
        Some(format!(
            "imports \"{}\" without any grant of {capability}, so all it asks for is denied: {}",
            self.interface,
            remedies.of(self.capability, line)
        ))
    }
}

/// What to do about the capabilities that a module lacks.
struct Remedies<'a> {
    module: &'a ModuleName,
    /// For each capability a level that has it, which is one that has all of them where there is one. Found once,
    /// since a component can have a million imports.
    levels: Vec<(&'static str, LevelName)>,
}

impl<'a> Remedies<'a> {
    fn new(imports: &[Import], module: &'a ModuleName, suggestion: Option<&'a Suggestion>) -> Self {
        let lacked = imports.iter().filter_map(|import| match import.standing {
            Standing::Powerless(_) | Standing::NotGranted(_) => import.capability,
            Standing::Free | Standing::Granted | Standing::Unknown(_) => None,
        });
        let lacked: BTreeSet<&'static str> = lacked.collect();
        let mut levels = Vec::new();
        if let Some(suggestion) = suggestion {
            let of_all = level(suggestion, |grants| lacked.iter().all(|capability| has(capability, grants)));
            levels.extend(lacked.iter().filter_map(|capability| {
                let of_one = || level(suggestion, |grants| has(capability, grants));
                Some((*capability, of_all.clone().or_else(of_one)?))
            }));
        }
        Self { module, levels }
    }

    /// A level that has the capability, or else the line that grants it.
    fn of(&self, capability: Option<&str>, line: &'static str) -> Remedy {
        let found = self.levels.iter().find(|(found, _)| Some(*found) == capability);
        let level = found.map(|(_, level)| level.clone());
        Remedy { module: self.module.clone(), level, line }
    }
}

/// Why a module cannot be loaded because of its imports; empty where it can.
pub(in crate::sandbox) fn defects(
    imports: &[Import],
    module: &ModuleName,
    suggestion: Option<&Suggestion>,
) -> Vec<Defect> {
    let remedies = Remedies::new(imports, module, suggestion);
    imports.iter().filter_map(|import| import.defect(&remedies)).collect()
}

/// What to tell of the imports of a module that can be loaded, and of the grants behind them.
pub(in crate::sandbox) fn warnings(
    imports: &[Import],
    module: &ModuleName,
    suggestion: Option<&Suggestion>,
    grants: &Grants,
) -> Vec<String> {
    let remedies = Remedies::new(imports, module, suggestion);
    let powerless = imports.iter().filter_map(|import| import.warning(&remedies));
    let uses = |name| imports.iter().any(|import| import.capability == Some(name));
    let used = ALL.iter().filter(|capability| uses(capability.name)).filter_map(|used| used.grant.as_ref());
    powerless.chain(used.flat_map(|grant| (grant.cautions)(grants))).collect()
}

/// Whether the grants let a module have an interface that has this capability behind it.
fn standing(needed: &Grant, grants: &Grants) -> Standing {
    match needed.without {
        _ if (needed.is_given)(grants) => Standing::Granted,
        Without::Unasked => Standing::Free,
        Without::Powerless => Standing::Powerless(needed.line),
        Without::Refused => Standing::NotGranted(needed.line),
    }
}

/// Whether there is a grant of the capability with this name.
fn has(name: &str, grants: &Grants) -> bool {
    let grant = ALL.iter().find(|capability| capability.name == name).and_then(|named| named.grant.as_ref());
    grant.is_some_and(|grant| (grant.is_given)(grants))
}

/// Whether an interface is one of the later WASI.
pub(in crate::sandbox) fn is_later_wasi(interface: &str) -> bool {
    let asked = Interface::parse(interface).filter(|asked| asked.package.starts_with("wasi:"));
    asked.and_then(|asked| asked.version).is_some_and(|version| PackageVersion::LATER.satisfies(version))
}

/// Whether the minion has this interface in this version; otherwise, what it has instead.
fn offered(interface: &str) -> Result<(), String> {
    let Some(asked) = Interface::parse(interface) else {
        return Err("it has interfaces of the packages wasi:* and minion:*, with their versions".into());
    };
    let all = || ALL.iter().flat_map(|capability| capability.packages);
    let fits = |package: &Package| asked.version.is_some_and(|asked| package.version.satisfies(asked));
    let mut packages = all().filter(|package| package.name == asked.package);
    // Where no version is the one that is asked for, the first is what is told of.
    let first = packages.clone().next();
    let Some(Package { name, interfaces, version }) = packages.find(|package| fits(package)).or(first) else {
        let packages: BTreeSet<&str> = all().map(|package| package.name).collect();
        return Err(format!("it has {}", packages.into_iter().collect::<Vec<_>>().join(", ")));
    };
    if !interfaces.contains(&asked.name) {
        return Err(format!("of {name} it has {}", interfaces.join(", ")));
    }
    match asked.version {
        Some(version_asked) if version.satisfies(version_asked) => Ok(()),
        _ => Err(format!("it has {name}/{}@{}: {}", asked.name, version.text(), version.remedy(&asked))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ByteSize;

    fn message(import: &str, grants: &Grants) -> Option<String> {
        suggesting(import, grants, None)
    }

    fn suggesting(import: &str, grants: &Grants, suggestion: Option<&str>) -> Option<String> {
        let module = "service".parse().expect("a name");
        let suggestion: Option<Suggestion> = suggestion.map(|text| text.parse().expect("a suggestion"));
        let found = defects(&[Import::new(import, grants)], &module, suggestion.as_ref());
        found.first().map(Defect::to_string)
    }

    #[test]
    fn what_is_always_there_needs_no_grant() {
        for import in
            ["wasi:cli/exit@0.2.6", "wasi:http/types@0.2.0", "minion:log/log@0.1.0", "minion:job/job@0.1.7"]
        {
            assert_eq!(message(import, &Grants::default()), None, "{import}");
        }
    }

    #[test]
    fn an_import_that_is_not_granted_names_the_line_that_would() {
        let told = message("minion:kv/kv@0.1.0", &Grants::default()).expect("refused");
        assert_eq!(
            told,
            "needs \"minion:kv/kv@0.1.0\", which is not granted: \
             add `kv = { quota = \"1MiB\" }` to [modules.service] in minion.toml"
        );
        let granted = Grants { kv: Some(ByteSize(1)), ..Grants::default() };
        assert_eq!(message("minion:kv/kv@0.1.0", &granted), None);
    }

    #[test]
    fn an_import_that_a_level_grants_names_the_smallest_one() {
        let suggestion =
            "[all]\nkv = { quota = '1MiB' }\nfacts = ['os.*', 'kernel']\n[keep]\nkv = { quota = '1MiB' }";
        let told = suggesting("minion:kv/kv@0.1.0", &Grants::default(), Some(suggestion)).expect("refused");
        assert_eq!(
            told,
            "needs \"minion:kv/kv@0.1.0\", which is not granted: run `minion grant service:keep` on its host"
        );
        let told = suggesting("minion:process/process@0.1.0", &Grants::default(), Some(suggestion));
        assert!(told.expect("refused").contains("add `process ="));
    }

    #[test]
    fn requests_without_an_address_are_no_defect_and_worth_a_word() {
        let import = Import::new("wasi:http/outgoing-handler@0.2.0", &Grants::default());
        let module = "service".parse().expect("a name");
        let told = &warnings(&[import], &module, None, &Grants::default())[0];
        assert!(told.contains("add `http = [\"https://…/*\"]` to [modules.service]"), "{told}");
    }

    #[test]
    fn an_import_in_another_version_says_which_there_is() {
        let newer = message("minion:process/process@0.2.0", &Grants::default()).expect("refused");
        assert!(newer.contains("it has minion:process/process@0.1.0: update the minion"), "{newer}");
        let older = message("wasi:io/poll@0.1.9", &Grants::default()).expect("refused");
        assert!(older.contains("it has wasi:io/poll@0.2.12: build the module"), "{older}");
        for import in [
            "wasi:io/poll@0.2.0-rc-2023",
            "wasi:io/poll",
            "minion:log/logs@0.1.0",
            "acme:db/store@1.0.0",
            "f",
        ] {
            assert!(
                message(import, &Grants::default()).expect("refused").contains("does not have"),
                "{import}"
            );
        }
    }
}
