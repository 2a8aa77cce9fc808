//! `wasi:sockets`: nothing of it is granted to anyone, so no socket is ever made.
//!
//! The interfaces are linked, since guests import them unasked. A socket that may go nowhere would still be one
//! of the minion's descriptors: so the attempt to make one is refused, and is in the audit log.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};

use crate::sandbox::guest::Guest;

/// The interface that makes TCP sockets, as WASI's own linking names it.
const TCP: &str = "wasi:sockets/tcp-create-socket@0.2.12";
/// The interface that makes UDP sockets, likewise.
const UDP: &str = "wasi:sockets/udp-create-socket@0.2.12";

/// What a guest is answered that wants a socket.
type Answer<S, E> = wasmtime::Result<(Result<Resource<S>, E>,)>;

/// Puts the refusals in front of WASI's own functions.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let denied = || ErrorCode::AccessDenied;
    let tcp = refusal::<IpAddressFamily, TcpSocket, _>("make a TCP socket", denied);
    linker.instance(TCP)?.func_wrap("create-tcp-socket", tcp)?;
    let udp = refusal::<IpAddressFamily, UdpSocket, _>("make a UDP socket", denied);
    linker.instance(UDP)?.func_wrap("create-udp-socket", udp)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A function that makes no socket `S` of a family `F`, answers with this error, and has the attempt in the audit log.
pub(super) fn refusal<F, S, E>(
    attempt: &'static str,
    denied: fn() -> E,
) -> impl Fn(StoreContextMut<'_, Guest>, (F,)) -> Answer<S, E> {
    move |store, _| {
        store.data().job.denied("sockets", attempt);
        Ok((Err(denied()),))
    }
}
