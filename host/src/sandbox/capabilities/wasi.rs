//! WASI: the folders and environment variables that policy grants, and nothing else of the host.
//!
//! Clocks and random numbers are always there, and a command also has what its call gives it. WASI 0.3 is behind
//! the same grants as 0.2.

use std::collections::BTreeMap;

use wasmtime::component::Linker;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, p3};

use super::package::Package;
use super::{Capability, files};
use crate::policy::Grants;
use crate::sandbox::run::command::Command;
use crate::sandbox::run::dry_run::{DryRun, RunMode};
use crate::sandbox::run::guest::Guest;
use crate::sandbox::run::printed::Printed;
use crate::sandbox::run::stdio::Output;

/// What the sandbox has to know of it. Folders, requests and sockets have files of their own.
pub(super) const CAPABILITY: Capability = Capability {
    name: "wasi",
    packages: &[
        Package::wasi("wasi:cli", &CLI),
        Package::wasi("wasi:clocks", &["monotonic-clock", "wall-clock"]),
        Package::wasi("wasi:io", &["error", "poll", "streams"]),
        Package::wasi("wasi:random", &RANDOM),
        Package::later("wasi:cli", &CLI),
        Package::later("wasi:clocks", &["monotonic-clock", "system-clock"]),
        Package::later("wasi:random", &RANDOM),
    ],
    grant: None,
    dry_run: DryRun::Same,
    link: wasmtime_wasi::p2::add_to_linker_async,
    link_later: Some(link_later),
};

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
/// The interfaces of `wasi:random`.
const RANDOM: [&str; 3] = ["insecure", "insecure-seed", "random"];
/// The most random bytes of one request.
const MAX_RANDOM: u64 = 1 << 20;

/// Links what there is of WASI 0.3.
fn link_later(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p3::cli::add_to_linker(linker)?;
    p3::clocks::add_to_linker(linker)?;
    p3::random::add_to_linker(linker)
}

/// The WASI side of one job.
///
/// # Errors
/// Where a granted folder cannot be opened, with what to do about it.
pub(in crate::sandbox) fn context(
    grants: &Grants,
    mode: RunMode,
    [stdout, stderr]: [&Output; 2],
    command: Option<(Command, &Printed)>,
) -> Result<WasiCtx, String> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    files::open(&mut wasi, &grants.files, mode)?;
    let granted = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let mut env: BTreeMap<String, String> = grants.env.iter().filter_map(granted).collect();
    if let Some((command, printed)) = command {
        wasi.args(&command.args).stdin(MemoryInputPipe::new(command.stdin)).stdout(printed.clone());
        env.extend(command.env);
    }
    for (name, value) in &env {
        wasi.env(name, value);
    }
    Ok(wasi.build())
}
