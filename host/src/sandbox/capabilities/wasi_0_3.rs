//! WASI 0.3, as far as it stands behind the same grants as 0.2: the granted environment, clocks, random numbers and the
//! standard streams.
//!
//! Files and sockets of 0.3 are linked, since guests import them unasked, with nothing behind them: what makes dry runs,
//! the audit log and the limits of files true stands before the functions of 0.2 alone. HTTP of 0.3 is not linked.

use wasmtime::component::Linker;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView};
use wasmtime_wasi::p3;
use wasmtime_wasi::p3::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p3::bindings::sockets::types::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::sockets::{TcpSocket, UdpSocket};

use super::sockets::refusal;
use crate::sandbox::guest::Guest;

/// The interface that makes sockets, as WASI's own linking names it.
const SOCKETS: &str = "wasi:sockets/types@0.3.0";

/// Links what there is of WASI 0.3.
pub(in crate::sandbox) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p3::cli::add_to_linker(linker)?;
    p3::clocks::add_to_linker(linker)?;
    p3::random::add_to_linker(linker)?;
    types::add_to_linker::<Guest, WasiFilesystem>(linker, without_folders)?;
    preopens::add_to_linker::<Guest, WasiFilesystem>(linker, without_folders)?;
    p3::sockets::add_to_linker(linker)?;
    without_sockets(linker)
}

/// A view of files in which no folder is open. Its table is its own: a handle of WASI 0.2 is of the same type here, and
/// must lead nowhere, as nothing stands in front of these functions.
fn without_folders(guest: &mut Guest) -> WasiFilesystemCtxView<'_> {
    WasiFilesystemCtxView { ctx: &mut guest.no_folders, table: &mut guest.no_files }
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
