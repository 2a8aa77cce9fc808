//! What of the host a module may use, one capability a file: its state, its functions, and a [`Capability`] that says what the
//! rest of the sandbox has to know of it.
//!
//! [`ALL`] is the list of them. The check of imports, the linker and dry runs go over it and know none by name.

mod capability;
pub(super) mod facts;
pub(super) mod files;
pub(super) mod http;
pub(super) mod job;
pub(super) mod kv;
pub(super) mod log;
pub(super) mod package;
pub(super) mod probe;
pub(super) mod process;
pub(super) mod settings;
pub(super) mod sockets;
pub(super) mod wasi;

pub(super) use self::capability::{Capability, Grant, Without};
use self::capability::{interface, no_caution};
use crate::policy::Grants;

/// All capabilities, in the order in which they are linked: those that put functions in front of WASI's own come after it.
pub(super) static ALL: [&Capability; 11] = [
    &wasi::CAPABILITY,
    &files::CAPABILITY,
    &sockets::CAPABILITY,
    &facts::CAPABILITY,
    &job::CAPABILITY,
    &kv::CAPABILITY,
    &log::CAPABILITY,
    &probe::CAPABILITY,
    &process::CAPABILITY,
    &http::CAPABILITY,
    &settings::CAPABILITY,
];

/// The capability that has a package.
pub(super) fn of_package(name: &str) -> Option<&'static Capability> {
    ALL.into_iter().find(|capability| capability.packages.iter().any(|package| package.name == name))
}

/// What to tell of grants although they hold, a sentence each, that reads on from the module's name.
pub fn cautions(grants: &Grants) -> Vec<String> {
    let all = ALL.iter().filter_map(|capability| capability.grant.as_ref());
    all.flat_map(|grant| (grant.cautions)(grants)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::policy::{Entry, ModulePolicy};

    /// Those that can be granted, with how.
    fn granted() -> impl Iterator<Item = (&'static str, &'static Grant)> {
        ALL.into_iter().filter_map(|capability| Some((capability.name, capability.grant.as_ref()?)))
    }

    #[test]
    fn each_package_of_ours_is_that_of_one_capability() {
        let packages = ALL.iter().flat_map(|capability| capability.packages);
        let ours: Vec<&str> = packages.filter_map(|package| package.name.strip_prefix("minion:")).collect();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let folders = wit.read_dir().expect("a folder").filter_map(Result::ok);
        let folders: Vec<String> = folders
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        assert_eq!(ours.len(), ours.iter().collect::<BTreeSet<_>>().len());
        assert_eq!(
            ours.into_iter().collect::<BTreeSet<_>>(),
            folders.iter().map(String::as_str).collect::<BTreeSet<_>>()
        );
    }

    #[test]
    fn each_line_grants_what_it_is_advised_for_and_nothing_else() {
        for (name, grant) in granted() {
            // What stands for something of the owner's choice.
            let line = match name {
                "files" => grant.line.replace('…', "/srv"),
                _ => grant.line.replace('…', "a.example"),
            };
            let entry: Entry = toml::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let mut policy = ModulePolicy::default();
            assert!(!(grant.is_given)(&policy.grants), "{line}");
            entry.add_to(&mut policy);
            for (other, its) in granted() {
                assert_eq!((its.is_given)(&policy.grants), other == name, "{line}: {other}");
            }
        }
    }
}
