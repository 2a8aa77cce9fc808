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
type Answer<S> = wasmtime::Result<(Result<Resource<S>, ErrorCode>,)>;

/// Puts the refusals in front of WASI's own functions.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(TCP)?.func_wrap(
        "create-tcp-socket",
        |store: StoreContextMut<'_, Guest>, (_,): (IpAddressFamily,)| -> Answer<TcpSocket> {
            store.data().job.denied("sockets", "make a TCP socket");
            Ok((Err(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(UDP)?.func_wrap(
        "create-udp-socket",
        |store: StoreContextMut<'_, Guest>, (_,): (IpAddressFamily,)| -> Answer<UdpSocket> {
            store.data().job.denied("sockets", "make a UDP socket");
            Ok((Err(ErrorCode::AccessDenied),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
