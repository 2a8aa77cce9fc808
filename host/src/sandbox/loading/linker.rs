//! Which functions of the host modules can be linked with.

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::policy::Grants;
use crate::sandbox::capabilities::{ALL, Grant};
use crate::sandbox::loading::engine::Concurrency;
use crate::sandbox::run::guest::Guest;

/// Links everything that needs no grant. All of WASI is among that, with nothing behind it unless it is granted:
/// guests import much of it that they never use.
pub(in crate::sandbox) fn base(engine: &Engine, concurrency: Concurrency) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    for capability in ALL.iter().filter(|capability| capability.is_for_all()) {
        (capability.link)(&mut linker)?;
        if let (Concurrency::On, Some(link)) = (concurrency, capability.link_later) {
            link(&mut linker)?;
        }
    }
    Ok(linker)
}

/// Adds to the base what policy grants this module.
pub(in crate::sandbox) fn granted(base: &Linker<Guest>, grants: &Grants) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = base.clone();
    let is_given = |grant: &Grant| (grant.is_given)(grants);
    for capability in ALL.iter().filter(|capability| !capability.is_for_all()) {
        if capability.grant.as_ref().is_some_and(is_given) {
            (capability.link)(&mut linker)?;
        }
    }
    Ok(linker)
}
