//! What a module imports, held against what the minion has and what policy grants.
//!
//! Checked before the linker is asked, because its message names a missing function where the reason is a
//! missing grant or another version.

use wire::name::ModuleName;

use super::error::Defect;
use crate::policy::Grants;

/// Version of the WASI interfaces that the host has.
const WASI: Version = Version { major: 0, minor: 2, patch: 12 };
/// Version of the interfaces of ours.
const OURS: Version = Version { major: 0, minor: 1, patch: 0 };

/// The packages that the host has, each with its interfaces.
const OFFERED: [(&str, &[&str], Version); 13] = [
    ("wasi:cli", &CLI, WASI),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"], WASI),
    ("wasi:filesystem", &["preopens", "types"], WASI),
    ("wasi:http", &["outgoing-handler", "types"], WASI),
    ("wasi:io", &["error", "poll", "streams"], WASI),
    ("wasi:random", &["insecure", "insecure-seed", "random"], WASI),
    ("wasi:sockets", &SOCKETS, WASI),
    ("minion:facts", &["facts"], OURS),
    ("minion:job", &["job"], OURS),
    ("minion:kv", &["kv"], OURS),
    ("minion:log", &["log"], OURS),
    ("minion:process", &["process"], OURS),
    ("minion:settings", &["settings"], OURS),
];
const CLI: [&str; 10] = [
    "environment", "exit", "stderr", "stdin", "stdout", "terminal-input", "terminal-output", "terminal-stderr",
    "terminal-stdin", "terminal-stdout",
];
const SOCKETS: [&str; 7] = [
    "instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket",
];

/// The capabilities that must be granted before a module may import them, and how to grant each.
const GATED: [(&str, &str); 3] = [
    ("minion:facts", "facts = [\"*\"]"),
    ("minion:kv", "kv = { quota = \"1MiB\" }"),
    ("minion:process", "process = [{ command = \"…\", args = [\"…\"] }]"),
];

/// An interface as a component names it: `minion:log/log@0.1.0`.
struct Interface<'a> {
    package: &'a str,
    name: &'a str,
    version: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

/// Says of each import whether the module can have it; the answers are all that stands in its way.
pub(super) fn problems(module: &ModuleName, imports: &[String], grants: &Grants) -> Vec<Defect> {
    imports.iter().filter_map(|import| problem(module, import, grants)).collect()
}

/// The capabilities, by their names in policy, that these imports make use of.
pub(super) fn capabilities(imports: &[String]) -> Vec<&'static str> {
    let names = imports.iter().filter_map(|import| {
        let package = Interface::parse(import)?.package;
        let (name, _) = GATED.iter().find(|(gated, _)| *gated == package)?;
        name.split_once(':').map(|(_, name)| name)
    });
    names.collect()
}

fn problem(module: &ModuleName, import: &str, grants: &Grants) -> Option<Defect> {
    let unknown = |offered: String| Some(Defect::Unknown { import: import.to_owned(), offered });
    let Some(asked) = Interface::parse(import) else {
        return unknown("it has interfaces of the packages wasi:* and minion:*, with their versions".into());
    };
    let Some((package, interfaces, version)) = OFFERED.iter().find(|(name, _, _)| *name == asked.package) else {
        let packages: Vec<&str> = OFFERED.iter().map(|(name, _, _)| *name).collect();
        return unknown(format!("it has {}", packages.join(", ")));
    };
    if !interfaces.contains(&asked.name) {
        return unknown(format!("of {package} it has {}", interfaces.join(", ")));
    }
    match asked.version {
        Some(asked) if version.satisfies(asked) => not_granted(module, import, package, grants),
        _ => unknown(format!("it has {package}/{}@{}: {}", asked.name, version.text(), version.remedy(&asked))),
    }
}

fn not_granted(module: &ModuleName, import: &str, package: &str, grants: &Grants) -> Option<Defect> {
    let granted = match package {
        "minion:facts" => !grants.facts.is_empty(),
        "minion:kv" => grants.kv.is_some(),
        "minion:process" => !grants.process.is_empty(),
        _ => true,
    };
    let (_, line) = GATED.iter().find(|(gated, _)| *gated == package)?;
    (!granted).then(|| Defect::NotGranted { import: import.to_owned(), line, table: module.clone() })
}

impl<'a> Interface<'a> {
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
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let [major, minor, patch] = [numbers.next()??, numbers.next()??, numbers.next()??];
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Whether a component that was built against `asked` finds what it needs in this one.
    fn satisfies(self, asked: Version) -> bool {
        // A later patch only adds, and so the linker takes any: what is missing it says by function.
        if self.major == 0 { (0, self.minor) == (asked.major, asked.minor) } else { self.major == asked.major }
    }

    fn remedy(self, asked: &Interface<'_>) -> &'static str {
        match asked.version {
            Some(version) if version > self => "update the minion, or build the module against that version",
            Some(_) => "build the module against that version",
            None => "name the version",
        }
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ByteSize;

    fn message(import: &str, grants: &Grants) -> Option<String> {
        let module = "service".parse().expect("a name");
        problems(&module, &[import.to_owned()], grants).first().map(ToString::to_string)
    }

    #[test]
    fn what_is_always_there_needs_no_grant() {
        for import in ["wasi:cli/exit@0.2.6", "wasi:http/types@0.2.0", "minion:log/log@0.1.0", "minion:job/job@0.1.7"] {
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
    fn an_import_in_another_version_says_which_there_is() {
        let newer = message("minion:process/process@0.2.0", &Grants::default()).expect("refused");
        assert!(newer.contains("it has minion:process/process@0.1.0: update the minion"), "{newer}");
        let older = message("wasi:io/poll@0.1.9", &Grants::default()).expect("refused");
        assert!(older.contains("it has wasi:io/poll@0.2.12: build the module"), "{older}");
        for import in ["wasi:io/poll@0.2.0-rc-2023", "wasi:io/poll", "minion:log/logs@0.1.0", "acme:db/store@1.0.0", "f"] {
            assert!(message(import, &Grants::default()).expect("refused").contains("does not have"), "{import}");
        }
    }
}
