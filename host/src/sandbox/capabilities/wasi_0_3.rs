//! WASI 0.3 behind the same grants as 0.2: folders, requests, the granted environment, clocks, random numbers and the
//! standard streams.
//!
//! Sockets are linked, since guests import them unasked, and refused as those of 0.2 are.

use wasmtime::component::Linker;
use wasmtime_wasi::p3;
use wasmtime_wasi::p3::bindings::sockets::types::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket};

use super::sockets::refusal;
use super::{files, http};
use crate::sandbox::guest::Guest;

/// The interface that makes sockets, as WASI's own linking names it.
const SOCKETS: &str = "wasi:sockets/types@0.3.0";

/// Links what there is of WASI 0.3.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p3::cli::add_to_linker(linker)?;
    p3::clocks::add_to_linker(linker)?;
    p3::random::add_to_linker(linker)?;
    files::wasi_0_3::link(linker)?;
    http::wasi_0_3::link(linker)?;
    p3::sockets::add_to_linker(linker)?;
    without_sockets(linker)
}

/// Puts refusals in front of what makes sockets, as those of 0.2 have them.
fn without_sockets(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let (mut sockets, denied) = (linker.instance(SOCKETS)?, || ErrorCode::AccessDenied);
    let tcp = refusal::<IpAddressFamily, TcpSocket, _>("make a TCP socket", denied);
    sockets.func_wrap("[static]tcp-socket.create", tcp)?;
    let udp = refusal::<IpAddressFamily, UdpSocket, _>("make a UDP socket", denied);
    sockets.func_wrap("[static]udp-socket.create", udp)?;
    linker.allow_shadowing(false);
    Ok(())
}
