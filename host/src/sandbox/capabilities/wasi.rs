//! WASI: the folders and environment variables that policy grants, and nothing else of the host.
//!
//! Clocks and random numbers are always there.

use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::files;
use crate::policy::Grants;
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::stdio::Output;

/// The most random bytes of one request.
const MAX_RANDOM: u64 = 1 << 20;

/// The WASI side of one job. Fails where a granted folder cannot be opened, with what to do about it.
pub(in crate::sandbox) fn context(
    grants: &Grants,
    mode: RunMode,
    [stdout, stderr]: [&Output; 2],
) -> Result<WasiCtx, String> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    files::open(&mut wasi, &grants.files, mode)?;
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            wasi.env(name, &value);
        }
    }
    Ok(wasi.build())
}
