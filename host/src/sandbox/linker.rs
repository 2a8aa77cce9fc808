//! What modules can be linked with.
//!
//! The only place where the WASI bindings are made for our store: they are most of what this crate takes to
//! build.

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::capabilities::{facts, files, job, kv, log, probe, process, settings, sockets, wasi_0_3};
use super::engine::Concurrency;
use super::guest::Guest;
use crate::policy::Grants;

/// Everything that needs no grant. All of WASI is here, with nothing behind it unless it is granted: guests
/// import much of it that they never use.
pub(super) fn base(engine: &Engine, concurrency: Concurrency) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    files::wasi_0_2::link(&mut linker)?;
    sockets::link(&mut linker)?;
    // Its functions are async, which the other engine does not know.
    if concurrency == Concurrency::On {
        wasi_0_3::link(&mut linker)?;
    }
    log::link(&mut linker)?;
    job::link(&mut linker)?;
    settings::link(&mut linker)?;
    Ok(linker)
}

/// The base, and what policy grants this module besides.
pub(super) fn granted(base: &Linker<Guest>, grants: &Grants) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = base.clone();
    if !grants.facts.is_empty() {
        facts::link(&mut linker)?;
    }
    if grants.kv.is_some() {
        kv::link(&mut linker)?;
    }
    if !grants.probe.is_empty() {
        probe::link(&mut linker)?;
    }
    if !grants.process.is_empty() {
        process::link(&mut linker)?;
    }
    Ok(linker)
}
