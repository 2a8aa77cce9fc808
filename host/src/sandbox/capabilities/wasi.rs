//! WASI: the folders and environment variables that policy grants, and nothing else of the host.
//!
//! Clocks and random numbers are always there, and for a command what its call gives it.

use std::collections::BTreeMap;

use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::files;
use crate::policy::Grants;
use crate::sandbox::command::Command;
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::printed::Printed;
use crate::sandbox::stdio::Output;

/// The most random bytes of one request.
const MAX_RANDOM: u64 = 1 << 20;

/// The WASI side of one job. Fails where a granted folder cannot be opened, with what to do about it.
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
