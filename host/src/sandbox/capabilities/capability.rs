//! What a capability is: what the rest of the sandbox has to know of it, and how its functions are linked.

use wasmtime::component::Linker;

use super::package::Package;
use crate::policy::Grants;
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// Something of the host that a module may use.
pub(in crate::sandbox) struct Capability {
    /// By what the audit log names it, and the policy where it can be granted.
    pub(in crate::sandbox) name: &'static str,
    /// The packages in which it is.
    pub(in crate::sandbox) packages: &'static [Package],
    /// How it is granted; every module has it where there is nothing to grant.
    pub(in crate::sandbox) grant: Option<Grant>,
    /// What becomes of it in a dry run.
    pub(in crate::sandbox) dry_run: DryRun,
    /// Links it.
    pub(in crate::sandbox) link: Link,
    /// Links what there is of it by way of WASI 0.3, whose functions are async: not every engine knows such.
    pub(in crate::sandbox) link_later: Option<Link>,
}

/// Puts functions into a linker.
pub(in crate::sandbox) type Link = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// How a capability is granted.
pub(in crate::sandbox) struct Grant {
    /// What a module has without a grant.
    pub(in crate::sandbox) without: Without,
    /// A line of the policy that grants some of it.
    pub(in crate::sandbox) line: &'static str,
    /// Whether some of it is granted.
    pub(in crate::sandbox) is_given: fn(&Grants) -> bool,
    /// What to tell of such grants although they hold, a sentence each.
    pub(in crate::sandbox) cautions: fn(&Grants) -> Vec<String>,
}

/// What a module has that imports a capability without a grant of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Without {
    /// It is linked, and denied all that it asks for. Guests import it and never use it, so nobody is told.
    Unasked,
    /// It is linked, and denied all that it asks for. Guests that import it mean to use it, so a warning is given.
    Powerless,
    /// It is not loaded.
    Refused,
}

impl Capability {
    /// One that is ours and that every module has, where no `grant` is put in.
    pub(super) const fn ours(
        name: &'static str,
        packages: &'static [Package],
        dry_run: DryRun,
        link: Link,
    ) -> Self {
        Self { name, packages, grant: None, dry_run, link, link_later: None }
    }

    /// Whether every module is linked with it.
    pub(in crate::sandbox) fn is_for_all(&self) -> bool {
        self.grant.as_ref().is_none_or(|grant| grant.without != Without::Refused)
    }

    /// How it is granted, where a module that imports it is to know whether it is.
    pub(in crate::sandbox) fn needed_grant(&self) -> Option<&Grant> {
        self.grant.as_ref().filter(|grant| grant.without != Without::Unasked)
    }
}

impl Grant {
    /// One without which a module is not loaded, and of which there is nothing to tell where no `cautions` are put in.
    pub(super) const fn to_load(line: &'static str, is_given: fn(&Grants) -> bool) -> Self {
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
pub(super) use interface;

/// What there is nothing to tell of.
pub(super) fn no_caution(_: &Grants) -> Vec<String> {
    Vec::new()
}
