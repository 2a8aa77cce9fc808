//! `wasi:sockets`: none of it is ever granted, so no socket is ever made.
//!
//! The interfaces are linked, since guests import them without using them. A socket that may go nowhere would
//! still take one of the minion's descriptors, so the attempt to make one is refused, and is in the audit log.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};
use wasmtime_wasi::p3;
use wasmtime_wasi::p3::bindings::sockets::types as later;
use wasmtime_wasi::sockets;

use super::Capability;
use super::package::Package;
use crate::sandbox::run::dry_run::DryRun;
use crate::sandbox::run::guest::Guest;

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    name: "sockets",
    packages: &[
        Package::wasi(
            "wasi:sockets",
            &[
                "instance-network",
                "ip-name-lookup",
                "network",
                "tcp",
                "tcp-create-socket",
                "udp",
                "udp-create-socket",
            ],
        ),
        Package::later("wasi:sockets", &["ip-name-lookup", "types"]),
    ],
    grant: None,
    dry_run: DryRun::Same,
    link,
    link_later: Some(link_later),
};

/// The interface that makes TCP sockets, as WASI's own linking names it.
const TCP: &str = "wasi:sockets/tcp-create-socket@0.2.12";
/// The interface that makes UDP sockets, as WASI's own linking names it.
const UDP: &str = "wasi:sockets/udp-create-socket@0.2.12";
/// The interface that makes both in WASI 0.3.
const LATER: &str = "wasi:sockets/types@0.3.0";

/// What a guest is answered that wants a socket.
type Answer<S, E> = wasmtime::Result<(Result<Resource<S>, E>,)>;

/// Puts the refusals in front of WASI's own functions.
fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let denied = || ErrorCode::AccessDenied;
    let tcp = refusal::<IpAddressFamily, TcpSocket, _>("make a TCP socket", denied);
    linker.instance(TCP)?.func_wrap("create-tcp-socket", tcp)?;
    let udp = refusal::<IpAddressFamily, UdpSocket, _>("make a UDP socket", denied);
    linker.instance(UDP)?.func_wrap("create-udp-socket", udp)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Links the sockets of WASI 0.3, and puts the same refusals in front of what makes them.
fn link_later(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p3::sockets::add_to_linker(linker)?;
    linker.allow_shadowing(true);
    let (mut sockets, denied) = (linker.instance(LATER)?, || later::ErrorCode::AccessDenied);
    let tcp = refusal::<later::IpAddressFamily, sockets::TcpSocket, _>("make a TCP socket", denied);
    sockets.func_wrap("[static]tcp-socket.create", tcp)?;
    let udp = refusal::<later::IpAddressFamily, sockets::UdpSocket, _>("make a UDP socket", denied);
    sockets.func_wrap("[static]udp-socket.create", udp)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A function that makes no socket `S` of a family `F`: it answers with this error, and writes the attempt into
/// the audit log.
fn refusal<F, S, E>(
    attempt: &'static str,
    denied: fn() -> E,
) -> impl Fn(StoreContextMut<'_, Guest>, (F,)) -> Answer<S, E> {
    move |store, _| {
        store.data().job.denied(&CAPABILITY, attempt);
        Ok((Err(denied()),))
    }
}
