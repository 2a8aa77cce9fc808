//! WASI: the folders and environment variables that policy grants, and nothing else of the host.
//!
//! Clocks and random numbers are always there. Sockets are linked, since guests import them unasked, and
//! refuse every address.

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::policy::{FileMode, Grants};
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::stdio::Output;

/// The most random bytes of one request.
const MAX_RANDOM: u64 = 1 << 20;

/// The WASI side of one job. Fails where a granted folder cannot be opened, with what to do about it.
///
/// In a dry run every folder is read-only.
pub(in crate::sandbox) fn context(
    grants: &Grants,
    mode: RunMode,
    stdout: &Output,
    stderr: &Output,
) -> Result<WasiCtx, String> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    for folder in &grants.files {
        let perms = match (folder.mode, mode) {
            (FileMode::ReadWrite, RunMode::Real) => FsPerms::ReadWrite,
            _ => FsPerms::ReadOnly,
        };
        wasi.preopened_dir(&folder.host, &folder.guest, perms).map_err(|error| {
            let reason = error.root_cause();
            format!("the granted folder \"{}\" cannot be opened ({reason}): make it", folder.host.display())
        })?;
    }
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            wasi.env(name, &value);
        }
    }
    Ok(wasi.build())
}
