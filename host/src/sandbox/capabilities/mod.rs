//! What of the host a module may use, one capability a file: its state, its functions, and a [`Capability`] that says what the
//! rest of the sandbox has to know of it.
//!
//! [`ALL`] is the list of them. The check of imports, the linker and dry runs go over it and know none by name.

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

use wasmtime::component::Linker;

use self::package::Package;
use crate::policy::Grants;
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

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

/// Something of the host that a module may use.
pub(super) struct Capability {
    /// By what the audit log names it, and the policy where it can be granted.
    pub(super) name: &'static str,
    /// The packages in which it is.
    pub(super) packages: &'static [Package],
    /// How it is granted; every module has it where there is nothing to grant.
    pub(super) grant: Option<Grant>,
    /// What becomes of it in a dry run.
    pub(super) dry_run: DryRun,
    /// Links it.
    pub(super) link: Link,
    /// Links what there is of it by way of WASI 0.3, whose functions are async: not every engine knows such.
    pub(super) link_later: Option<Link>,
}

/// Puts functions into a linker.
pub(super) type Link = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// How a capability is granted.
pub(super) struct Grant {
    /// What a module has without a grant.
    pub(super) without: Without,
    /// A line of the policy that grants some of it.
    pub(super) line: &'static str,
    /// Whether some of it is granted.
    pub(super) is_given: fn(&Grants) -> bool,
    /// What to tell of such grants although they hold, a sentence each.
    pub(super) cautions: fn(&Grants) -> Vec<String>,
}

/// What a module has that imports a capability without a grant of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    /// It is linked, and denied all that it asks for. Guests import it and never use it, so nobody is told.
    Unasked,
    /// It is linked, and denied all that it asks for. Guests that import it mean to use it, so a warning is given.
    Powerless,
    /// It is not loaded.
    Refused,
}

impl Capability {
    /// One that is ours and that every module has, where no `grant` is put in.
    const fn ours(name: &'static str, packages: &'static [Package], dry_run: DryRun, link: Link) -> Self {
        Self { name, packages, grant: None, dry_run, link, link_later: None }
    }

    /// Whether every module is linked with it.
    pub(super) fn is_for_all(&self) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.without != Without::Refused)
    }

    /// How it is granted, where a module that imports it is to know whether it is.
    pub(super) fn needed_grant(&self) -> Option<&Grant> {
        self.grant.as_ref().filter(|grant| grant.without != Without::Unasked)
    }
}

impl Grant {
    /// One without which a module is not loaded, and of which there is nothing to tell where no `cautions` are put in.
    const fn to_load(line: &'static str, is_given: fn(&Grants) -> bool) -> Self {
        Self { without: Without::Refused, line, is_given, cautions: no_caution }
    }
}

/// Makes the bindings of an interface of ours that has the name of its package, and `link`, which makes it available.
macro_rules! interface {
    ($name:ident, $path:literal, $import:literal $(, $option:ident: $value:tt)*) => {
        mod bindings {
            #![allow(missing_docs, clippy::all)]
            wasmtime::component::bindgen!({ path: $path, interfaces: $import, $($option: $value),* });
        }

        /// Makes the interface available.
        fn link(linker: &mut wasmtime::component::Linker<Guest>) -> wasmtime::Result<()> {
            type Itself = wasmtime::component::HasSelf<Guest>;
            bindings::minion::$name::$name::add_to_linker::<Guest, Itself>(linker, |guest| guest)
        }
    };
}
use interface;

/// The capability that has a package.
pub(super) fn of_package(name: &str) -> Option<&'static Capability> {
    ALL.into_iter().find(|capability| capability.packages.iter().any(|package| package.name == name))
}

/// What to tell of grants although they hold, a sentence each, that reads on from the module's name.
pub fn cautions(grants: &Grants) -> Vec<String> {
    let all = ALL.iter().filter_map(|capability| capability.grant.as_ref());
    all.flat_map(|grant| (grant.cautions)(grants)).collect()
}

/// What there is nothing to tell of.
pub(super) fn no_caution(_: &Grants) -> Vec<String> {
    Vec::new()
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
