//! What a module imports, held against what the minion has and what policy grants.
//!
//! Checked before the linker is asked, because its message names a missing function where the reason is a
//! missing grant or another version.

use std::collections::BTreeSet;

use wire::name::ModuleName;

use super::error::Defect;
use super::remedy::{Remedy, level};
use crate::policy::{Grants, LevelName, Suggestion, caution};

/// Version of the WASI interfaces that the host has.
const WASI: Version = Version { major: 0, minor: 2, patch: 12 };
/// Version of the later WASI interfaces that it has besides.
const LATER: Version = Version { major: 0, minor: 3, patch: 0 };
/// Version of the interfaces of ours.
const OURS: Version = Version { major: 0, minor: 1, patch: 0 };

/// The packages that the host has, each with its interfaces.
const OFFERED: [(&str, &[&str], Version); 20] = [
    ("wasi:cli", &CLI, WASI),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"], WASI),
    ("wasi:filesystem", &["preopens", "types"], WASI),
    ("wasi:http", &["outgoing-handler", "types"], WASI),
    ("wasi:io", &["error", "poll", "streams"], WASI),
    ("wasi:random", &["insecure", "insecure-seed", "random"], WASI),
    ("wasi:sockets", &SOCKETS, WASI),
    ("wasi:cli", &CLI, LATER),
    ("wasi:clocks", &["monotonic-clock", "system-clock"], LATER),
    ("wasi:filesystem", &["preopens", "types"], LATER),
    ("wasi:http", &["client", "types"], LATER),
    ("wasi:random", &["insecure", "insecure-seed", "random"], LATER),
    ("wasi:sockets", &["ip-name-lookup", "types"], LATER),
    ("minion:facts", &["facts"], OURS),
    ("minion:job", &["job"], OURS),
    ("minion:kv", &["kv"], OURS),
    ("minion:log", &["log"], OURS),
    ("minion:probe", &["probe"], OURS),
    ("minion:process", &["process"], OURS),
    ("minion:settings", &["settings"], OURS),
];
/// The interfaces of `wasi:cli`.
const CLI: [&str; 10] = [
    "environment",
    "exit",
    "stderr",
    "stdin",
    "stdout",
    "terminal-input",
    "terminal-output",
    "terminal-stderr",
    "terminal-stdin",
    "terminal-stdout",
];
/// The interfaces of `wasi:sockets`.
const SOCKETS: [&str; 7] =
    ["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"];

/// The capabilities behind packages: the key in policy, and a line that grants it.
const CAPABILITIES: [(&str, &str, &str); 5] = [
    ("minion:facts", "facts", "facts = [\"*\"]"),
    ("minion:kv", "kv", "kv = { quota = \"1MiB\" }"),
    ("minion:probe", "probe", "probe = [\"…:443\"]"),
    ("minion:process", "process", "process = [{ command = \"…\", args = [\"…\"] }]"),
    ("wasi:http", "http", "http = [\"https://…/*\"]"),
];

/// An interface that a module imports, and whether it can have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name: `minion:kv/kv@0.1.0`.
    pub interface: String,
    /// The capability behind it, as policy names it, where it needs one.
    pub capability: Option<&'static str>,
    /// Whether the module can have it.
    pub standing: Standing,
}

/// How an import stands with the minion and its policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It needs no grant.
    Free,
    /// Policy grants it.
    Granted,
    /// It is there, and refuses everything: policy has no scope for it. The line would give it one.
    Powerless(&'static str),
    /// Policy does not grant it, so the module is not loaded. The line would grant it.
    NotGranted(&'static str),
    /// The minion does not have it, or not in this version; and what it has.
    Unknown(String),
}

/// An interface as a component names it: `minion:log/log@0.1.0`.
struct Interface<'a> {
    /// `minion:log`
    package: &'a str,
    /// `log`
    name: &'a str,
    /// `None` where there is none, or one that is not three numbers: such versions match nothing.
    version: Option<Version>,
}

/// A version without a pre-release, since those only ever match themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Import {
    /// Holds an import against what the minion has and policy grants.
    pub(super) fn new(interface: &str, grants: &Grants) -> Self {
        let package = interface.split('/').next().unwrap_or_default();
        let capability = CAPABILITIES.iter().find(|(name, _, _)| *name == package);
        let standing = match (offered(interface), capability) {
            (Err(offered), _) => Standing::Unknown(offered),
            (Ok(()), None) => Standing::Free,
            (Ok(()), Some((_, capability, line))) => standing(capability, line, grants),
        };
        let capability = capability.map(|(_, name, _)| *name);
        Self { interface: interface.to_owned(), capability, standing }
    }

    /// Why the module cannot be loaded because of it, if it cannot.
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

    /// What to tell of it although the module can be loaded.
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
    /// For each a level that has it, one that has all of them where there is one. Found once, since a component can have
    /// a million imports.
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

/// Why a module cannot be loaded because of what it imports.
pub(super) fn defects(
    imports: &[Import],
    module: &ModuleName,
    suggestion: Option<&Suggestion>,
) -> Vec<Defect> {
    let remedies = Remedies::new(imports, module, suggestion);
    imports.iter().filter_map(|import| import.defect(&remedies)).collect()
}

/// What to tell of the imports of a module that can be loaded, and of the grants behind them.
pub(super) fn warnings(
    imports: &[Import],
    module: &ModuleName,
    suggestion: Option<&Suggestion>,
    grants: &Grants,
) -> Vec<String> {
    let remedies = Remedies::new(imports, module, suggestion);
    let powerless = imports.iter().filter_map(|import| import.warning(&remedies));
    let uses = |capability| imports.iter().any(|import| import.capability == Some(capability));
    let processes = if uses("process") { caution::of_processes(grants) } else { Vec::new() };
    let addresses = if uses("http") { caution::of_addresses(grants) } else { Vec::new() };
    powerless.chain(processes).chain(addresses).collect()
}

/// How an interface with a capability behind it stands with the grants.
fn standing(capability: &str, line: &'static str, grants: &Grants) -> Standing {
    match (has(capability, grants), capability) {
        (true, _) => Standing::Granted,
        // WASI is always linked, with nothing behind it.
        (false, "http") => Standing::Powerless(line),
        (false, _) => Standing::NotGranted(line),
    }
}

/// Whether there is a grant of this capability.
fn has(capability: &str, grants: &Grants) -> bool {
    match capability {
        "facts" => !grants.facts.is_empty(),
        "kv" => grants.kv.is_some(),
        "probe" => !grants.probe.is_empty(),
        "process" => !grants.process.is_empty(),
        _ => !grants.http.is_empty(),
    }
}

/// Whether an interface is one of the later WASI.
pub(super) fn is_later_wasi(interface: &str) -> bool {
    let asked = Interface::parse(interface).filter(|asked| asked.package.starts_with("wasi:"));
    asked.and_then(|asked| asked.version).is_some_and(|version| LATER.satisfies(version))
}

/// Whether the minion has this interface in this version, and what it has instead.
fn offered(interface: &str) -> Result<(), String> {
    let Some(asked) = Interface::parse(interface) else {
        return Err("it has interfaces of the packages wasi:* and minion:*, with their versions".into());
    };
    let fits = |version: &Version| asked.version.is_some_and(|asked| version.satisfies(asked));
    let mut packages = OFFERED.iter().filter(|(name, _, _)| *name == asked.package);
    // Where none is of the version that is asked for, the first one is what is told of.
    let first = packages.clone().next();
    let Some((package, interfaces, version)) = packages.find(|(_, _, version)| fits(version)).or(first)
    else {
        let mut packages: Vec<&str> = OFFERED.iter().map(|(name, _, _)| *name).collect();
        packages.sort_unstable();
        packages.dedup();
        return Err(format!("it has {}", packages.join(", ")));
    };
    if !interfaces.contains(&asked.name) {
        return Err(format!("of {package} it has {}", interfaces.join(", ")));
    }
    match asked.version {
        Some(version_asked) if version.satisfies(version_asked) => Ok(()),
        _ => Err(format!("it has {package}/{}@{}: {}", asked.name, version.text(), version.remedy(&asked))),
    }
}

impl<'a> Interface<'a> {
    /// Takes a name apart; `None` where it is not that of an interface in a package.
    fn parse(text: &'a str) -> Option<Self> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Version::parse(version)),
            None => (text, None),
        };
        let (package, name) = path.split_once('/')?;
        Some(Self { package, name, version })
    }
}

impl Version {
    /// Reads three numbers.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let [major, minor, patch] = [numbers.next()??, numbers.next()??, numbers.next()??];
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Whether a component that was built against `asked` finds what it needs in this one.
    fn satisfies(self, asked: Version) -> bool {
        // A later patch only adds, and so the linker takes any: what is missing it says by function.
        if self.major == 0 {
            (0, self.minor) == (asked.major, asked.minor)
        } else {
            self.major == asked.major
        }
    }

    /// What to do about a version that does not fit.
    fn remedy(self, asked: &Interface<'_>) -> &'static str {
        match asked.version {
            Some(version) if version > self => "update the minion, or build the module against that version",
            Some(_) => "build the module against that version",
            None => "name the version",
        }
    }

    /// As it is written in names.
    fn text(self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
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
