//! WASI: the folders and environment variables that policy grants, and nothing else of the host.
//!
//! Clocks and random numbers are always there. Sockets are linked, since guests import them unasked, and
//! refuse every address.

use std::sync::Arc;

use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::files;
use crate::policy::Grants;
use crate::sandbox::dry_run::RunMode;
use crate::sandbox::events::{Denial, JobEvents};
use crate::sandbox::stdio::Output;

/// The most random bytes of one request.
const MAX_RANDOM: u64 = 1 << 20;

/// The WASI side of one job. Fails where a granted folder cannot be opened, with what to do about it.
pub(in crate::sandbox) fn context(
    grants: &Grants,
    mode: RunMode,
    [stdout, stderr]: [&Output; 2],
    events: Arc<dyn JobEvents>,
) -> Result<WasiCtx, String> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
    // Sockets can be made, so that the attempt to use one is seen.
    wasi.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(false);
    wasi.socket_addr_check(move |address, to| {
        let implicit = address.ip().is_unspecified() && address.port() == 0;
        if implicit && matches!(to, SocketAddrUse::TcpBind | SocketAddrUse::UdpBind) {
            // Comes before any connection and reaches nothing; what follows tells more.
            return Box::pin(async { true });
        }
        events.denied(Denial { capability: "sockets", attempt: format!("{} {address}", words(to)) });
        Box::pin(async { false })
    });
    files::open(&mut wasi, &grants.files, mode)?;
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            wasi.env(name, &value);
        }
    }
    Ok(wasi.build())
}

/// What a guest tried to do with an address.
fn words(to: SocketAddrUse) -> &'static str {
    match to {
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => "bind",
        SocketAddrUse::TcpListen => "listen on",
        SocketAddrUse::TcpAccept => "accept",
        SocketAddrUse::TcpConnect => "connect to",
        SocketAddrUse::UdpSend => "send to",
        SocketAddrUse::UdpReceive => "receive from",
    }
}
