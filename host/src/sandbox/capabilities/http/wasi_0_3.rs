//! `wasi:http` of WASI 0.3.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Access, FutureConsumer, FutureReader, Lift, Linker, Lower, Resource, Source, StreamReader,
};
use wasmtime_wasi_http::p3::bindings::http::types::{
    ErrorCode, Fields, HostRequestWithStore, HostResponseWithStore, Request, RequestOptions, Response,
};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use crate::sandbox::run::events::cut;
use crate::sandbox::run::guest::Guest;

/// The interface of requests and responses, as WASI's own linking names it.
const TYPES: &str = "wasi:http/types@0.3.0";
/// The most bytes of a text that a guest says of an error.
const MAX_TEXT: usize = 1 << 10;

/// How something ended, as the guest will tell.
type Ended<T> = FutureReader<Result<T, ErrorCode>>;
/// The bytes of a body.
type Contents = Option<StreamReader<u8>>;
/// What comes behind a body, as the guest will tell.
type Trailers = Ended<Option<Resource<Fields>>>;
/// The parameters of `request.new`.
type NewRequest = (Resource<Fields>, Contents, Trailers, Option<Resource<RequestOptions>>);
/// The parameters of `response.new`.
type NewResponse = (Resource<Fields>, Contents, Trailers);

/// Links requests, and cuts what a guest says of errors: the host keeps that until somebody asks for it.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[static]request.new",
        |mut store: StoreContextMut<'_, Guest>, (headers, contents, trailers, options): NewRequest| {
            let trailers = with_short_error(&mut store, trailers)?;
            Ok((<WasiHttp as HostRequestWithStore<Guest>>::new(
                http(store),
                headers,
                contents,
                trailers,
                options,
            )?,))
        },
    )?;
    types.func_wrap(
        "[static]request.consume-body",
        |mut store: StoreContextMut<'_, Guest>, (request, end): (Resource<Request>, Ended<()>)| {
            let end = with_short_error(&mut store, end)?;
            Ok((<WasiHttp as HostRequestWithStore<Guest>>::consume_body(http(store), request, end)?,))
        },
    )?;
    types.func_wrap(
        "[static]response.new",
        |mut store: StoreContextMut<'_, Guest>, (headers, contents, trailers): NewResponse| {
            let trailers = with_short_error(&mut store, trailers)?;
            Ok((<WasiHttp as HostResponseWithStore<Guest>>::new(http(store), headers, contents, trailers)?,))
        },
    )?;
    types.func_wrap(
        "[static]response.consume-body",
        |mut store: StoreContextMut<'_, Guest>, (response, end): (Resource<Response>, Ended<()>)| {
            let end = with_short_error(&mut store, end)?;
            Ok((<WasiHttp as HostResponseWithStore<Guest>>::consume_body(http(store), response, end)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The store in the form that WASI's own functions of bodies want.
fn http(store: StoreContextMut<'_, Guest>) -> Access<'_, Guest, WasiHttp> {
    Access::<Guest, WasiHttp>::new(store, |guest| guest.http())
}

/// The same end, as soon as the guest tells it, with a short text in its error.
fn with_short_error<T: Lift + Lower + Send + 'static>(
    store: &mut StoreContextMut<'_, Guest>,
    end: Ended<T>,
) -> wasmtime::Result<Ended<T>> {
    let (told, telling) = oneshot::channel();
    end.pipe(&mut *store, Shortened(Some(told)))?;
    FutureReader::new(&mut *store, telling)
}

/// Passes on how something ended.
struct Shortened<T>(Option<oneshot::Sender<Result<T, ErrorCode>>>);

impl<T: Lift + Send + 'static> FutureConsumer<Guest> for Shortened<T> {
    type Item = Result<T, ErrorCode>;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'_, Guest>,
        mut source: Source<'_, Self::Item>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut told = None;
        source.read(store, &mut told)?;
        if let (Some(told), Some(sender)) = (told, self.0.take()) {
            // Nobody waits for it where the body was dropped.
            let _ = sender.send(told.map_err(short));
        }
        Poll::Ready(Ok(()))
    }
}

/// The same error with a text that is cut to [`MAX_TEXT`] bytes.
fn short(error: ErrorCode) -> ErrorCode {
    use ErrorCode as Error;
    let short = |text: Option<String>| text.map(|text| cut(text, MAX_TEXT));
    match error {
        Error::InternalError(text) => Error::InternalError(short(text)),
        Error::HttpResponseTransferCoding(text) => Error::HttpResponseTransferCoding(short(text)),
        Error::HttpResponseContentCoding(text) => Error::HttpResponseContentCoding(short(text)),
        Error::DnsError(mut error) => {
            error.rcode = short(error.rcode);
            Error::DnsError(error)
        }
        Error::TlsAlertReceived(mut alert) => {
            alert.alert_message = short(alert.alert_message);
            Error::TlsAlertReceived(alert)
        }
        Error::HttpRequestHeaderSize(Some(mut field)) => {
            field.field_name = short(field.field_name);
            Error::HttpRequestHeaderSize(Some(field))
        }
        Error::HttpRequestTrailerSize(mut field) => {
            field.field_name = short(field.field_name);
            Error::HttpRequestTrailerSize(field)
        }
        Error::HttpResponseHeaderSize(mut field) => {
            field.field_name = short(field.field_name);
            Error::HttpResponseHeaderSize(field)
        }
        Error::HttpResponseTrailerSize(mut field) => {
            field.field_name = short(field.field_name);
            Error::HttpResponseTrailerSize(field)
        }
        other => other,
    }
}
