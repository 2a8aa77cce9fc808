//! How much memory of the host's is behind the handles of a guest.
//!
//! WASI makes its resources in many functions, and a guest can fill and copy them. So they are not counted where
//! they are made, where one could be forgotten: from time to time while the guest runs, all that exist are looked
//! through.

use std::any::Any;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::bindings::filesystem::types::DirectoryEntryStream;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::body::HostOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::p3 as wasi_0_3;

/// How many bytes any resource takes, with its place in the table.
const ANY: u64 = 256;
/// How many bytes anything takes that runs beside the guest.
const CONCURRENT: u64 = 2 << 10;
/// How many bytes a stream may have read ahead or not yet written.
const STREAM: u64 = 64 << 10;
/// How many bytes the body of a request takes while it is written.
const BODY: u64 = 64 << 10;
/// How many bytes a folder takes that is being listed: all its names are read at the beginning.
const LISTING: u64 = 1 << 20;
/// How many bytes a header takes besides its name and its value.
const HEADER: usize = 128;

/// How many bytes all resources of a guest take.
pub(in crate::sandbox) fn held(table: &mut ResourceTable) -> u64 {
    table.iter_mut().map(|resource| ANY + size(resource)).sum()
}

/// How many bytes everything takes that runs beside the guest, or passes between it and the host: calls of
/// functions that wait, streams and futures of WASI 0.3, each with its two ends.
pub(in crate::sandbox) fn concurrent(table: &mut ResourceTable) -> u64 {
    CONCURRENT * table.iter_mut().count() as u64
}

/// How many bytes one resource takes besides those that any takes.
fn size(resource: &(dyn Any + Send)) -> u64 {
    // The kind of which a guest may have most is looked for first.
    if resource.is::<DynPollable>() {
        0
    } else if let Some(fields) = resource.downcast_ref::<FieldMap>() {
        headers(fields)
    } else if let Some(request) = resource.downcast_ref::<HostOutgoingRequest>() {
        self::request(request)
    } else if let Some(response) = resource.downcast_ref::<HostIncomingResponse>() {
        headers(&response.headers)
    } else if let Some(request) = resource.downcast_ref::<wasi_0_3::Request>() {
        let path = request.path_with_query.as_ref().map_or(0, |path| path.as_str().len());
        let host = request.authority.as_ref().map_or(0, |authority| authority.as_str().len());
        headers(&request.headers) + (path + host + request.method.as_str().len()) as u64
    } else if let Some(response) = resource.downcast_ref::<wasi_0_3::Response>() {
        headers(&response.headers)
    } else if resource.is::<DynInputStream>() || resource.is::<DynOutputStream>() {
        STREAM
    } else if resource.is::<HostOutgoingBody>() {
        BODY
    } else if resource.is::<DirectoryEntryStream>() {
        LISTING
    } else {
        0
    }
}

/// How many bytes a request takes that is being made.
fn request(request: &HostOutgoingRequest) -> u64 {
    let method = if let Method::Other(method) = &request.method { method.capacity() } else { 0 };
    let scheme = if let Some(Scheme::Other(scheme)) = &request.scheme { scheme.capacity() } else { 0 };
    let texts = [&request.authority, &request.path_with_query].into_iter().flatten().map(String::capacity);
    headers(&request.headers) + (method + scheme + texts.sum::<usize>()) as u64
}

/// How many bytes headers take.
fn headers(fields: &FieldMap) -> u64 {
    let texts: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (texts + fields.capacity().max(fields.len()) * HEADER) as u64
}
