//! `wasi:http`: requests to the addresses that policy grants.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks, default_send_request};

use crate::policy::ModulePolicy;
use crate::sandbox::cancel::CancelSignal;
use crate::sandbox::dry_run::{Recorder, RunMode};
use crate::sandbox::events::{Denial, JobEvents};

/// Lets granted requests out and no others. Redirects are requests of the guest's own, so each is checked.
pub(in crate::sandbox) struct Egress {
    /// Whose grants count.
    pub(in crate::sandbox) policy: Arc<ModulePolicy>,
    /// Who hears of what they do not cover.
    pub(in crate::sandbox) events: Arc<dyn JobEvents>,
    /// Whether anything but reading is only recorded.
    pub(in crate::sandbox) mode: RunMode,
    /// Where it is recorded then.
    pub(in crate::sandbox) recorder: Recorder,
    /// The wish to stop the job, which ends a request that is under way.
    pub(in crate::sandbox) cancel: CancelSignal,
}

/// A future as the hooks of `wasi:http` want it.
type Sent<T> = Box<dyn Future<Output = Result<T>> + Send>;

impl Egress {
    /// Whether the request may go out. The grant must name the host itself to reach the minion's own host or
    /// its neighbours on the link.
    fn check(&self, request: &Request<WasiBody>) -> Result<Reach> {
        let uri = request.uri();
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut grants = self.policy.grants.http.iter();
        let covering = grants.find(|grant| grant.allows(scheme, host, uri.port_u16(), path));
        let Some(grant) = covering else {
            let attempt = format!("{} {scheme}://{host}{path}", request.method());
            self.events.denied(Denial { capability: "http", attempt });
            return Err(Error::HttpRequestDenied);
        };
        if self.mode == RunMode::Dry && !matches!(*request.method(), Method::GET | Method::HEAD) {
            let record = format!("{} {uri}", request.method());
            self.recorder.record(record.clone());
            return Err(Error::InternalError(Some(format!("dry run: would send {record}"))));
        }
        let named = grant.names_host(host) && (host == "localhost" || is_address(host));
        Ok(if named { Reach::Anywhere } else { Reach::Outside })
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Sent<(Response<WasiBody>, Sent<()>)> {
        let (reach, cancel) = (self.check(&request), self.cancel.clone());
        // Ends with the job: WASI runs it in a task that is aborted when its handle is dropped.
        Box::new(async move {
            let reach = reach?;
            let answered = async {
                let (response, connection) =
                    default_send_request(resolve(request, reach).await?, options).await?;
                Ok((response.map(|body| body.boxed_unsync()), Box::new(connection) as Sent<()>))
            };
            tokio::select! {
                answered = answered => answered,
                () = cancel.cancelled() => Err(Error::InternalError(Some("the job is being cancelled".into()))),
            }
        })
    }
}

/// Which addresses a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Any.
    Anywhere,
    /// Any but this host and its link: a granted name must not be a way to services that trust the host.
    Outside,
}

/// Looks the host up and refuses addresses out of reach. The request then goes to the address that was
/// checked; for HTTPS the certificate ties it to the name instead.
async fn resolve(mut request: Request<WasiBody>, reach: Reach) -> Result<Request<WasiBody>> {
    let uri = request.uri().clone();
    let secure = uri.scheme() == Some(&Scheme::HTTPS);
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let not_found = |_| Error::DnsError { rcode: Some("name not found".into()), info_code: None };
    let found: Vec<SocketAddr> = tokio::net::lookup_host((bare, port)).await.map_err(not_found)?.collect();
    if reach == Reach::Outside && found.iter().any(|address| !is_outside(address.ip())) {
        return Err(Error::DestinationIpProhibited);
    }
    let address = found.first().ok_or(Error::DestinationNotFound)?;
    if !secure {
        let mut parts = uri.into_parts();
        let authority = Authority::try_from(address.to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
        parts.authority = Some(authority);
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    }
    Ok(request)
}

/// Whether a host is an address and no name.
fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

/// Whether an address leads away from this host and its link. An IPv4 address in the clothes of an IPv6 one
/// counts as what it is.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified()),
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;
    use crate::policy::Grants;
    use crate::sandbox::events::testing::Recorded;

    fn request(method: Method, uri: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never: std::convert::Infallible| match never {}).boxed_unsync();
        Request::builder().method(method).uri(uri).body(body).unwrap()
    }

    fn egress(granted: &[&str], mode: RunMode) -> (Egress, Arc<Recorded>) {
        let http = granted.iter().map(|url| url.parse().unwrap()).collect();
        let policy = ModulePolicy { grants: Grants { http, ..Grants::default() }, ..ModulePolicy::default() };
        let events = Arc::new(Recorded::default());
        let (recorder, cancel) = (Recorder::default(), CancelSignal::new());
        (Egress { policy: Arc::new(policy), events: events.clone(), mode, recorder, cancel }, events)
    }

    #[test]
    fn a_request_beyond_the_grants_is_denied_and_audited() {
        let (egress, events) = egress(&["https://a.example/*"], RunMode::Real);
        assert!(egress.check(&request(Method::GET, "https://a.example/x")).is_ok());
        let refused = egress.check(&request(Method::GET, "https://b.example/x"));
        assert!(matches!(refused, Err(Error::HttpRequestDenied)));
        assert_eq!(events.denied.lock().unwrap()[0].attempt, "GET https://b.example/x");
    }

    #[test]
    fn a_dry_run_reads_and_records_what_it_would_send() {
        let (egress, _) = egress(&["https://a.example"], RunMode::Dry);
        assert!(egress.check(&request(Method::GET, "https://a.example/x")).is_ok());
        assert!(egress.check(&request(Method::POST, "https://a.example/x")).is_err());
        assert_eq!(egress.recorder.take(), ["POST https://a.example/x"]);
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_host_is_refused_unless_it_is_granted_as_such() {
        let outside = resolve(request(Method::GET, "http://localhost:1/"), Reach::Outside).await;
        assert!(matches!(outside, Err(Error::DestinationIpProhibited)));
        let (egress, _) = egress(&["http://localhost:1/*", "http://*.example/*"], RunMode::Real);
        let reach = egress.check(&request(Method::GET, "http://localhost:1/")).unwrap();
        assert_eq!(reach, Reach::Anywhere);
        let sent = resolve(request(Method::GET, "http://localhost:1/a?b"), reach).await.unwrap();
        assert!(is_address(sent.uri().host().unwrap()) && sent.uri().path() == "/a");
        let reach = egress.check(&request(Method::GET, "http://a.example/")).unwrap();
        assert_eq!(reach, Reach::Outside);
        for inside in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1", "0.0.0.0"] {
            assert!(!is_outside(inside.parse().unwrap()), "{inside}");
        }
    }
}
